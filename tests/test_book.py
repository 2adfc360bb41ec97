"""Tables, figures, the staged book and everything a reader meets first."""

import ast
import re
import tomllib
from importlib import import_module

import matplotlib
import nbformat
import pandas as pd
import pytest
import yaml

from inputgrad import study
from inputgrad.compute.methods import selfgradient
from inputgrad.ground.checks import InputError
from inputgrad.report import book, cells, claims, figures, tables
from inputgrad.report.figures import panels
from inputgrad.report.markup import VERDICTS, Table, number
from inputgrad.study import STUDY

matplotlib.use("agg")


def test_tables_of_a_run(small_run):
    beside = tables.beside(small_run("sign/adversarial"), ["default", "attack_loss=nll_logits", "fgm_reduction=mean32"])
    (table,) = beside.tables
    assert list(table.frame.columns[:4]) == ["data set", "eps", "FGSM: paper", "FGSM: ours"]
    assert "FGM: ours, mean of 32" in table.frame
    assert "FGSM: ours, mean of 32" not in table.frame
    assert table.frame["eps"].tolist() == ["0.0", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]
    assert set(table.frame["FGSM: verdict"]) == {"–"}  # smoke numbers get none
    (repair,) = tables.beside(small_run("sign/cooperative")).tables
    assert "D-FGM: ours" in repair.frame
    assert len(tables.sign.readings(small_run("sign/cooperative")).frame) > 10
    assert set(tables.sign.equal_success(small_run("sign/perceptibility")).frame["method"]) >= {
        "FGSM",
        "FGM",
        "random sign",
    }
    assert tables.sign.saturation(small_run("sign/adversarial")).frame["other images"].item() != "–"
    assert len(tables.cost(small_run("sign/examples")).frame) == 1
    assert "digits28" in tables.own(small_run("sign/adversarial"))._repr_html_()


