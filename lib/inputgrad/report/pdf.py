"""The book as one PDF: its chapters on one page, printed by Chromium. The staged book is what it starts from."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.origin import git
from inputgrad.ground.paths import BUILD, ROOT, relative
from inputgrad.study import CHAPTERS

from .book import STAGE

PDF = BUILD / "input-gradients-reproduced.pdf"
SINGLE = BUILD / "pdf"
TOC = STAGE / "print.yml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""What prints, whichever is found first."""

LEFT_OUT = (
    "This print has the first page, how to read, the methods, the chapters, the digest and the references. It leaves "
    "out the pages of exhibits, the explorer, the leaderboard, the lists of claims, numbers and parameters, and the "
    "library: links to them are plain words here, and what is folded on a page is not printed."
)


def pages() -> list[str]:
    """The written pages that are printed, in order; the first is the root."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    chapters = {f"book/papers/{key}" for key in CHAPTERS} | {f"book/{key}" for key in CHAPTERS}
    kept = chapters | {"book/how-to-read", "book/methods", "book/digest", "book/references"}
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *(name for name in files if name in kept)]


def toc() -> str:
    """The table of contents of the print, which opens with what it leaves out."""
    root, *rest = pages()
    chapters = [{"file": name} for name in ("book/about-this-print", *rest)]
    return yaml.safe_dump({"format": "jb-book", "root": root, "chapters": chapters}, sort_keys=False)


def about() -> str:
    """The page that says what is printed, and from which commit."""
    commit = git("rev-parse", "--short=12", "HEAD")
    return f"# About this print\n\n{LEFT_OUT}\n" + (f"\nBuilt from commit `{commit}`.\n" if commit else "")


def commands(python: Path, browser: str, profile: Path) -> list[list[str]]:
    """The two commands of a print: the chapters as one page, and that page as a PDF.

    Args:
        python: the interpreter beside which ``jupyter-book`` is installed.
        browser: a Chromium.
        profile: an empty folder for it.
    """
    single = [str(python.with_name("jupyter-book")), "build", "--keep-going", "-qq", "--all", "--builder", "singlehtml",
              "--config", str(STAGE / "_config.yml"), "--toc", str(TOC), "--path-output", str(SINGLE),
              str(STAGE)]  # fmt: skip
    page = SINGLE / "_build" / "singlehtml" / f"{pages()[0]}.html"
    printing = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
                "--virtual-time-budget=60000", "--no-pdf-header-footer",
                "--generate-pdf-document-outline", f"--print-to-pdf={PDF}", page.as_uri()]  # fmt: skip
    return [single, printing]


def found(names: Sequence[str] = BROWSERS) -> str | None:
    """The first browser that is installed."""
    return next(filter(None, map(shutil.which, names)), None)


def make(python: Path) -> str:
    """Print the staged book; returns what to tell the reader.

    Raises:
        InputError: the book is not staged, or a command fails.
    """
    browser = found()
    if browser is None:
        return f"No PDF was made: it is printed by Chromium, and none of {', '.join(BROWSERS)} is installed."
    if not STAGE.is_dir():
        raise InputError(f"{relative(STAGE)} is not there yet: make book lays it out first")
    write_text(TOC, toc())
    write_text(STAGE / "book" / "about-this-print.md", about())
    PDF.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for command in commands(python, browser, Path(profile)):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise InputError(f"{Path(command[0]).name} stopped: {(done.stdout + done.stderr).strip()[-400:]}")
    if not PDF.is_file():
        raise InputError(f"{Path(browser).name} wrote no PDF")
    return f"The book as one PDF: {PDF}"
