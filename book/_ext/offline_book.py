"""Keep the built book free of network requests: MathJax from a package, and no thebe."""

import importlib.util
from pathlib import Path

from sphinx.util.fileutil import copy_asset_file


def copy_mathjax(app, exception):
    if exception is None and app.builder.format == "html":
        package = importlib.util.find_spec("sphinx-mathjax-offline")
        script = Path(package.submodule_search_locations[0]) / "static" / "mathjax" / "tex-svg.js"
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        copy_asset_file(str(script), str(target))


def drop_thebe(app, page, template, context, doctree):
    def is_thebe(asset):
        body = getattr(asset, "attributes", {}).get("body") or ""
        return "THEBE_JS_URL" in body or "sphinx-thebe" in str(getattr(asset, "filename", asset) or "")

    for key in ("script_files", "css_files"):
        context[key] = [asset for asset in context.get(key, []) if not is_thebe(asset)]


def setup(app):
    app.config.mathjax_path = "mathjax/tex-svg.js"
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
