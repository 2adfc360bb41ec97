"""Links to claims: each claim has one anchor, in the list of every claim, and is linked to by its number."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from inputgrad.study import CHAPTERS

LIST = "book/verdicts"
"""The page with every claim."""

NUMBER = rf"(?:{'|'.join(CHAPTERS)})\.[a-z]\d+[a-z]*"
"""The number of a claim, as ``sign.c01``."""

PLAIN = re.compile(r"<!-- holds (\w+) (\w+) -->(.*?)<!-- /holds -->", re.S)
"""A sentence and the claim that it rests on, on pages whose tokens are not filled."""


def anchor(claim: str) -> str:
    """The anchor of a claim: ``"sign.c01"`` -> ``"claim-sign-c01"``."""
    return f"claim-{claim.replace('.', '-')}"


def short(claim: str) -> str:
    """The number of a claim within its paper, as a link: ``[c01](#claim-sign-c01)``."""
    return f"[{claim.split('.')[1]}](#{anchor(claim)})"


def listed_by(claims: Sequence[str]) -> str:
    """Several of them, after another."""
    return ", ".join(map(short, claims))


def mark(claim: str, hindsight: bool = False) -> str:
    """A small link to the claim that the words before it rest on, and a sign where that was set in hindsight."""
    title, sign = (f"{claim}, set or changed after rows of it were seen", "¶°") if hindsight else (claim, "¶")
    return f'<sup class="claim" title="rests on {title}">[{sign}](#{anchor(claim)})</sup>'


def in_markdown(text: str, known: Callable[[str], bool]) -> str:
    """Markdown whose claims are links: numbers of ``known`` ones in code type, and sentences that rest on one."""
    text = PLAIN.sub(lambda match: match[3] + mark(f"{match[1]}.{match[2]}"), text)
    return re.sub(
        rf"`({NUMBER})`", lambda m: f"[{m[0]}](#{anchor(m[1])})" if known(m[1]) else m[0], text
    )  # withdrawn ones have no anchor


def in_html(text: str, up: str = "../../") -> str:
    """The HTML of a table in an executed page, with a link in each cell that is the number of a claim."""
    return re.sub(
        rf"<td>({NUMBER})</td>", lambda m: f'<td><a href="{up}{LIST}.html#{anchor(m[1])}">{m[1]}</a></td>', text
    )
