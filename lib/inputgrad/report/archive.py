"""One deposit of the study: everything in git, trained networks, the built book, and what machines read of it.

No torch is needed to write one or to check one.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import replacing
from inputgrad.ground.origin import git
from inputgrad.ground.paths import BUILD, CHECKPOINTS, ROOT, relative
from inputgrad.record import results
from inputgrad.study import EXHIBITS

SUMS = "SHA256SUMS"
"""Lists every other file of a deposit; ``sha256sum --check SHA256SUMS`` reads it, too."""

NETWORKS, BOOK = "data/checkpoints", "build/_build/html"
"""Where a deposit has trained networks and the built book: where a checkout has them."""

LISTED = "networks.json"
"""Names every network that a recorded result was measured on, whether it is in the deposit, and by which results."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a deposit: the same content gives the same bytes."""

MIB = 2**20


# Writing


def write(path: Path) -> dict[str, int]:
    """Write a deposit, at once or not at all; returns how many files it has of each kind.

    Raises:
        InputError: this is no git checkout, or the file cannot be written.
    """
    sources = {name: ROOT / name for name in tracked()}
    networks = recorded_networks()
    there = {name: CHECKPOINTS / name for name in networks if (CHECKPOINTS / name).is_file()}
    book = {f"{BOOK}/{p.relative_to(ROOT / BOOK).as_posix()}": p for p in files_of(ROOT / BOOK)}
    sources |= {f"{NETWORKS}/{name}": file for name, file in there.items()} | book
    listed = {name: {"included": name in there, "results": of} for name, of in networks.items()}
    made = {LISTED: listed, **metadata(list(sources))}
    sums = {}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as deposit:
        for name in sorted(sources):
            sums[name] = add(deposit, name, sources[name])
        for name, content in made.items():
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            sums[name] = hashlib.sha256(text.encode()).hexdigest()
            deposit.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
        lines = "".join(f"{value}  {name}\n" for name, value in sorted(sums.items()))
        deposit.writestr(zipfile.ZipInfo(SUMS, EPOCH), lines, zipfile.ZIP_DEFLATED)
    return {"files": len(sums), "networks": len(there), "of networks": len(networks), "pages": len(book)}


def tracked() -> list[str]:
    """The files of the checkout that git knows and that are there.

    Raises:
        InputError: git knows none.
    """
    names = [name for name in git("ls-files", "-z").split("\0") if name and (ROOT / name).is_file()]
    if not names:
        raise InputError(f"{ROOT} is no git checkout: an archive is made of what git knows")
    return names


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder, in order; none where there is no folder."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def recorded_networks() -> dict[str, list[str]]:
    """The networks trained here that recorded results were measured on, each with the files of those results."""
    found: dict[str, list[str]] = {}
    for result in (result for name in EXHIBITS for result in results.recorded(name)):
        used = {result.provenance["checkpoint"], *result.provenance.get("other_networks", {})}
        for network in used:
            if network.endswith(".safetensors") and "/" not in network:
                found.setdefault(network, []).append(relative(result.path))
    return dict(sorted(found.items()))


def add(deposit: zipfile.ZipFile, name: str, source: Path) -> str:
    """Add a file, piece by piece, and return its SHA-256 sum; networks do not shrink, and are stored."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
    info.external_attr = (0o755 if source.stat().st_mode & 0o100 else 0o644) << 16
    digest = hashlib.sha256()
    with source.open("rb") as file, deposit.open(info, "w", force_zip64=True) as target:
        while piece := file.read(MIB):
            digest.update(piece)
            target.write(piece)
    return digest.hexdigest()


# What machines read


def metadata(names: list[str]) -> dict[str, dict]:
    """CodeMeta, RO-Crate and Zenodo's description, all from ``CITATION.cff``."""
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    commit = git("rev-parse", "HEAD")
    return {"codemeta.json": codemeta(said, commit), "ro-crate-metadata.json": crate(said, commit, names),
            ".zenodo.json": zenodo(said)}  # fmt: skip


