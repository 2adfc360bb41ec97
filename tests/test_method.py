"""The cell of each notebook that shows its method, and the text that each notebook is paired with."""

import ast
import copy
import json

import jupytext
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from inputgrad import study
from inputgrad.compute.attacks.convex import algorithm1, fast_grad
from inputgrad.compute.attacks.regression import dense
from inputgrad.compute.gradients import input_gradient, margins
from inputgrad.compute.norms import norm
from inputgrad.compute.training import checkpoints
from inputgrad.ground.paths import IDEAS, NOTEBOOKS
from inputgrad.record import results
from inputgrad.report import figures
from inputgrad.study import EXHIBITS
from inputgrad.trials import example, ideas

GAMES = ["attacking", "curves", "enhancing", "longer", "pictures", "told"]


def cells_of(exhibit):
    return nbformat.read(NOTEBOOKS / f"{exhibit}.ipynb", 4).cells


def method_of(exhibit):
    (cell,) = [cell for cell in cells_of(exhibit) if "method" in cell.metadata.get("tags", [])]
    return cell


@pytest.fixture(scope="module")
def shown(shared):
    """``shown(exhibit)``: the names that a notebook's method cell leaves, its figure among them as ``figure``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "CHECKPOINTS", shared / "checkpoints")

        def run(exhibit):
            names = {"figures": figures}
            *before, last = ast.parse(method_of(exhibit).source).body
            exec(compile(ast.Module(before, []), exhibit, "exec"), names)
            names["figure"] = eval(compile(ast.Expression(last.value), exhibit, "eval"), names)
            names["said"] = {k.arg for k in last.value.keywords if k.arg}
            return names

        yield run


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_the_method_stands_in_a_few_visible_lines(exhibit):
    cells = cells_of(exhibit)
    place = next(i for i, cell in enumerate(cells) if "method" in cell.metadata.get("tags", []))
    cell, before = cells[place], cells[place - 1].source
    logical = ast.unparse(ast.parse(cell.source)).splitlines()  # a statement is one line, however it is wrapped
    lines = [line for line in logical if line and not line.startswith("from ")]
    assert 3 <= len(lines) <= 7
    assert lines[-1].startswith("figures.side_by_side(")
    assert not {"hide-input", "hide-output", "remove-cell"} & set(cell.metadata["tags"])
    assert len(cell.metadata["mystnb"]["image"]["alt"]) > 40
    assert before.startswith("## The method, on one image") and "$$" in before
    assert "an illustration, no result" in before and "handwritten digits" in before
    assigned = {
        n.id for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    assert not assigned & set(study.parameters(exhibit)), "a parameter of the notebook is overwritten"


@pytest.mark.parametrize("exhibit", [e for e in EXHIBITS if not e.startswith("butterfly/")])
def test_the_image_is_one_of_the_data_and_the_pictures_are_drawn_as_computed(shown, exhibit):
    names = shown(exhibit)
    x, y, model = names["x"], names["y"], names["model"]
    (place,) = (example.digits().x_test.float() / 255 == x).flatten(1).all(1).nonzero()[:, 0][:1].tolist()
    assert example.digits().y_test[place] == y
    drawn = {ax.get_title().split("\n")[0]: ax for ax in names["figure"].axes}
    assert names["said"] <= set(drawn)
    assert drawn["x"].get_title() == f"x\na {y.item()}, seen as {model(x).argmax().item()}"
    assert torch.equal(torch.tensor(drawn["x"].images[0].get_array()), x[0, 0])
    for name, ax in drawn.items():
        if not name.startswith("x") and torch.is_tensor(names.get(name)):
            assert ax.images[0].get_clim()[1] == pytest.approx(names[name].abs().max().item())


def loss(model, x, y):
    return F.cross_entropy(model(x), y).item()


def within(x_adv, x, eps):
    return (x_adv - x).abs().max().item() <= eps + 1e-6 and 0 <= x_adv.min() <= x_adv.max() <= 1


def linearised(model, x, y, eta):
    """The smallest linearised margin at ``x + eta``."""
    m = margins(model, x, y)
    return (m.value + (m.gradient * eta[:, None]).sum((2, 3, 4))).min().item()


@pytest.mark.parametrize("exhibit", ["sign/adversarial", "sign/examples", "synthesis/attacks", "selfgrad/cost"])
def test_steps_up_the_loss(shown, exhibit):
    n = shown(exhibit)
    eps = {"synthesis/attacks": 0.2, "selfgrad/cost": 8 / 255}.get(exhibit, 0.3)
    up = [n[name] for name in ("x_fgsm", "x_adv", "x_up", "x_pgd") if name in n]
    for x_adv in up:
        assert within(x_adv, n["x"], eps)
        assert loss(n["model"], x_adv, n["y"]) > loss(n["model"], n["x"], n["y"])
    if "x_fgm" in n:
        assert torch.allclose(n["x_fgm"], (n["x"] + eps * input_gradient(n["model"], n["x"], n["y"])).clamp(0, 1))
    if exhibit == "sign/examples":
        assert set(n["d"].unique().tolist()) <= {-1.0, 0.0, 1.0}
    if exhibit == "selfgrad/cost":
        assert loss(n["model"], n["x_pgd"], n["y"]) >= loss(n["model"], n["x_fgsm"], n["y"])


def test_steps_down_the_loss(shown):
    n = shown("sign/cooperative")
    assert n["model"](n["x"]).argmax() != n["y"]
    assert within(n["x_dfgsm"], n["x"], 0.1)
    assert loss(n["model"], n["x_dfgsm"], n["y"]) < loss(n["model"], n["x"], n["y"])
    assert loss(n["model"], n["x_dfgm"], n["y"]) < loss(n["model"], n["x"], n["y"])
    n = shown("synthesis/attacks")
    assert within(n["x_down"], n["x"], 0.2)
    assert loss(n["model"], n["x_down"], n["y"]) < loss(n["model"], n["x"], n["y"])


def test_a_step_goes_to_the_class_that_it_is_told(shown):
    n = shown("sign/labels")
    assert n["model"](n["x"]).argsort(descending=True)[0, 2] == n["k"]
    assert within(n["x_told"], n["x"], 0.2)
    assert loss(n["model"], n["x_told"], n["k"]) < loss(n["model"], n["x"], n["k"])


def test_the_gradients_of_two_losses(shown):
    n = shown("sign/losses")
    assert torch.equal(n["g_logit"], input_gradient(n["model"], n["x"], n["y"], loss="nll_logits"))
    assert norm(n["g_ce"], 2) < norm(n["g_logit"], 2)
    assert n["model"](n["x_logit"])[0, n["y"]] < n["model"](n["x"])[0, n["y"]]


def test_the_smallest_steps_fool_and_nothing_shorter_does(shown):
    n = shown("sign/smallest")
    for way in ("sign", "l2"):
        t, d = n[f"t_{way}"], n[f"d_{way}"]
        assert norm(d, 2).item() == pytest.approx(1, rel=1e-5)
        assert n["model"](n[f"x_{way}"]).argmax() != n["y"]
        assert n["model"]((n["x"] + 0.99 * t * d).clamp(0, 1)).argmax() == n["y"]


def test_the_images_that_hardening_trains_on(shown):
    n = shown("smooth/baselines")
    assert torch.allclose(n["x_update"], n["x"] + 0.2 * n["g"])
    assert (n["x_fgsm"] - n["x"]).abs().max().item() == pytest.approx(0.1, rel=1e-5)
    assert loss(n["model"], n["x_fgsm"], n["y"]) > loss(n["model"], n["x"], n["y"])


def test_steps_of_one_length(shown):
    n = shown("sign/perceptibility")
    assert norm(n["v_sign"], 2).item() == pytest.approx(3, rel=1e-5)
    assert norm(n["v_l2"], 2).item() == pytest.approx(3, rel=1e-5)
    assert n["v_sign"].abs().unique().numel() <= 2 < n["v_l2"].abs().unique().numel()


@pytest.mark.parametrize("exhibit", ["convex/fooling", "convex/examples", "convex/pairs"])
def test_algorithm_1(shown, exhibit):
    n = shown(exhibit)
    x, y, model, eta = n["x"], n["y"], n["model"], n["eta"]
    m = margins(model, x, y)
    assert torch.allclose(x + eta, algorithm1(model, x, y, eps=0.2, box=None), atol=1e-6)
    optimum = (m.value - 0.2 * m.gradient.abs().sum((2, 3, 4))).min().item()
    assert linearised(model, x, y, eta) == pytest.approx(optimum, rel=1e-4)
    if exhibit == "convex/pairs":
        assert torch.allclose(x + n["eta_fg"], fast_grad(model, x, y, eps=0.2, box=None))


@pytest.mark.parametrize(("exhibit", "p", "longer"), [
    ("convex/framework", 2, 1.1), ("convex/recipes", torch.inf, 1), ("convex/robustness", torch.inf, 1)])  # fmt: skip
def test_the_distance_to_the_linearised_boundary(shown, exhibit, p, longer):
    n = shown(exhibit)
    x, y, model, eta = n["x"], n["y"], n["model"], n["eta"] / longer
    assert linearised(model, x, y, eta) == pytest.approx(0, abs=1e-3)
    assert linearised(model, x, y, 0.99 * eta) > 1e-3
    if "r" in n:
        assert norm(eta, p).item() == pytest.approx(n["r"].item(), rel=1e-5)
    if "x_df" in n:
        assert model(n["x_df"]).argmax() != y


def test_what_is_rounded_away(shown):
    n = shown("convex/rounding")
    double = copy.deepcopy(n["model"]).double()
    exact = input_gradient(lambda x: 2 * double(x), n["x"].double(), n["y"]).flatten()
    likeness = [F.cosine_similarity(g.double().flatten(), exact, dim=0).item() for g in (n["g"], n["g_L"])]
    assert likeness[0] < 0.9 < 0.999 < likeness[1]
    assert (2 * n["model"](n["x"])).softmax(1).max() == 1


def test_the_top_singular_vector(shown):
    n = shown("convex/regression")
    matrix = dense(n["J"], n["model"](n["x"]))[0]
    assert norm(n["v"], 2).item() == pytest.approx(1, rel=1e-5)
    assert (matrix @ n["v"].flatten()).norm().item() == pytest.approx(
        torch.linalg.matrix_norm(matrix, 2).item(), rel=1e-3
    )


def test_images_that_drift(shown):
    for exhibit, last in (("smooth/hardening", "x_t"), ("smooth/pictures", "path")):
        n = shown(exhibit)
        x = n["x"]
        for _ in range(9):
            x = x + 0.2 * input_gradient(n["model"], x, n["y"])
        end = n[last][-1] if last == "path" else n[last]
        assert torch.allclose(end, x)
        assert loss(n["model"], end, n["y"]) > loss(n["model"], n["x"], n["y"])
    n = shown("smooth/readings")
    assert norm(n["v_noise"], 2).item() == pytest.approx(norm(n["v"], 2).item(), rel=1e-5)
    assert norm(n["v"], 2).item() == pytest.approx(128 * norm(n["v_mean"], 2).item(), rel=1e-5)


def test_networks_that_read_their_own_gradient(shown):
    n = shown("selfgrad/defences")
    x = n["x"].clone().requires_grad_()
    (g,) = torch.autograd.grad(n["model"](x).sum(), x)
    assert torch.allclose(n["g"], g)
    assert torch.allclose(n["F"](n["x"]), n["model"](n["x"] + n["v"]))
    assert n["v"].abs().max() > 0
    n = shown("selfgrad/oracle")
    assert n["g_true"].abs().max().item() == n["g_other"].abs().max().item() == pytest.approx(1)
    assert not torch.allclose(n["g_true"], n["g_other"], atol=0.1)
    n = shown("selfgrad/convergence")
    assert torch.allclose(n["g"], n["F"].gradient(n["x"] + n["F"].block_of(n["g_before"])))
    assert torch.allclose(n["h"], n["F"].gradient(n["x"] + 8 / 255 * n["h_before"]))
    n = shown("selfgrad/audit")
    for x_adv in (n["x_adv"], n["x_past"]):
        assert within(x_adv, n["x"], 32 / 255)
        assert loss(n["F"], x_adv, n["y"]) > loss(n["F"], n["x"], n["y"])


def test_the_active_block_on_one_image(shown):
    n = shown("selfgrad/active")
    signs = n["F"].block.signs
    assert set(n["g"].sign().unique().tolist()) <= {-1.0, 0.0, 1.0} and signs.abs().eq(1).all()
    assert n["F"].block_of(signs).square().mean().sqrt().item() == pytest.approx(16 / 255)
    assert torch.equal(n["added"], n["F"].scale * n["F"].block(n["g"].sign()))


def test_bilateral_training_on_one_image(shown):
    n = shown("selfgrad/bilateral")
    wrong = torch.arange(10) != n["y"]
    assert n["k"] == n["model"](n["x"])[0].masked_fill(~wrong, -torch.inf).argmax()
    x_step = (n["x"] + n["v"]).clamp(0, 1)
    assert within(x_step, n["x"], 32 / 255)
    assert loss(n["model"], x_step, n["k"]) < loss(n["model"], n["x"], n["k"])
    label = n["adversarial_labels"](n["model"](n["x"]), n["y"])[0]
    assert label.argmax() == n["y"] and label.argmin() == n["k"]


def test_single_steps_from_the_image_and_from_a_random_start_on_one_image(shown):
    n = shown("selfgrad/schedule")
    moved = n["x_u"] + n["step"] - n["x"]
    assert within(n["x_u"], n["x"], 8 / 255) and 8 / 255 < moved.abs().max() <= 18 / 255 + 1e-6
    for x_adv in (n["x_fgsm"], n["x_rand"]):
        assert within(x_adv, n["x"], 8 / 255)
        assert loss(n["model"], x_adv, n["y"]) > loss(n["model"], n["x"], n["y"])
    assert not torch.allclose(n["x_fgsm"], n["x_rand"], atol=1 / 255)


@pytest.mark.parametrize("exhibit", [f"butterfly/{name}" for name in GAMES])
def test_the_game_on_one_image(shown, exhibit):
    n = shown(exhibit)
    x, y, target = n["x"], n["y"], n["match"].target
    v = list(n["v"].values() if isinstance(n["v"], dict) else n["v"] if isinstance(n["v"], list) else [n["v"]])
    assert all(part.abs().max() > 0 for part in v)
    attacked = n["match"].rules.problem == "attack"
    assert (target(x).argmax(1) == y).item() is attacked
    if exhibit == "butterfly/pictures":
        assert v[1].square().mean() < v[0].square().mean()
    elif n["match"].rules.objective == "direct":
        assert loss(target, x + v[-1], y) < loss(target, x, y)
    else:
        assert n["match"].discriminator(x + v[-1]) > n["match"].discriminator(x)


# Text beside notebooks


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_a_notebook_and_its_text_agree(exhibit):
    """Sources, kinds of cells, tags and alternative texts; after an edit: ``jupytext --sync notebooks/*/*.ipynb``."""
    text = jupytext.read(NOTEBOOKS / f"{exhibit}.py", fmt="py:percent")
    pairs = [[(cell.cell_type, cell.source, dict(cell.metadata)) for cell in cells] for cells in
             (cells_of(exhibit), text.cells)]  # fmt: skip
    assert pairs[0] == pairs[1]


def test_an_edit_of_the_text_reaches_the_notebook(tmp_path):
    """Through the project's settings; the tag of the parameters, which papermill looks for, and ids stay."""
    from jupytext.cli import jupytext as command

    for name in ("jupytext.toml", "sign/adversarial.ipynb", "sign/adversarial.py"):
        copied = tmp_path / name
        copied.parent.mkdir(exist_ok=True)
        copied.write_text((NOTEBOOKS / name).read_text())
    text = tmp_path / "sign" / "adversarial.py"
    text.write_text(text.read_text().replace("# # Adversarial examples", "# # Other examples"))
    command(["--sync", "--quiet", str(text)])
    before, after = cells_of("sign/adversarial"), nbformat.read(text.with_suffix(".ipynb"), 4).cells
    assert after[0].source.startswith("# Other examples")
    assert [(c.id, c.metadata) for c in after] == [(c.id, c.metadata) for c in before]
    assert [c.source for c in after[1:]] == [c.source for c in before[1:]]


def test_the_first_page_shows_what_the_methods_do(monkeypatch, tmp_path):
    """The picture's data, computed again: each image is in its ball, and what is said is what the network says."""
    monkeypatch.setattr(ideas, "IDEAS", tmp_path / "ideas.json")
    ideas.write()
    found = json.loads((tmp_path / "ideas.json").read_text())
    kept = json.loads(IDEAS.read_text())
    assert [p["paper"] for p in found["pictures"]] == [p["paper"] for p in kept["pictures"]] == ["", *study.STUDY]
    assert {k: v for k, v in found.items() if k not in ("origin", "pictures")} == {
        k: v for k, v in kept.items() if k not in ("origin", "pictures")
    }
    by_paper = {p["paper"]: p for p in found["pictures"]}
    x = results.unpack(by_paper[""]["seen"])
    for picture in found["pictures"]:
        assert np.allclose(results.unpack(picture["seen"]) - x, results.unpack(picture["added"]), atol=1e-6)
    assert all(within(torch.tensor(results.unpack(by_paper[key]["seen"])), torch.tensor(x), ideas.EPS)
               for key in ("sign", "convex"))  # fmt: skip
    figure = figures.one_image()
    said = [ax.get_title() for ax in figure.axes]
    for picture in kept["pictures"]:
        assert f"seen as {picture['answer']}\n({100 * picture['probability']:.0f} %)" in said
