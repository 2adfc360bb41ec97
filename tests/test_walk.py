"""Every page of the built book in a real browser, wide and narrow, light and dark: what a reader would stumble over."""

from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

BUILT = Path(__file__).resolve().parents[1] / "build" / "_build" / "html"
THEMES = ("index", "genindex", "py-modindex", "search")
"""Pages that Sphinx and its theme make by themselves."""

PAGES = sorted(p for p in BUILT.rglob("*.html") if "_static" not in p.parts and p.stem not in THEMES)
WIDE, NARROW = (1280, 900), (390, 844)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not PAGES, reason="no book is built: make book"),
]

LEAST = 4.5
"""Contrast of text to its ground, WCAG 2.2 (1.4.3, AA); 3 for large text."""

CONTRAST = """least => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parsed = text => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[3] * a[i] + (1 - a[3]) * b[i]);
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parsed(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest("script, style, noscript, svg, :disabled, .MathJax, .visually-hidden")) continue;
    const style = getComputedStyle(element), below = ground(element);
    const a = light(over(parsed(style.color), below)), b = light(below);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : least)) found[`${element.tagName}.${element.className}`] = `${ratio.toFixed(2)}: ${text.slice(0, 40)}`;
  }
  return found;
}"""

WITHOUT_ALT = """() => [...document.querySelectorAll("main img")].filter(i => !(i.alt || "").trim() || /\\.(png|svg)$/.test(i.alt)).map(i => i.src)"""

CUT = """() => {
  for (const fold of document.querySelectorAll("main details:not(.chart)")) fold.open = true;
  return [...document.querySelectorAll("main pre")].filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.textContent);
}"""
"""Code that is wider than its place, folds opened."""


class Names(HTMLParser):
    """The anchors of a page, and the places it links to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(BUILT).with_suffix("")))
def test_a_page_reads_well(chromium, page, theme):
    said, asked = [], []
    context = chromium.new_context(viewport=dict(zip(("width", "height"), WIDE, strict=True)), color_scheme=theme)
    context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    tab = context.new_page()
    tab.set_default_timeout(120_000)  # a busy machine takes its time over a long page
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri(), wait_until="load")
    found = {"theme": tab.evaluate("document.documentElement.dataset.theme"), "contrast": tab.evaluate(CONTRAST, LEAST),
             "without alt": tab.evaluate(WITHOUT_ALT)}  # fmt: skip
    widths = {}
    for size in (WIDE, NARROW):
        tab.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        widths[size[0]] = tab.evaluate("document.documentElement.scrollWidth")
    tab.set_viewport_size(dict(zip(("width", "height"), WIDE, strict=True)))
    cut = tab.evaluate(CUT)
    context.close()
    outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert (found["theme"], said, outside) == (theme, [], [])
    assert found["contrast"] == {}
    assert found["without alt"] == []
    assert all(width <= size for size, width in widths.items()), widths
    assert cut == []


def test_every_link_leads_somewhere():
    names = {path.resolve(): Names(path) for path in BUILT.rglob("*.html") if "_static" not in path.parts}
    broken = defaultdict(list)
    for path, own in names.items():
        for link in own.links:
            place, anchor = urldefrag(link)
            if "://" in place or place.startswith(("mailto:", "javascript:")):
                continue
            target = (path.parent / unquote(place)).resolve() if place else path
            if not target.exists() or (anchor and target in names and unquote(anchor) not in names[target].anchors):
                broken[path.relative_to(BUILT.resolve())].append(link)
    assert not broken, dict(broken)