def identifier(paper: Mapping[str, Any]) -> str:
    """The address of a paper that ``CITATION.cff`` names: its DOI's, or that of its preprint."""
    if "doi" in paper:
        return f"https://doi.org/{paper['doi']}"
    return "https://arxiv.org/abs/" + paper["identifiers"][0]["value"].removeprefix("arXiv:")


def codemeta(said: Mapping[str, Any], commit: str) -> dict[str, Any]:
    """The study as software, in CodeMeta 3.0."""
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": said["title"],
        "author": [{"@type": "Organization", "name": author["name"]} for author in said["authors"]],
        "version": said["version"],
        "identifier": commit,
        "dateModified": said["date-released"],
        "license": f"https://spdx.org/licenses/{said['license']}",
        "keywords": said["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": "Python >= 3.11",
        "softwareRequirements": "requirements.lock",
        "referencePublication": [
            {"@type": "ScholarlyArticle", "@id": identifier(paper), "name": paper["title"]}
            for paper in said["references"]
        ],
    }


def crate(said: Mapping[str, Any], commit: str, names: list[str]) -> dict[str, Any]:
    """The deposit as an RO-Crate 1.1: what it is, its parts, and the papers it reproduces."""
    parts = [{"@id": name} for name in sorted([*names, LISTED, "codemeta.json", ".zenodo.json", SUMS])]
    papers = [{"@id": identifier(paper), "@type": "ScholarlyArticle", "name": paper["title"],
               "datePublished": str(paper["year"])} for paper in said["references"]]  # fmt: skip
    authors = [{"@id": f"#author-{i}", "@type": "Organization", "name": author["name"]}
               for i, author in enumerate(said["authors"], 1)]  # fmt: skip
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": said["title"],
        "description": DESCRIPTION,
        "datePublished": said["date-released"],
        "version": said["version"],
        "identifier": commit,
        "license": {"@id": f"https://spdx.org/licenses/{said['license']}"},
        "author": [{"@id": author["@id"]} for author in authors],
        "citation": [{"@id": paper["@id"]} for paper in papers],
        "hasPart": parts,
    }
    about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
             "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}}  # fmt: skip
    files = [{**part, "@type": "File"} for part in parts]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [about, root, *authors, *papers, *files]}


def zenodo(said: Mapping[str, Any]) -> dict[str, Any]:
    """What Zenodo asks of a deposit."""
    return {
        "title": said["title"],
        "upload_type": "software",
        "description": DESCRIPTION,
        "creators": [{"name": author["name"]} for author in said["authors"]],
        "version": said["version"],
        "license": said["license"],
        "keywords": said["keywords"],
        "related_identifiers": [
            {"relation": "references", "identifier": identifier(paper)} for paper in said["references"]
        ],
    }


DESCRIPTION = (
    "Five papers on the gradient of a network's loss with respect to its input, run again from scratch: code, recorded "
    "results, the papers' tables and claims, trained networks, and the built book where it was there."
)


# Checking


def faults(path: Path) -> list[str]:
    """What is wrong with a deposit, a sentence each: files, sums, results, networks, and what machines read.

    Raises:
        InputError: it is no deposit at all.
    """
    try:
        with zipfile.ZipFile(path) as deposit:
            return list(found(deposit))
    except FileNotFoundError:
        raise InputError(f"{path} is not there: make archive writes one") from None
    except (zipfile.BadZipFile, OSError, EOFError) as err:
        raise InputError(f"{path} is no deposit that can be read ({err})") from err


def found(deposit: zipfile.ZipFile) -> Iterator[str]:
    """See :func:`faults`."""
    names = [info.filename for info in deposit.infolist() if not info.is_dir()]
    if SUMS not in names:
        yield f"{SUMS} is missing: this is no deposit of the study"
        return
    lines = [line.split("  ", 1) for line in deposit.read(SUMS).decode().splitlines() if "  " in line]
    sums = {name: value for value, name in lines}
    yield from (f"{name} is there twice" for name in sorted({n for n in names if names.count(n) > 1}))
    yield from (f"{name} leads out of the deposit" for name in names if leads_out(name))
    yield from (f"{name} is missing" for name in sorted(set(sums) - set(names)))
    yield from (f"{name} is in no line of {SUMS}" for name in sorted(set(names) - set(sums) - {SUMS}))
    whole = []
    for name in sorted(set(sums) & set(names)):
        if sum_of(deposit, name) == sums[name]:
            whole.append(name)
        else:
            yield f"{name} is not what was deposited: its sum differs"
    for name in whole:
        if why := unreadable(deposit, name):
            yield why
    yield from disagreements(deposit, whole)


