"""What the papers print and claim, and what was measured: damage is named, by file and line."""

import shutil

import pytest
import yaml

from inputgrad.__main__ import main
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import PAPERS
from inputgrad.record import printed, results
from inputgrad.report import cells, claims


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """The papers' files in a folder of this test."""
    folder = shutil.copytree(PAPERS, tmp_path / "papers")
    for module in (printed, claims, cells):
        monkeypatch.setattr(module, "PAPERS", folder)
    forget()
    yield folder
    forget()


def forget():
    for function in (printed.sums, cells.of_paper, claims.load):
        function.cache_clear()


def test_all_that_is_recorded_printed_and_claimed_is_as_it_should_be(capsys):
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == "everything under data/ is as it should be\n"


def test_verify_names_each_file(papers, tmp_path, monkeypatch, capsys):
    quick = tmp_path / "recorded" / "quick" / "sign" / "labels"
    shutil.copytree(results.RECORDED / "quick" / "sign" / "labels", quick)
    monkeypatch.setattr(results, "RECORDED", tmp_path / "recorded")
    (quick / "mnist-alexnet-s0.json").write_text("{}")
    (papers / "sign" / "table1.csv").unlink()
    (papers / "smooth" / "claims.yaml").write_bytes(b"- id: \xe9\n")
    assert main(["verify"]) == 2
    out, err = capsys.readouterr()
    assert err == "inputgrad: 3 of the files under data/ are not as they should be\n"
    assert all(f"{name} " in line or f"{name}, line" in line
               for name, line in zip(("sign/table1.csv", "smooth/claims.yaml", "mnist-alexnet-s0.json"), out.splitlines(), strict=True))  # fmt: skip


def edited(old, new):
    def edit(path):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_bytes(text.replace(old, new, 1).encode("latin-1"))

    return edit


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut, r"table1.csv, line \d+: there are \d+ values for 13 columns: correct it, or restore the file with git"),
        (lambda path: path.write_text(""), "table1.csv, line 1: the columns are missing and should be paper, table"),
        (edited("63.54,percent,63.54,", "63.54,percent,63.54,\xe9"), "table1.csv, line 2: it is not UTF-8"),
        (edited("63.54,percent,63.54,", "63.54,percent,63.54,,"), "table1.csv, line 2: there are 14 values for 13 columns"),
        (edited("63.54,percent", "63.55,percent"), "line 2: value '63.55' is no number of the cell as printed, '63.54'"),
        (edited("63.54,percent", "63.54,percents"), "line 2: unit 'percents' is unknown"),
        (edited("63.54,percent", ",percent"), "line 2: value is empty"),
        (edited("AlexNet,none,none,0.0,,", "AlexNet,none,none,8/0,,"), "line 2: eps '8/0' is not a number"),
        (edited("AlexNet,none,none,0.0,,", "AlexNet,none,none,0.0,x,"), "line 2: steps 'x' is not an integer"),
        (edited("CIFAR-10,AlexNet", "CIFAR-11,AlexNet"), "table1.csv is not what SHA256SUMS says: restore it with git, or"),
        (lambda path: path.unlink(), "table1.csv is listed in .*SHA256SUMS and not there: restore it with git"),
        (lambda path: path.rename(path.with_name("table9.csv")), "table1.csv is listed in .*SHA256SUMS and not there"),
        (lambda path: path.with_name("table9.csv").write_text(""), "table9.csv is not listed: restore it with git, or"),
        (lambda path: (path.parents[1] / "SHA256SUMS").write_text("x"), "SHA256SUMS cannot be read .*: restore it with git"),
    ],
)  # fmt: skip
def test_a_damaged_table_is_named_by_file_and_line(papers, damage, sentence):
    damage(papers / "sign" / "table1.csv")
    with pytest.raises(InputError, match=sentence) as refused:
        cells.of_paper("sign")
    assert "\n" not in str(refused.value)


FIRST = "- {id: sign.c01, source: s, kind: result, text: t, exact: n<=tol, weak: n<5, vars: {n: {eps: '0.1'}}}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: the file is no list of claims"),
        ("a: 1", "line 1: the file is no list of claims"),
        (FIRST + "- 3\n", "line 2: this is no claim"),
        (FIRST + "- {id: sign.c02", "line 3: did not find expected"),
        (FIRST + FIRST, "line 2: claim sign.c01 is there twice"),
        (FIRST + "- {id: sign.c02, id: sign.c03}\n", "line 2: claim names id more than once"),
        (FIRST + "- {id: sign.c02}\n", "line 2: missing 5 required positional arguments"),
        (FIRST.replace("weak:", "week:"), "line 1: got an unexpected keyword argument 'week'"),
        (FIRST.replace("result", "results"), "line 1: claim sign.c01: kind 'results' is unknown"),
        (FIRST.replace("n<5", "3"), "line 1: claim sign.c01: weak is 3, which it cannot be"),
        (FIRST.replace("text: t", "text: ''"), "line 1: claim sign.c01: text is '', which it cannot be"),
        (FIRST.replace("{eps: '0.1'}", "eps"), "line 1: claim sign.c01: n is 'eps': write what it selects by"),
        (FIRST.replace("'0.1'", "big"), "line 1: claim sign.c01: n selects by eps 'big', which is no number"),
        (FIRST.replace("eps:", "epz:"), "line 1: claim sign.c01: n selects by epz, which is no column"),
        (FIRST + "\x07", "line 1: unacceptable character|line 1: control characters are not allowed"),
    ],
)  # fmt: skip
def test_a_damaged_claim_is_named_by_file_and_line(papers, text, sentence):
    (papers / "sign" / "claims.yaml").write_text(text)
    with pytest.raises(InputError, match=f"sign/claims.yaml, {sentence}") as refused:
        claims.load("sign")
    assert "\n" not in str(refused.value)


def test_claims_that_are_not_there(papers):
    (papers / "sign" / "claims.yaml").unlink()
    with pytest.raises(
        InputError, match="sign/claims.yaml cannot be read .No such file or directory.: restore it with git"
    ):
        claims.load("sign")


def test_every_claim_has_what_the_declaration_says():
    """The loader keeps what plain YAML reads."""
    for key in ("sign", "synthesis"):
        plain = yaml.safe_load((PAPERS / key / "claims.yaml").read_text(encoding="utf-8"))
        assert [vars(claim) for claim in claims.load(key)] == [vars(claims.Claim(**entry)) for entry in plain]