@pytest.mark.parametrize(
    ("exhibit", "changed"),
    [
        ("sign/adversarial", {"label": "predicted"}),
        ("sign/adversarial", {"clip": False, "controls": False}),
        ("sign/adversarial", {"skip_misclassified": True}),
        ("sign/adversarial", {"attack_loss": ["nll_logits"]}),
        ("sign/adversarial", {"fgm_reduction": ["mean32"], "attack_loss": ["margin"]}),
        ("sign/adversarial", {"attacks": ["FGM"], "eps": ["0.1"]}),
        ("sign/cooperative", {"clip": False}),
        ("sign/cooperative", {"attack_loss": "nll_logits", "attacks": ["D-FGM"]}),
        ("sign/cooperative", {"label": ["predicted"], "edit": ["all"]}),
        ("sign/adversarial", {"clip": False, "label": "predicted"}),
        ("sign/cooperative", {"label": ["true", "runner_up"]}),
        ("sign/labels", {"label": ["runner_up"], "attacks": ["D-FGM"], "clip": False}),
        ("sign/labels", {"label": ["other"], "attack_loss": "margin", "eps": ["0.1"]}),
        ("sign/perceptibility", {"clip": False, "methods": ["FGM"]}),
        ("sign/losses", {"attacks": ["D-FGM"], "far": ["1"], "far_images": 10, "clip": False}),
        ("sign/losses", {"attack_loss": ["margin"], "eps": ["0.1"]}),
        ("sign/smallest", {"methods": ["FGSM"], "attack_loss": ["margin"], "scan": 1, "reach": 8}),
        ("sign/smallest", {"attack_loss": ["ce"], "halvings": 3, "clip": False}),
        ("sign/examples", {"eps": ["0.3"], "images": 1}),
        ("convex/framework", {"p": ["2"], "multiples": ["1.5"], "eps": ["0.1"]}),
        ("convex/fooling", {"eps": ["0.1"], "methods": ["FastGrad", "DeepFool"], "clipped": []}),
        ("convex/fooling", {"clip": True, "p": 2, "methods": ["Algorithm 1", "Random", "PGD"]}),
        ("convex/fooling", {"scores": "softmax", "eps_unit": "pixel", "dtype": "float64", "class_choice": "argmin"}),
        ("convex/rounding", {"scale": ["4"], "eps": ["0.05", "0.1"]}),
        ("convex/pairs", {"eps": ["0.1"], "pairs": ["Algorithm 1 / FastGrad (exact)"]}),
        ("convex/recipes", {"ways": ["short", "study"]}),
        ("convex/robustness", {"eps_unit": "pixel", "scores": "softmax", "deepfool_steps": 2}),
        ("convex/regression", {"p": ["inf"], "radius": ["1"], "eps": ["0.3"], "bounded": 2}),
        ("convex/examples", {"eps": ["0.1"], "columns": 2, "clip": True}),
        (
            "smooth/hardening",
            {"rate": -0.5, "mode": "reset", "reduction": "mean", "eps": ["0.1"], "stronger_eps": ["0.1"]},
        ),
        ("smooth/hardening", {"attack_mode": ["eval"], "source": ["control"]}),
        ("smooth/readings", {"rates": [2], "modes": ["noise"], "reductions": ["mean"], "beyond": True, "eps": ["0.3"]}),
        ("smooth/baselines", {"baselines": ["gradient penalty"], "penalty": 0.5, "mode": "fresh", "drift_steps": 1}),
        ("smooth/pictures", {"mode": "fresh", "columns": 2, "eps": "0.3"}),
        ("selfgrad/defences", {"defences": ["Self gradient"], "block_input": "max1", "steps": [2], "eps": "4/255"}),
        ("selfgrad/bilateral", {"steps": [3], "eps": "4/255", "queries": 10}),
        ("selfgrad/oracle", {"gradient_input": "sign", "detach_train": False}),
        ("selfgrad/convergence", {"iterations": 2, "block_scale": 0.1}),
        ("selfgrad/audit", {"defences": ["Standard", "FGSM training"], "autoattack": False, "radii": ["1/255"]}),
        (
            "selfgrad/audit",
            {"defences": ["Self gradient"], "block_input": "sign", "detach_train": True, "autoattack": False},
        ),
        ("selfgrad/active", {"amplitudes": ["1/255", "0"], "eps": "4/255", "queries": 10}),
        ("selfgrad/schedule", {"longer": 3, "eps": "4/255"}),
        ("selfgrad/cost", {"target": 0.5}),
        (
            "butterfly/enhancing",
            {
                "sizes": ["large"],
                "loss": ["lr"],
                "d_train": ["full"],
                "objective": ["game"],
                "external": "none",
                "first": 50,
            },
        ),
        (
            "butterfly/enhancing",
            {"objective": ["direct"], "sizes": ["small"], "loss": ["ls"], "limit": 0.1, "clip": True, "gamma": 0},
        ),
        ("butterfly/told", {"discriminator": ["told"], "d_train": ["full"], "gamma": 0}),
        ("selfgrad/convergence", {"models": ["linear"]}),
        ("butterfly/pretrained", {"discriminator": ["told"], "d_train": ["full"], "gamma": 0}),
        ("butterfly/judges", {"discriminator": ["told"], "bodies": ["encoder_head"], "gamma": 0}),
        ("butterfly/units", {"discriminator": ["blind", "random"], "gamma": 0}),
        ("butterfly/bounded", {"discriminator": ["blind"], "d_train": ["full"], "gamma": 0, "budget": 0.1}),
        ("butterfly/attacking", {"objective": ["direct"], "sizes": ["small"], "l2": "norm", "clip": True}),
        ("butterfly/attacking", {"external": "none", "sizes": ["large"], "loss": ["ls"], "d_train": ["head"]}),
        ("butterfly/curves", {"problems": ["attack"], "gammas_attack": [1], "loss": ["lr"], "d_train": "full"}),
        ("butterfly/curves", {"problems": ["enhance"], "gammas_enhance": ["0"], "objective": "direct"}),
        ("butterfly/longer", {"problems": ["enhance"], "gammas_enhance": ["0"]}),
        ("butterfly/pictures", {"problems": ["enhance"], "gammas_enhance": ["1"], "columns": 2, "limit": 0.2}),
        ("synthesis/attacks", {"eps": "0.05", "datasets": ["digits28"], "models": ["fcnn", "smooth_cnn"]}),
    ],
)
def test_every_alternative_fills_its_page(exhibit, changed, small_run):
    run = small_run(exhibit, **changed)
    notebook = nbformat.read(book.ROOT / "notebooks" / f"{exhibit}.ipynb", 4)
    code = [c for c in notebook.cells if c.cell_type == "code" and "method" not in c.metadata.get("tags", [])]
    for source in [cell.source for cell in code][2:]:
        shown = last_value(source, {"run": run, "figures": figures, "tables": tables, "selfgradient": selfgradient})
        for frame in [t.frame for t in getattr(shown, "tables", [shown] if isinstance(shown, Table) else [])]:
            assert len(frame), source
        if isinstance(shown, panels.Drawn) and hasattr(shown, "frame"):
            assert shown.frame.empty or len(figures.as_table(shown).frame) == len(shown.frame)
    if exhibit in ("sign/adversarial", "sign/cooperative"):
        (table,) = tables.beside(run, ["default", "attack_loss=nll_logits", "fgm_reduction=mean32"]).tables
        attacks = changed.get("attacks") or study.parameters(exhibit)["attacks"].default
        for attack in attacks:
            assert [c for c in table.frame.columns if c.startswith(f"{attack}: ours")], attack


