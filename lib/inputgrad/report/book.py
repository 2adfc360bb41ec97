"""Staging the book: what people wrote, executed notebooks, and tables and figures made from the results.

Jupyter Book builds ``build/stage``, in which every file keeps the path it has in the checkout. Numbers enter prose as
tokens, replaced here; one that names nothing stops the build.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Set
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import yaml
from matplotlib.figure import Figure

from inputgrad import study
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import replacing, write_text
from inputgrad.ground.paths import BUILD, NOTEBOOKS, ROOT, relative
from inputgrad.record import results

from . import answers, cells, claims, explorer, figures, links, logbook, names, scales, selectors, summaries, tables
from .figures import interactive
from .markup import Table, scale
from .predicates import Vector

STAGE = BUILD / "stage"
GENERATED = STAGE / "generated"
TOKEN = re.compile(r"\[\[(ours|range|paper|count|verdict|question) ((?:[^\]]|\](?!\]))+)\]\]")
HOLDS = re.compile(r"\[\[holds (\w+) (\w+): ((?:[^\[\]]|\[(?!\[)|\](?!\]))+)\]\]")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
FIGURES = {
    **{key: getattr(figures, key).chapter for key in study.CHAPTERS},
    "one-image": figures.one_image,
    "scoreboard": figures.scoreboard,
    "stand-ins": figures.stand_ins,
}
"""The figures that pages include, by name."""

WORDED: dict[str, Callable[[Any], str]] = {"claims in words": summaries.in_words,
          "cells in words": partial(summaries.in_words, words=cells.WORDS, suffix=" cells")}  # fmt: skip
"""Counts of the scoreboard that a token gives as words."""

MARKERS = ("<!-- scoreboard: written by `make readme` -->", "<!-- end of scoreboard -->")


def stage(profile: str) -> None:
    """Lay out ``build/stage`` for Jupyter Book from the pages executed at ``profile``."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(ROOT / "book", STAGE / "book", ignore=shutil.ignore_patterns("_ext", "__pycache__"))
    for page in (STAGE / "book").rglob("*.md"):
        write_text(page, fill(page.read_text(encoding="utf-8"), page.name))
    for exhibit in study.EXHIBITS:
        source = BUILD / "executed" / profile / f"{exhibit}.ipynb"
        if not source.is_file():
            raise InputError(f"{relative(source)} is not there yet: make book executes it first")
        target = STAGE / "notebooks" / f"{exhibit}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        answers.open_with(target, answers.box(exhibit, of_answers))
    generate()
    write_text(STAGE / "_config.yml", config())


def generate() -> None:
    """Write every table and figure that pages include, as Markdown and SVG."""
    for name, text in included():
        write_text(GENERATED / f"{name}.md", text)
    static = STAGE / "book" / "_static"
    write_text(static / "explorer-data.js", explorer.script())
    write_text(static / "gallery-data.js", explorer.gallery_script())
    logbook.write(static, of_claims)
    for name, draw in FIGURES.items():
        figure = draw()
        save(figure, GENERATED / f"{name}.svg")
        if hasattr(figure, "frame"):
            numbers = figures.as_table(figure).markdown(style="dense")
            listed = f"````{{dropdown}} The figure's numbers\n{numbers}````\n"
            chart = (
                f"```{{raw}} html\n{interactive.chart(name, figure.frame)}```\n\n" if name in interactive.CHOSEN else ""
            )
            write_text(GENERATED / f"{name}-numbers.md", chart + listed)