def leads_out(name: str) -> bool:
    """Would a file of this name be unpacked elsewhere?"""
    parts = PurePosixPath(name).parts
    return name.startswith("/") or ".." in parts or "\\" in name


def sum_of(deposit: zipfile.ZipFile, name: str) -> str:
    """The SHA-256 sum of a file; nothing where it cannot be unpacked."""
    digest = hashlib.sha256()
    try:
        with deposit.open(name) as file:
            while piece := file.read(MIB):
                digest.update(piece)
    except (zipfile.BadZipFile, EOFError, OSError):
        return ""
    return digest.hexdigest()


def unreadable(deposit: zipfile.ZipFile, name: str) -> str:
    """Why a file is not what its name says, or nothing: results and networks by their own sums."""
    try:
        if name.startswith("data/results/") and name.endswith(".json"):
            results.parsed(Path(name), deposit.read(name).decode())
        elif name.startswith(f"{NETWORKS}/"):
            network(deposit.read(name))
    except InputError as err:
        return str(err)
    except (ValueError, KeyError, TypeError, struct.error) as err:
        return f"{name} is damaged ({err})"
    return ""


def network(content: bytes) -> None:
    """Check a trained network by the sum that was written into it; one of an earlier version has none.

    The sum is that of ``compute.training.checkpoints``: of the note and of each tensor's name, type, shape and bytes.

    Raises:
        ValueError: it is no safetensors file, or its content is not what was written.
    """
    (size,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + size])
    said, data = head.pop("__metadata__"), memoryview(content)[8 + size :]
    digest = hashlib.sha256(said["note"].encode())
    for name in sorted(head):
        start, end = head[name]["data_offsets"]
        if not 0 <= start <= end <= len(data):
            raise ValueError(f"{name} lies beyond the end of the file")
        digest.update(f"{name} {TYPES[head[name]['dtype']]} {tuple(head[name]['shape'])}".encode())
        digest.update(data[start:end])
    if said.get("sum", digest.hexdigest()) != digest.hexdigest():
        raise ValueError("its content is not what was written")


TYPES = {"F64": "torch.float64", "F32": "torch.float32", "F16": "torch.float16", "BF16": "torch.bfloat16",
         "I64": "torch.int64", "I32": "torch.int32", "I16": "torch.int16", "I8": "torch.int8", "U8": "torch.uint8",
         "BOOL": "torch.bool"}  # fmt: skip
"""The types of tensors, as files and as torch name them."""


def disagreements(deposit: zipfile.ZipFile, names: list[str]) -> Iterator[str]:
    """Where what machines read of a deposit does not fit its files."""
    read = {}
    for name in (LISTED, "codemeta.json", "ro-crate-metadata.json", ".zenodo.json"):
        try:
            read[name] = json.loads(deposit.read(name))
        except (KeyError, ValueError) as err:
            yield f"{name} cannot be read ({err})"
    for name, said in read.get(LISTED, {}).items():
        if said["included"] != (f"{NETWORKS}/{name}" in names):
            yield f"{name} is {'missing' if said['included'] else 'there'}, and {LISTED} says otherwise"
        yield from (f"{result}, measured on {name}, is missing" for result in said["results"] if result not in names)
    graph = read.get("ro-crate-metadata.json", {}).get("@graph", [])
    parts = {part["@id"] for entity in graph if entity["@id"] == "./" for part in entity["hasPart"]}
    yield from (f"ro-crate-metadata.json names {name}, which is missing" for name in sorted(parts - {*names, SUMS}))


def default() -> Path:
    """Where an archive is written."""
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return BUILD / f"inputgrad-{said['version']}-{git('rev-parse', '--short=12', 'HEAD') or 'unknown'}.zip"
