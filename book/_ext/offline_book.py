"""Keep the built book free of network requests: MathJax and Vega from packages, no thebe, no source maps.

And of torch, where it is not installed: the pages of the library are then made from its docstrings alone.
"""

import importlib.util
from pathlib import Path

from sphinx.util.fileutil import copy_asset_file

COMPUTES = ("torch", "torchvision", "torchmetrics", "safetensors", "pyautoattack")
"""What the extra ``run`` installs and the library imports."""

NOTICE = """tex-svg.js is one file of MathJax 3.2.2, from the package sphinx-mathjax-offline 0.0.2.
Copyright The MathJax Consortium. Licensed under the Apache License, Version 2.0:
https://www.apache.org/licenses/LICENSE-2.0
"""


def copy_mathjax(app, exception):
    if exception is None and app.builder.format == "html":
        package = importlib.util.find_spec("sphinx-mathjax-offline")
        script = Path(package.submodule_search_locations[0]) / "static" / "mathjax" / "tex-svg.js"
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        copy_asset_file(str(script), str(target))
        (target / "NOTICE.txt").write_text(NOTICE, encoding="utf-8")


def write_vega(app, exception):
    """Vega-Embed with all it needs, in a scope of its own; taking it from the package needs ten seconds."""
    if exception is None and app.builder.format == "html":
        import vl_convert

        target = Path(app.outdir) / "_static" / "vega.js"
        if not target.is_file() or target.stat().st_mtime < Path(vl_convert.__file__).stat().st_mtime:
            target.write_text(f"(() => {{{vl_convert.javascript_bundle()}\n}})();\n", encoding="utf-8")


def drop_maps(app, exception):
    """Source maps are for whoever debugs the theme, and an eighth of the book."""
    for path in Path(app.outdir).rglob("*.map"):
        path.unlink()


def drop_thebe(app, page, template, context, doctree):
    def is_thebe(asset):
        body = getattr(asset, "attributes", {}).get("body") or ""
        return "THEBE_JS_URL" in body or "sphinx-thebe" in str(getattr(asset, "filename", asset) or "")

    for key in ("script_files", "css_files"):
        context[key] = [asset for asset in context.get(key, []) if not is_thebe(asset)]


def stand_in(app, config):
    """Have autodoc import the library where what it computes with is not installed."""
    config.autodoc_mock_imports = [name for name in COMPUTES if importlib.util.find_spec(name) is None]


def setup(app):
    app.connect("config-inited", stand_in)
    app.config.mathjax_path = "mathjax/tex-svg.js"
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_vega)
    app.connect("build-finished", drop_maps)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