def included() -> Iterator[tuple[str, str]]:
    """What pages include as Markdown: the name of each piece, and its text."""
    for table, what in zip(tables.scoreboard().tables, ("claims", "cells"), strict=True):
        yield f"scoreboard-{what}", table.markdown(f"tab-scoreboard-{what}", "short")
        yield f"scoreboard-{what}-again", table.markdown(style="short")  # labels stand once
    yield "front", answers.front(of_answers)
    yield "in-short", summaries.in_short()
    yield "coverage", summaries.coverage()
    yield "parameters", parameters()
    for key in study.STUDY:
        yield f"ending-{key}", summaries.ending(key, of_claims)
        yield f"scales-{key}", scales.told(key)
    for key in study.CHAPTERS:
        yield f"claims-{key}", summaries.where_claims_are(key)
        yield f"answer-{key}", answers.box(key, of_answers)
    for key, pages in {"smooth": ("hardening",), "selfgrad": ("defences", "active", "schedule")}.items():
        trained = tables.schedules(*(f"{key}/{page}" for page in pages))
        yield f"schedules-{key}", trained.markdown(f"tab-schedules-{key}")
    yield "selfgrad-blocks", tables.selfgrad.blocks().markdown("tab-selfgrad-blocks")
    yield "smooth-runs", tables.smooth.run_by_run().markdown("tab-smooth-runs")
    yield "standing", tables.synthesis.standing().markdown("tab-standing", "short")
    boards = [table.markdown(style="filterable dense leaderboard") for table in tables.leaderboard.board().tables]
    yield "leaderboard", "\n".join(boards)
    yield "explorer", explorer.about()
    yield "gallery", explorer.about_gallery()
    yield "cite", summaries.citation()
    yield "changelog", changelog()
    yield "digest", summaries.digest(of_claims)
    yield "by-profile", summaries.by_profile().markdown("tab-by-profile", "short")
    yield "every-claim", every_claim()
    every = [summaries.folded("numbers", key, summaries.every_number(key)) for key in study.STUDY]
    yield "every-number", "\n".join(every)


def every_claim() -> str:
    """The claims of each paper in a fold of its own; each has its anchor here."""
    return "\n".join(summaries.folded("claims", key, summaries.every_claim(key, of_claims)) for key in study.CHAPTERS)


