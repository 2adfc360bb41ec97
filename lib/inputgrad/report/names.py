"""Short names for cells: what the front matter of a page calls parts of a selector, and the tokens that use them.

A page says once, under ``cells:`` in its front matter,

.. code-block:: yaml

    cells:
      alexnet: sign table=1 model=AlexNet
      cifar: dataset=CIFAR-10
      fgm: attack=FGM eps=0.30 metric=accuracy

and then ``[[ours alexnet cifar fgm]]``. Every word without an equals sign is a name; a token may have names and
selectors side by side. A table of ten rows and four columns needs fourteen names.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

import yaml

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.study import CHAPTERS

FRONT = re.compile(r"\A---\n(.*?)^---\n", re.S | re.M)
CELLS = re.compile(r"^cells:[ ]*\n(?:[ ]+.*\n)+", re.M)
"""The names of a page in its front matter."""

USES = re.compile(r"\[\[(ours|range|paper) ((?:[^\]]|\](?!\]))+)\]\]")
"""The tokens that may use them."""


def spelt_out(text: str, where: str) -> str:
    """A page with the selectors in the place of the names, and without the names in its front matter.

    Raises:
        InputError: a token uses a name that the page lacks, or gives a column two values; a name is there twice, hides
            a chapter or is used nowhere.
    """
    names = declared(text, where)
    page = without(text)
    used = [word for match in USES.finditer(page) for word in words(match[2], where)]
    spelt = USES.sub(lambda match: f"[[{match[1]} {selector(match[2], names, where)}]]", page)
    for name in names:
        if name not in used:
            raise InputError(
                f"{where}: no token uses the cell name {name!r}: use it, or take it out of the front matter"
            )
    return spelt


def without(text: str) -> str:
    """A page without the names in its front matter, which readers are not shown."""
    return FRONT.sub(lambda front: CELLS.sub("", front[0]), text, count=1)


def declared(text: str, where: str) -> dict[str, list[str]]:
    """The names that a page's front matter gives, each with the words of its selector.

    Raises:
        InputError: ``cells`` cannot be read as names with selectors, or a name is there twice.
    """
    front = FRONT.match(text)
    block = CELLS.search(front[1]) if front else None
    if not block:
        return {}
    try:
        ((_, listed),) = yaml.compose(block[0], yaml.SafeLoader).value  # type: ignore[union-attr]
        pairs = [(key.value, yaml.SafeLoader("").construct_scalar(value)) for key, value in listed.value]
    except (yaml.YAMLError, ValueError, AttributeError, TypeError) as err:
        raise InputError(f"{where}: cells cannot be read: write a name and a selector on each line") from err
    try:
        checks.unique("cell name", [name for name, _ in pairs])
    except InputError as err:
        raise InputError(f"{where}: {err}") from err
    for name, _ in pairs:
        if name in CHAPTERS or not re.fullmatch(r"[\w.-]+", name):
            raise InputError(f"{where}: {name!r} cannot be a cell name: choose one word that is no chapter's name")
    return {name: words(value, where) for name, value in pairs}


def words(text: str, where: str) -> list[str]:
    """The words of a selector; what stands in quotation marks is one.

    Raises:
        InputError: a quotation mark is left open.
    """
    try:
        return shlex.split(text)
    except ValueError as err:
        raise InputError(f"{where}: {text!r} cannot be read ({err})") from err


def selector(text: str, names: Mapping[str, list[str]], where: str) -> str:
    """What a token selects, its names spelt out.

    Raises:
        InputError: a name is unknown, or two of its words give one column two values.
    """
    found: list[str] = []
    for place, word in enumerate(words(text, where)):
        if word in names:
            found += names[word]
        elif "=" in word or (place == 0 and word in CHAPTERS):
            found.append(word)
        elif names:
            checks.one_of(f"{where}: cell name", word, names)
        else:
            return text
    columns = [word.split("=", 1)[0] for word in found]
    twice = [column for column in dict.fromkeys(columns) if columns.count(column) > 1]
    if twice:
        raise InputError(f"{where}: [[{text}]] says {' and '.join(twice)} twice")
    return shlex.join(found)
