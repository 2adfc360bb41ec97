"""Networks of the reader's own: how they are named, and whether what a name says is there. Nothing is run here."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from inputgrad.ground.checks import InputError, one_of, shown

LIBRARIES = {"timm": "pip install -e '.[timm]'", "robustbench": "pip install -e '.[robustbench]'"}
"""The packages that networks can be taken from by name, and how each is installed."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
"""How the name of a file of weights ends; all but the first are read by ``torch.load(weights_only=True)``."""

FORMS = (
    "FILE.py:FUNCTION[@WEIGHTS], timm:NAME[@WEIGHTS], robustbench:NAME, or MODEL@WEIGHTS with a network of the study, "
    "such as lenet5@mine.pt"
)


@dataclass(frozen=True)
class Own:
    """What the name of a reader's network says.

    Attributes:
        kind: ``"file"``, ``"timm"``, ``"robustbench"``, or ``"catalogue"`` for a network of ours with other weights.
        source: the Python file, or the network's name there.
        function: in that file, what builds the network or is it; ``""`` where there is no file.
        weights: the file of weights; ``""`` where the network brings its own.
    """

    kind: str
    source: str
    function: str = ""
    weights: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The reader's files that it is made of."""
        named = (self.source if self.kind == "file" else "", self.weights)
        return tuple(Path(name) for name in named if name)

    @property
    def name(self) -> str:
        """The name that is parsed to this."""
        head = {"file": f"{self.source}:{self.function}", "catalogue": self.source}
        return head.get(self.kind, f"{self.kind}:{self.source}") + (f"@{self.weights}" if self.weights else "")

    @property
    def label(self) -> str:
        """What tables and sentences call it: its name without folders."""
        head = {"file": f"{Path(self.source).name}:{self.function}", "catalogue": self.source}
        text = head.get(self.kind, f"{self.kind}:{self.source}")
        return text + (f"@{Path(self.weights).name}" if self.weights else "")


FILE = re.compile(r"(?P<source>.+?\.py)(?::(?P<function>\w*))?(?:@(?P<weights>.+))?")
OTHER = re.compile(r"(?:(?P<kind>timm|robustbench):)?(?P<source>[^@]*)(?:@(?P<weights>.+))?")


def parse(name: object) -> Own | None:
    """What a name says, if it is that of a reader's own network and none of the catalogue; nothing is looked up."""
    if not isinstance(name, str):
        return None
    library = name.split(":")[0] in LIBRARIES
    found = None if library else FILE.fullmatch(name)
    if found:
        return Own("file", found["source"], found["function"] or "", found["weights"] or "")
    found = OTHER.fullmatch(name)
    if found and (library or found["weights"]):
        return Own(found["kind"] or "catalogue", found["source"], weights=found["weights"] or "")
    return None


def resolved(name: object) -> object:
    """The name with its files as absolute paths, so that it means the same in every folder; others as they are."""
    own = parse(name)
    if own is None:
        return name
    source = absolute(own.source) if own.kind == "file" else own.source
    return Own(own.kind, source, own.function, absolute(own.weights) if own.weights else "").name


def absolute(path: str) -> str:
    """A path from the root, ``~`` spelt out."""
    try:
        return str(Path(path).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):  # a user whom nobody knows; a name that no file can have
        return path


def check(own: Own) -> None:
    """Refuse a network whose file, function, package or weights are not there; nothing is run.

    Raises:
        InputError: naming what is missing, and what to do.
    """
    if own.kind == "file":
        check_function(own)
    elif own.kind in LIBRARIES and not own.source:
        raise InputError(f"model {shown(own.name)} names no network of {own.kind}: write it as {own.kind}:NAME")
    elif own.kind in LIBRARIES and not installed(own.kind):
        raise InputError(f"model {shown(own.name)} needs {own.kind}, which is not installed: {LIBRARIES[own.kind]}")
    if own.weights and own.kind == "robustbench":
        raise InputError(
            f"weights {shown(own.weights)} of robustbench:{own.source}: leave them out, RobustBench looks for its file "
            "under robustbench/ in the data folder"
        )
    if own.weights and not own.weights.endswith(SUFFIXES):
        raise InputError(f"weights {shown(own.weights)} of {own.label}: the name must end in {', '.join(SUFFIXES)}")
    if own.weights and not Path(own.weights).is_file():
        raise InputError(f"weights {shown(own.weights)} of {own.label} is not a file")


def check_function(own: Own) -> None:
    """Refuse a file that is missing or no Python, or in which nothing is called as the name says.

    Raises:
        InputError: naming what is there.
    """
    path = Path(own.source)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InputError(f"model {shown(own.name)}: {own.source} could not be read ({reason(err)})") from err
    except SyntaxError as err:
        raise InputError(f"model {shown(own.name)}: {own.source} is not Python ({err.msg}, line {err.lineno})") from err
    names = at_top(tree)
    if not own.function:
        said = ", ".join(f"{path.name}:{name}" for name in names[:5])
        raise InputError(
            f"model {shown(own.name)} does not say what in the file builds the network: "
            f"write it as {said or f'{path.name}:FUNCTION'}"
        )
    if "*" not in names:  # of what is imported
        one_of(f"function of {path.name}", own.function, names or ["(nothing there has a name)"])


def at_top(tree: ast.Module) -> list[str]:
    """The names that a file's own statements give: to functions and classes, then to values and what is imported."""
    built, others = [], []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            built.append(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                others.append(node.id)
            elif isinstance(node, ast.alias):
                others.append(node.asname or node.name.split(".")[0])
    return list(dict.fromkeys([*built, *others]))


def installed(package: str) -> bool:
    """Can a package be imported?"""
    return package in sys.modules or find_spec(package) is not None


def reason(err: BaseException) -> str:
    """Why something failed, in one line."""
    said = getattr(err, "strerror", None) or " ".join(str(err).split())
    return said[:200] or type(err).__name__


def fingerprint(own: Own) -> str:
    """The SHA-256 sum of the contents of a network's files: another state of them is another network.

    What a file imports from its neighbours is not in it.
    """
    digest = hashlib.sha256(own.label.encode())
    for path in own.files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
