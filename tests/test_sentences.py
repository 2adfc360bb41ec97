"""A sentence that compares or generalises rests on a predicate, or is known to state no result of ours."""

import json
import re
from pathlib import Path

import pytest

from inputgrad.ground.checks import InputError
from inputgrad.report import book, claims
from inputgrad.study import STUDY

ROOT = Path(__file__).resolve().parents[1]
KNOWN = ROOT / "tests" / "sentences"
"""A file for each page: sentences that compare and state no result of ours, one a line."""

COMPARES = re.compile(
    r"\b(all|every|none|never|always|most|mostly|only|more|less|fewer|than|the same|closer|stronger|weaker|shorter|"
    r"longer|larger|smaller|higher|lower|better|worse|best|worst|nearer|neither|nothing|nearly|cannot|half of)\b",
    re.IGNORECASE,
)
PLAIN = re.compile(r"<!-- holds (\w+) (\w+) -->(.*?)<!-- /holds -->", re.S)
"""As ``[[holds ...]]``, on pages that no build fills: the README and the changelog."""

PAGES = sorted([*(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").rglob("*.ipynb"), ROOT / "README.md",
                ROOT / "CHANGELOG.md"])  # fmt: skip


def filled(page):
    """Are a page's tokens filled when the book is staged? Not in notebooks, the README and the changelog."""
    return page.suffix == ".md" and page.parent != ROOT


def prose(page):
    """What a page says in words: no code, tables, directives, front matter, tokens or generated parts."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        text = "\n\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"<!-- scoreboard.*?<!-- end of scoreboard -->", "", text, flags=re.S)
    text = text.split("\n## 0.1.0\n")[0]  # of the changelog, what is concluded now
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    text = book.TOKEN.sub("N", text)
    text = (book.HOLDS if filled(page) else PLAIN).sub(" ", text)
    return "\n".join(line for line in text.split("\n") if not line.startswith(("|", "#", ":", "(")))


def sentences(text):
    """The sentences of a text, each on one line."""
    for paragraph in re.split(r"\n\s*\n|\n(?=[-*] |\d+\. )", text):
        for sentence in re.split(r"(?<=[.!?:;])\s+(?=[A-Z`*_\[])", " ".join(paragraph.split())):
            if sentence:
                yield sentence


def unbacked(page):
    """The sentences of a page that compare and rest on no predicate."""
    return [s for s in sentences(prose(page)) if COMPARES.search(s)]


def known(page):
    """Those that are known to state no result of ours."""
    path = KNOWN / page.relative_to(ROOT).with_suffix(".txt")
    return set(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_that_compare_rest_on_a_predicate(page):
    new = [sentence for sentence in unbacked(page) if sentence not in known(page)]
    assert not new, (
        f"{page.relative_to(ROOT)}: put each into [[holds PAPER CLAIM: ...]], or, if it states no result of ours, into "
        f"tests/sentences/{page.relative_to(ROOT).with_suffix('.txt')}:\n" + "\n".join(new)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_known_sentence_is_gone(page):
    assert known(page) <= set(unbacked(page))


def test_a_sentence_stays_only_while_its_claim_is_reproduced():
    assert book.fill("It falls: [[holds sign c04: FGSM leaves [[count sign claims]] or less]].", "here") == (
        f"It falls: FGSM leaves {sum(c.kind == 'result' for c in claims.load('sign'))} or less"
        f'<sup class="claim" title="rests on sign.c04">[¶](#claim-sign-c04)</sup>.'
    )
    assert book.fill("[[holds sign d42: It is near]].", "here").endswith(
        'title="rests on sign.d42, set or changed after rows of it were seen">[¶°](#claim-sign-d42)</sup>.'
    )
    with pytest.raises(InputError, match="here: 'all of it' rests on sign.c05, which is: not reproduced"):
        book.fill("[[holds sign c05: all\nof it]]", "here")
    with pytest.raises(InputError, match="here: claim of sign 'c99' is unknown"):
        book.fill("[[holds sign c99: all of it]]", "here")
    with pytest.raises(InputError, match="here: paper 'sing' is unknown"):
        book.fill("[[holds sing c02: all of it]]", "here")
    with pytest.raises(InputError, match=r"here: '\[\[holds sign c02 all of it' cannot be read"):
        book.fill("[[holds sign c02 all of it", "here")


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_what_the_readme_and_the_changelog_say_holds(name):
    for key, claim, text in PLAIN.findall((ROOT / name).read_text(encoding="utf-8")):
        book.sentence(key, claim, text, name)


def moved():
    """``(claim, word)`` for every claim that a table of the changelog says something of today's verdict on."""
    said = {"say little": "says little", "hold in print": "holds in print"}
    words = re.compile("|".join(sorted((*said, *claims.WORDS, *claims.IN_PRINT.values()), key=len, reverse=True)))
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## 0.1.0\n")[0]
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
        for row in rows:
            of = {
                name: cell
                for name, cell in zip(head, row, strict=True)
                if name == "verdict" or name.startswith("CIFAR")
            }
            found = [said.get(word, word) for word in words.findall(" ".join(of.values()))]
            names = re.findall(r"`(\w+\.c\w+)`", row[0])
            each = (
                found
                if len(names) == len(found) and not of.get("verdict", "").startswith(("was", "were"))
                else found[-1:] * len(names)
            )
            yield from zip(names, each, strict=True)


def test_the_changelogs_tables_have_the_verdicts_of_now():
    now = {v.claim.id: v.word for key in STUDY for v in claims.verdicts(key)}
    listed = list(moved())
    assert len(listed) > 40 and [(name, word, now[name]) for name, word in listed if now[name] != word] == []


def test_another_comparison_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("FGM is weaker than FGSM. It runs.\n\n[[holds sign c04: FGSM takes nearly all]].\n\n- Most do.\n")
    assert unbacked(page) == ["FGM is weaker than FGSM.", "- Most do."]