def changelog() -> str:
    """The conclusions' changelog, its claims linked."""
    known = {claim.id for key in study.CHAPTERS for claim in claims.load(key)}
    return links.in_markdown((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), known.__contains__)


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format that its name says; the same figure gives the same bytes."""
    kind = path.suffix[1:]
    with plt.rc_context({"svg.hashsalt": "inputgrad"}), replacing(path) as temporary:
        figure.savefig(temporary, format=kind, metadata={{"svg": "Date", "png": "Software"}[kind]: None})


def config() -> str:
    """``book/_config.yml``, with repository buttons where the repository is known (``GITHUB_REPOSITORY``)."""
    settings = yaml.safe_load((ROOT / "book" / "_config.yml").read_text(encoding="utf-8"))
    repository = os.environ.get("GITHUB_REPOSITORY")
    if repository:
        owner, name = repository.split("/")
        site = f"https://{owner}.github.io/{name}/"
        settings["repository"] = {"url": f"https://github.com/{repository}", "branch": "main", "path_to_book": ""}
        settings["launch_buttons"] = {"notebook_interface": "jupyterlab", **buttons(repository)}
        settings["html"] |= {
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
            "baseurl": site,
        }
        settings["sphinx"]["config"] |= {"ogp_site_url": site}
    return yaml.safe_dump(settings, sort_keys=False)


def buttons(repository: str) -> dict[str, str]:
    """Where a page's notebook can be opened: on Binder, and on Colab where each one clones this repository there."""
    found = {"binderhub_url": "https://mybinder.org"}
    cloned = f"github.com/{repository} "
    if all(cloned in (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8") for name in study.EXHIBITS):
        found["colab_url"] = "https://colab.research.google.com"
    return found


def parameters() -> str:
    """The parameters of every notebook, a section for each paper and a fold for each notebook."""
    return "\n".join(
        f"## `{key}`\n\n" + "\n".join(parameters_of(f"{key}/{exhibit.name}") for exhibit in paper.exhibits)
        for key, paper in study.CHAPTERS.items()
    )


def parameters_of(exhibit: str) -> str:
    """The parameters of one exhibit's notebook, as a fold in Markdown."""
    rows = [
        {"parameter": f"`{p.name}`", "default": f"`{p.default!r}`", "meaning": p.help}
        for p in study.parameters(exhibit).values()
    ]
    table = Table(pd.DataFrame(rows), study.exhibit(exhibit).title).markdown()
    name = f"[`{exhibit}`]{{#parameters-{exhibit.replace('/', '-')}}}"
    return f"::::{{dropdown}} {name}: {len(rows)} parameters\n{table}::::\n"


# Numbers in prose


def fill(text: str, where: str) -> str:
    """``text`` with its tokens replaced by numbers from the results, and without the names it gives to cells.

    ``[[ours sign dataset=CIFAR-10 model=AlexNet attack=FGM eps=0.30 metric=accuracy]]`` is our number (of two
    runs: both, in the order of their seeds), the same with
    ``range`` the smallest and the largest of our runs, and with ``paper`` the paper's. ``[[count sign reproduced]]``
    is a column of the scoreboard, such as the claims with that verdict,
    ``[[count sign cells in words]]`` all of them, ``[[count imagenette learned]]`` one of ``summaries.imagenette``,
    ``[[verdict sign c01]]`` the verdict on one claim, and ``[[question sign]]`` what the
    paper asks. A number of ours that may still come is "(not run yet)".

    A page's front matter may give parts of a selector short names: see :mod:`inputgrad.report.names`.

    ``[[holds sign d07: prose]]`` is the prose, as long as that claim is reproduced; tokens may stand in it.

    Raises:
        InputError: a token names no number of the study, or several; a name is unknown, unused or there twice; or what
            a sentence says no longer holds.
    """
    text = names.spelt_out(text, where)
    text = TOKEN.sub(lambda match: token(match[1], match[2], where), text)
    text = HOLDS.sub(lambda match: sentence(match[1], match[2], match[3], where), text)
    if "[[holds" in text:
        start = text.index("[[holds")
        raise InputError(
            f"{where}: {text[start : start + 60]!r} cannot be read; write [[holds PAPER CLAIM: a sentence]]"
        )
    return text


of_answers, of_claims = partial(fill, where="answers"), partial(fill, where="claims")
"""The same for the sentences of ``book/answers.yaml`` and for the reasons that claims give."""


def sentence(key: str, name: str, prose: str, where: str) -> str:
    """The prose with a mark that links to the claim it rests on, where that is reproduced.

    Raises:
        InputError: the claim is unknown, or its verdict is another.
    """
    verdict = verdict_of(key, name, where)
    if verdict.word != "reproduced":
        raise InputError(f"{where}: {' '.join(prose.split())!r} rests on {key}.{name}, which is: {verdict.word}")
    return prose + links.mark(verdict.claim.id, verdict.claim.hindsight)


def verdict_of(key: str, name: str, where: str) -> claims.Verdict:
    """The verdict on one claim.

    Raises:
        InputError: there is no such paper or claim.
    """
    known = {
        v.claim.id.split(".")[1]: v for v in claims.verdicts(checks.one_of(f"{where}: paper", key, study.CHAPTERS))
    }
    return known[checks.one_of(f"{where}: claim of {key}", name, known)]


def marked(verdict: claims.Verdict) -> str:
    """The word of a verdict, and the scale of what it rests on: ``"partly, at toy scale"``."""
    if not verdict.profile:
        return verdict.word
    return f"{verdict.word}, at {'the ' if verdict.profile == 'paper' else ''}{scale(verdict.profile)} scale"


def token(kind: str, text: str, where: str) -> str:
    """What one token stands for."""
    key, *words = shlex.split(text)
    try:
        if kind == "question":
            return study.STUDY[key].question
        if kind == "count" and key == "imagenette":
            return summaries.imagenette()[words[0]]
        if kind == "count":
            row = claims.scoreboard().set_index("paper").loc[key]
            wanted = " ".join(words)
            return WORDED[wanted](row) if wanted in WORDED else str(row[wanted])
        if kind == "verdict":
            return marked(verdict_of(key, words[0], where))
        selector = dict(word.split("=", 1) for word in words)
        found = cells.of_paper(key) if kind == "paper" else cells.ours(key)
        if kind != "paper" and "table" not in selector:
            found = cells.of_tables(found)
        value, rows = selectors.select(found, selector)
    except selectors.Missing as err:
        if kind == "paper" or not known(key, selector):
            raise InputError(f"{where}: [[{kind} {text}]] names no number ({err})") from err
        return "(not run yet)"
    except (KeyError, IndexError, ValueError, StopIteration) as err:
        raise InputError(f"{where}: [[{kind} {text}]] names no number ({err})") from err
    if kind == "paper":
        return printed(rows.iloc[0])
    units = set(rows["unit"])
    if kind == "range":
        return f"{written(rows['least'].min(), units)} to {written(rows['most'].max(), units)}"
    if rows["seeds"].iloc[0] == 2:
        return " and ".join(written(value, units) for value in rows["runs"].iloc[0])
    return written(value, units)


def known(key: str, selector: dict[str, str]) -> bool:
    """Does each value of a selector occur in the paper's tables or in ours, so that its number may still come?"""
    sources = cells.of_paper(key), cells.ours(key)
    return all(any(c in s and cells.matching(s, c, value).any() for s in sources) for c, value in selector.items())


def printed(row: pd.Series) -> str:
    """A number of the paper's as precisely as it is printed there."""
    places = [len(text.partition(".")[2]) for text in NUMBER.findall(row["raw"]) if float(text) == row["value"]]
    text = f"{row['value']:.{max(places)}f}" if places else f"{row['value']:g}"
    return f"{text}\u00a0%" if row["unit"] in cells.PERCENTAGES else text


def written(value: float | Vector, units: Set[str]) -> str:
    """A number as prose has it: a share in percent, a difference of shares with its sign."""
    if units <= {"fraction", "percent"}:
        return f"{value:.1f}\u00a0%"
    if units == {"percentage_points"}:
        return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.3g}"


# The README


def readme(path: Path = ROOT / "README.md") -> str:
    """The README with the scoreboard of now, and how far the study reaches, between its markers."""
    text = path.read_text(encoding="utf-8")
    try:
        before, rest = text.split(MARKERS[0])
        _, after = rest.split(MARKERS[1])
    except ValueError as err:
        raise InputError(f"{relative(path)} has lost its scoreboard markers") from err
    board = "\n".join(Table(table.frame).markdown() for table in tables.scoreboard().tables)
    return f"{before}{MARKERS[0]}\n\n{summaries.in_short()}\n{board}\n{summaries.coverage()}\n{MARKERS[1]}{after}"


def write_readme() -> None:
    """Bring the README's scoreboard and its figure up to date."""
    write_text(ROOT / "README.md", readme())
    save(figures.sign.chapter(), ROOT / "book" / "_static" / "sign-on-one-page.png")


def announce() -> str:
    """The last words of a build: where the book is, and the scoreboard in a few lines."""
    page = BUILD / "_build" / "html" / "index.html"
    lines = [f"The book: {page}", ""]
    for row in claims.scoreboard().to_dict("records"):
        verdict = ", ".join(f"{row[w]} {w}" for w in claims.WORDS if row[w])
        lines.append(f"  {row['paper']:10} {row['claims']:3} claims: {verdict}")
    recorded = sum(len(results.recorded(exhibit)) for exhibit in study.EXHIBITS)
    return "\n".join([*lines, "", f"from {recorded} recorded trials; list them with: python -m inputgrad list"])