def last_value(source, names):
    """What a notebook shows of a cell: the value of its last line, after the others."""
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_figures_of_a_run(small_run):
    drawn = [
        figures.sign.over_eps(
            small_run("sign/adversarial"), "accuracy", ["FGSM", "FGM"], extra=[("PGD", "default", "PGD-20")]
        ),
        figures.sign.over_eps(small_run("sign/cooperative"), "error", ["D-FGSM", "D-FGM"]),
        figures.sign.oracle(small_run("sign/cooperative")),
        figures.sign.equal_norm(small_run("sign/perceptibility")),
        figures.sign.galleries(small_run("sign/examples"), ["FGSM", "FGM"]),
        figures.sign.galleries(small_run("sign/examples"), ["D-FGSM", "D-FGM"]),
        figures.sign.gradients(small_run("sign/examples")),
        figures.scoreboard(),
        figures.stand_ins(),
    ]
    for figure in drawn:
        figure.canvas.draw()
        assert figure.axes or figure.subfigs


def test_a_panel_may_have_no_numbers_yet(small_run):
    """Two data sets and two networks, of which one combination was not run."""
    from dataclasses import replace

    (result,) = small_run("sign/adversarial").results
    others = [replace(result, rows=result.rows.assign(**c)) for c in ({"model": "B"}, {"dataset": "C"})]
    run = replace(small_run("sign/adversarial"), results=[result, *others])
    assert len(figures.sign.over_eps(run, "accuracy", ["FGSM", "FGM"]).axes) == 4
    assert len(tables.sign.saturation(run).frame) == 3


def test_over_eps_draws_our_numbers(small_run):
    run = small_run("sign/adversarial")
    figure = figures.sign.over_eps(run, "accuracy", ["FGSM"])
    line = next(x for x in figure.axes[0].lines if x.get_label() == "FGSM, ours")
    table = cells.join_seeds(run.rows).query(
        "metric == 'accuracy' and reading == 'default' and attack in ['none', 'FGSM']"
    )
    assert sorted(line.get_ydata()) == sorted(table["value"])


def test_a_table_escapes_what_papers_say():
    table = Table(pd.DataFrame([{"a": "x < y & z | w", "verdict": "not run"}]), "c")
    assert "x &lt; y &amp; z" in table._repr_html_()
    assert 'class="v-not-run"' in table._repr_html_()
    assert "x < y & z \\| w" in table.markdown()


def test_every_verdict_word_is_coloured(root):
    style, script = ((root / "book" / "_static" / f).read_text() for f in ("book.css", "sort.js"))
    assert set(VERDICTS) == {*cells.WORDS, *claims.WORDS, *claims.IN_PRINT.values()}
    for word in VERDICTS:
        assert f".v-{word.replace(' ', '-')}" in style
        assert f'"{word}"' in script


def test_numbers_have_a_true_minus_and_no_nan():
    assert [number(v) for v in (-1.25, 0.04, float("nan"))] == ["−1.2", "0.0", "–"]


FENCE = re.compile(r"```(?:\{code-block\} )?(?!text\n)[a-z]+\n(.*?)```", re.S)
CELL, FENCED = 82, 80
"""Letters of a line of code that fit the book's column at 1280 px, in a cell and in a fold."""


@pytest.mark.parametrize("exhibit", study.EXHIBITS)
def test_code_of_a_notebook_fits_its_page(exhibit):
    for cell in nbformat.read(book.NOTEBOOKS / f"{exhibit}.ipynb", 4).cells:
        if cell.cell_type == "markdown":
            assert_fits("\n".join(FENCE.findall(cell.source)), FENCED)
        elif "remove-cell" not in cell.metadata.get("tags", []):
            assert_fits(cell.source, CELL)


def test_code_of_a_written_page_fits_it(root):
    fences = {p: FENCE.findall(p.read_text(encoding="utf-8")) for p in (root / "book").rglob("*.md")}
    assert sum(map(len, fences.values())) > 5
    assert_fits("\n".join(text for found in fences.values() for text in found), FENCED)


def assert_fits(text, letters):
    assert [line for line in text.splitlines() if len(line) > letters] == []


