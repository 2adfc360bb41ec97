"""What a maintainer relies on: the workflows, the citation, the environments, by code where no reader would look."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAPERS = ("agarwal2020sign", "balda2018convex", "mosca2018smooth", "aboutalebi2020selfgradient", "yoo2018butterfly")


def bibliography():
    """The entries of the book's bibliography, each with its fields, by key."""
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{(\w+),\n(.*?)\n\}", text, re.S)
    return {key: dict(re.findall(r"^  (\w+) = \{(.*?)\},?$", fields, re.M)) for key, fields in entries}


def plain(title):
    return title.replace("{", "").replace("}", "")


def test_the_citation_names_the_five_papers_as_the_bibliography_has_them():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    known = bibliography()
    assert [paper["title"] for paper in cited] == [plain(known[key]["title"]) for key in PAPERS]
    for paper, key in zip(cited, PAPERS, strict=True):
        entry = known[key]
        names = [f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]]
        assert " and ".join(names) == entry["author"]
        assert str(paper["year"]) == entry["year"]
        assert paper.get("doi") == entry.get("doi")
        number = paper.get("identifiers", [{}])[0].get("value", "").removeprefix("arXiv:") or None
        assert number == entry.get("eprint")
