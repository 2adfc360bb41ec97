"""The book as one PDF: what is printed by which commands, and, where a book is staged, the print itself."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from inputgrad.ground.checks import InputError
from inputgrad.report import pdf
from inputgrad.study import CHAPTERS

PYTHON = Path("/somewhere/bin/python")


def test_the_chapters_are_printed_in_the_order_of_the_book(root):
    pages = pdf.pages()
    assert pages[:3] == ["book/intro", "book/how-to-read", "book/methods"]
    assert pages[3:] == [*(f"book/papers/{key}" for key in CHAPTERS if key != "synthesis"), "book/synthesis",
                         "book/digest", "book/references"]  # fmt: skip
    assert all((root / f"{name}.md").is_file() for name in pages)
    toc = yaml.safe_load(pdf.toc())
    assert [toc["root"], *(c["file"] for c in toc["chapters"])] == [pages[0], "book/about-this-print", *pages[1:]]


def test_one_command_makes_the_page_that_the_other_prints():
    single, printing = pdf.commands(PYTHON, "/usr/bin/chromium", Path("/tmp/empty"))
    assert single[:2] == ["/somewhere/bin/jupyter-book", "build"] and single[-1] == str(pdf.STAGE)
    assert single[single.index("--builder") + 1] == "singlehtml"
    written = Path(single[single.index("--path-output") + 1])
    assert written != pdf.BUILD  # the book's own build stays as it is
    assert printing[0] == "/usr/bin/chromium" and f"--print-to-pdf={pdf.PDF}" in printing
    assert printing[-1] == (written / "_build" / "singlehtml" / "book" / "intro.html").as_uri()


def test_without_a_browser_or_a_staged_book_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf.subprocess, "run", lambda *a, **k: pytest.fail("nothing may be started"))
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    assert re.fullmatch(r"No PDF was made: [^.]+ installed\.", pdf.make(PYTHON))
    monkeypatch.setattr(pdf.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(pdf, "STAGE", tmp_path / "stage")
    with pytest.raises(InputError, match="make book lays it out first"):
        pdf.make(PYTHON)


@pytest.mark.browser
@pytest.mark.skipif(pdf.found() is None, reason="no Chromium is installed")
@pytest.mark.skipif(not pdf.STAGE.is_dir(), reason="no book is staged: make book")
def test_the_print_has_pages_and_every_chapter(root):
    assert str(pdf.PDF) in pdf.make(Path(sys.executable))
    printed = pdf.PDF.read_bytes()
    assert printed.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", printed)) > len(pdf.pages())
    outline = re.findall(rb"/Title \((.*?)(?<!\\)\)", printed, re.S)
    for name in pdf.pages():
        heading = re.search(r"^# (.+)$", (root / f"{name}.md").read_text(encoding="utf-8"), re.M)[1]
        assert any(title.decode("latin-1").rstrip("#") == heading.replace("`", "") for title in outline), heading
