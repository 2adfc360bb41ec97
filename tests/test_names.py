"""Short names for cells in the front matter of a page: what they stand for, and what is refused."""

import pytest

from inputgrad.ground.checks import InputError
from inputgrad.report import book, names

PAGE = """---
title: A page
cells:
  alexnet: sign model=AlexNet metric=accuracy  # the network of Table 1
  cifar: dataset=CIFAR-10
  logit: '"reading=attack_loss=nll logits"'
description: What it says
---
Text [[ours alexnet cifar attack=FGM logit]].
"""
SPELT = "[[ours sign model=AlexNet metric=accuracy dataset=CIFAR-10 attack=FGM 'reading=attack_loss=nll logits']]"


def test_names_are_spelt_out_and_leave_the_front_matter():
    assert names.spelt_out(PAGE, "page.md") == (f"---\ntitle: A page\ndescription: What it says\n---\nText {SPELT}.\n")


def test_a_page_without_names_stays_as_it_is():
    text = "---\ntitle: A page\n---\nText [[count sign claims]] [[ours sign dataset=MNIST]] cells:\n  a: b\n"
    assert names.spelt_out(text, "page.md") == text


def test_a_name_means_what_its_selector_means():
    long = "[[paper sign dataset=CIFAR-10 model=AlexNet attack=FGM eps=0.30 metric=accuracy]]"
    page = "---\ncells:\n  net: sign dataset=CIFAR-10 model=AlexNet\n  fgm: attack=FGM eps=0.30 metric=accuracy\n---\n"
    assert book.fill(f"{page}[[paper net fgm]]", "page.md") == f"---\n---\n{book.fill(long, 'page.md')}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[ours alexnet cifar", "[[ours alexnet cifra", "page.md: cell name 'cifra' is unknown: .*did you mean 'cifar'"),
        ("[[ours alexnet cifar", "[[ours alexnet", "page.md: no token uses the cell name 'cifar'"),
        ("  cifar:", "  alexnet: model=B\n  cifar:", "page.md: cell name names alexnet more than once"),
        ("[[ours alexnet", "[[ours alexnet model=ResNet-18", "page.md: .* says model twice"),
        ("  cifar: dataset=CIFAR-10", "  cifar: [a]", "page.md: cells cannot be read"),
        ("  cifar:", "  sign: model=B\n  cifar:", "page.md: 'sign' cannot be a cell name"),
        ("attack=FGM", 'attack="FGM', "page.md: .* cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_refused_in_one_sentence(old, new, said):
    with pytest.raises(InputError, match=said):
        names.spelt_out(PAGE.replace(old, new), "page.md")
