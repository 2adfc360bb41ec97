"""The explorer's network and digits, as the page reads them, and what is said of them."""

from __future__ import annotations

import json
from typing import Any

from inputgrad.ground.paths import EXPLORER, GALLERY
from inputgrad.study.schema import SCALES

from .cells import wilson
from .markup import listed, number


def read() -> dict[str, Any]:
    """What ``python -m inputgrad explorer`` wrote."""
    return json.loads(EXPLORER.read_text(encoding="utf-8"))


def script() -> str:
    """The same as a script, which a page opened from a disk may load where it may not fetch a file."""
    return f"const EXPLORER = {json.dumps(read(), separators=(',', ':'))};\n"


def gallery() -> dict[str, Any]:
    """What ``python -m inputgrad gallery`` wrote."""
    return json.loads(GALLERY.read_text(encoding="utf-8"))


def gallery_script() -> str:
    """The same as a script."""
    return f"const GALLERY = {json.dumps(gallery(), separators=(',', ':'))};\n"


def about_gallery() -> str:
    """Which networks the gallery shows, one line each, in Markdown."""
    return "".join(
        f"- **{net['model']} on {net['dataset']}**, the network of [`{net['exhibit']}`](../notebooks/{net['exhibit']}"
        f".ipynb) with seed {net['seed']}, at {SCALES[net['profile']]} scale: right on "
        f"{number(100 * net['right'] / net['images'])} % of the first {net['images']:,} test images. Trained at commit "
        f"`{net['origin']['commit']}`; checkpoint `{net['checkpoint']}`.\n"
        for net in gallery()["networks"]
    )


def about() -> str:
    """Which network this is, how it was trained, and how often it is right, in Markdown."""
    found = read()
    sizes = [found["layers"][0]["inputs"], *(layer["outputs"] for layer in found["layers"])]
    low, high = wilson(found["right"], found["images"])
    origin = found["origin"]
    return (
        f"**The network** is the fully connected one of [`{found['exhibit']}`](../notebooks/{found['exhibit']}.ipynb), "
        f"trained once more at the {SCALES[found['profile']]} scale with the recipe and the seed "
        f"({found['seed']}) of a recorded run, on all training images of {found['dataset']}. Its layers have "
        f"{listed(list(map(str, sizes)))} values. With its weights rounded to half precision, as they are here, it "
        f"is right on {number(100 * found['right'] / found['images'])} % of the {found['images']:,} test "
        f"images (95 % interval {number(low)} to {number(high)}). Trained at commit `{origin['commit']}` with torch "
        f"{origin['versions']['torch']}; checkpoint `{found['checkpoint']}`.\n\n"
        f"**The images** are test images of {found['dataset']}: of each digit the first "
        f"{sum(found['digits']['right']) // len(set(found['digits']['label']))} that the network reads right, and the "
        f"first {found['digits']['right'].count(False)} that it reads wrong.\n"
    )