def test_tokens_are_numbers_from_the_results_and_the_papers():
    text = "[[paper sign dataset=CIFAR-10 model=AlexNet attack=FGM eps=0.30 metric=accuracy]]"
    assert book.fill(text, "x.md") == "26.39\u00a0%"
    assert book.fill("[[count sign claims]]", "x.md") == str(sum(c.kind == "result" for c in claims.load("sign")))
    assert book.fill("[[ours sign dataset=SVHN attack=FGSM metric=accuracy_drop]]", "x.md") == "(not run yet)"
    scales = {"quick": ", at toy scale", "desk": ", at reduced scale", "paper": ", at the paper's own scale", None: ""}
    for verdict in claims.verdicts("sign"):
        filled = book.fill(f"[[verdict sign {verdict.claim.id.split('.')[1]}]]", "x.md")
        assert filled == verdict.word + scales[verdict.profile]
    assert book.fill("[[question sign]]", "x.md") == STUDY["sign"].question


@pytest.mark.parametrize(
    "text",
    [
        "[[count sign claimz]]",
        "[[ours sign datset=MNIST]]",
        "[[paper sign metric=accuracy]]",
        "[[ours sign MNIST]]",
        "[[verdict sign c99]]",
    ],
)
def test_a_token_that_names_nothing_stops_the_build(text):
    with pytest.raises(InputError):
        book.fill(text, "x.md")


def test_pages_type_no_result(root):
    """Percentages in prose are tokens; the two tolerances, stated as definitions, are the only exceptions."""
    for page in (root / "book").rglob("*.md"):
        text = re.sub(r"\[\[[^\]]*\]\]", "", page.read_text())
        typed = [p for p in re.findall(r"\d[\d.]* ?%", text) if p not in ("95 %", "50 %")]
        assert not typed, (page, typed)
    for path in (root / "notebooks").rglob("*.ipynb"):
        words = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown")
        assert not [p for p in re.findall(r"\d[\d.]* ?%", words) if p not in ("95 %", "50 %")], path


def test_repository_buttons_only_where_the_repository_is_known(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert "repository" not in yaml.safe_load(book.config())
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/study")
    settings = yaml.safe_load(book.config())
    assert settings["repository"]["url"] == "https://github.com/someone/study"
    assert settings["launch_buttons"]


def test_the_readme_shows_the_scoreboard_of_now():
    assert book.readme() == (book.ROOT / "README.md").read_text(), "run: make readme"


def test_every_paper_is_cited_and_has_a_chapter(root):
    bibliography = (root / "book" / "references.bib").read_text()
    for paper in STUDY.values():
        assert f"{{{paper.citation}," in bibliography
        assert (root / "book" / "papers" / f"{paper.key}.md").is_file()


def test_environment_and_project_name_the_same_things(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((root / "environment.yml").read_text())
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    extras = re.search(r"-e \.\[(.+)\]", pip[0])[1].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    assert {"book", "test"} <= set(extras)
    python = next(d for d in environment["dependencies"] if str(d).startswith("python"))
    assert tuple(map(int, re.findall(r"\d+", python))) >= tuple(
        map(int, re.findall(r"\d+", project["requires-python"]))
    )


def test_the_lock_names_every_dependency_and_no_host(root):
    lock = (root / "requirements.lock").read_text().lower()
    assert "://" not in lock
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = (
        project["dependencies"] + project["optional-dependencies"]["book"] + project["optional-dependencies"]["test"]
    )
    assert {re.split(r"[<>=]", w)[0].lower() for w in wanted} <= pinned


@pytest.mark.parametrize("page", sorted((book.ROOT / "book").rglob("*.md")), ids=lambda page: page.stem)
def test_every_token_of_a_written_page_names_something(page):
    text = book.fill(page.read_text(encoding="utf-8"), page.name)
    assert "[[" not in text and not re.search(r"%\s*%(?!\d)", text)  # a number brings its own per cent sign


@pytest.mark.parametrize("page", sorted((book.ROOT / "book/api").glob("*.md")), ids=lambda page: page.stem)
def test_what_an_api_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    for module, members in re.findall(r"automodule:: (\S+)\n   :members:(.*)", text):
        assert [
            name for name in members.split(", ") if name.strip() and not hasattr(import_module(module), name.strip())
        ] == []
    for path in re.findall(r"auto(?:class|function):: (\S+)", text):
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)


def test_lib_is_not_ignored(root):
    import subprocess

    if not (root / ".git").exists():
        pytest.skip("no checkout")
    assert (
        subprocess.run(["git", "check-ignore", "-q", "lib/inputgrad/__init__.py"], cwd=root, check=False).returncode
        == 1
    )


def test_study_questions_are_sentences():
    assert all(p.question.endswith("?") for p in study.STUDY.values())
