"""What figures draw: the marks read back from matplotlib, their frame, and the rows of the result files."""

import re
from collections import Counter, defaultdict
from functools import cache
from statistics import median

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.display import HTML, SVG, Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb

from from_files import Cell, files, measured, printed, size
from inputgrad.compute.methods import selfgradient
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.report import book, figures
from inputgrad.report.figures import marks, panels
from inputgrad.study import EXHIBITS
from inputgrad.trials import runner
from recounts import ROOT

OWN = ("none", "enhance", "PGN adversarial", "UAP", "EHA (FGSM)", "PGD")
NETWORKS = ("Standard", "Madry PGD", "Self gradient", "FGSM training", "Self gradient, rescaled", "Bilateral")
PICTURES = {"one-image", "stand-ins", "sign.galleries", "sign.gradients", "convex.examples", "convex.steps", "convex.segmentation",
            "smooth.rescued", "smooth.drift", "selfgrad.architecture", "butterfly.gallery", "butterfly.by_gamma"}  # fmt: skip
"""Figures without numbers."""


# Where a cell belongs: each function gives (panel, series, x) for every mark that a cell makes in a figure


def place(c):
    return f"{c['dataset']}, {c['model']}"


def number(c, column="eps"):
    return float(size(c[column]))


def over_eps(metric, curves):
    """``curves``: series by (attack, reading); the natural value begins each."""

    def ours(c):
        if c["metric"] == metric:
            of = [s for (attack, reading), s in curves.items()
                  if c["attack"] == "none" or (c["attack"], c["reading"]) == (attack, reading)]  # fmt: skip
            return [(place(c), series, number(c)) for series in of]
        return None

    def paper(c):
        if c["metric"] == metric and c["eps"]:
            return [(place(c), f"{a}, paper", number(c)) for (a, reading), series in curves.items()
                    if series == f"{a}, ours" and c["attack"] in ("none", a)]  # fmt: skip
        return None

    return ours, paper


COOPERATIVE = {
    "default": "true label, wrong images", "edit=all": "true label, all",
    "label=predicted": "predicted, wrong images", "label=predicted edit=all": "predicted, all",
    "label=random": "random, wrong images", "label=random edit=all": "random, all",
}  # fmt: skip


def oracle(c):
    if c["metric"] == "error" and c["attack"] == "none":
        return [(place(c), "natural error", "")]
    if c["metric"] == "error" and c["attack"] == "D-FGSM" and c["eps"] == "0.10":
        return [(place(c), "D-FGSM", COOPERATIVE[c["reading"]])]
    return None


def equal_norm(c):
    return [(place(c), c["attack"], number(c, "parameter"))] if c["metric"] == "fooled" else []


WAYS = {"FGSM": "sign", "FGM-l2": "gradient"}


def own_steps(c):
    if c["metric"] == "within_l2":
        loss = {"default": "cross-entropy", "attack_loss=nll_logits": "−z_y"}[c["reading"]]
        return [(place(c), f"{WAYS[c['attack']]}, {loss}", number(c, "parameter"))]
    return None


def fooling(*methods, reading="default"):
    def ours(c):
        if c["metric"] == "fooling_ratio" and c["attack"] != "none" and c["reading"] == reading and c["eps"]:
            return [(place(c), c["attack"], number(c))] if not methods or c["attack"] in methods else []
        return None

    def paper(c):
        found = ours(c)
        return [
            (name, f"{series}, paper", x) for panel, series, x in found or [] for name in (panel, f"{panel} (authors)")
        ]

    return ours, paper


def clipping(c):
    if c["metric"] == "fooling_ratio" and c["attack"] in ("DeepFool", "Algorithm 1", "FastGrad") and c["eps"]:
        ends = {"default": "", "clip=True": ", in the box"}
        return [(place(c), c["attack"] + ends[c["reading"]], number(c))] if c["reading"] in ends else []
    return None


def multiples(c):
    if c["metric"] == "fooled_at_multiple":
        return [(place(c), c["reading"].replace("=", " = "), number(c, "parameter"))]
    return None


def targeted(c):
    if c["metric"] == "reached_target" and c["attack"] == "Algorithm 1-10, targeted":
        return [(c["dataset"], c["model"], number(c, "eps"))]
    return None


SCALED = {
    "LeNet-5 (authors)": "0.06733",
    "FCNN": "0.034",
    "LeNet-5": "0.06733",
    "NIN": "0.01067",
    "DenseNet-40": "0.004",
}
"""At which eps the logits were scaled."""


def scales(c):
    if c["metric"] == "fooling_ratio" and c["attack"] != "none" and c["eps"] == SCALED.get(c["model"]):
        times = re.fullmatch(r"default|scale=(.*)", c["reading"])
        return [(place(c), c["attack"], float(size(times[1] or "1")))] if times else []
    return None


MEASURES = {"rho1_hat": "ρ₁", "rho2_hat": "ρ₂", "eps_fooled_99": "eps, 99 % fooled"}


def measures(whose):
    def of(c):
        if c["metric"] in MEASURES and c["reading"] == "default":
            names = [place(c)] if whose == "ours" else [place(c), f"{place(c)} (authors)"]  # theirs is the paper's own
            return [(MEASURES[c["metric"]], whose, name) for name in names]
        return None

    return of


def moved(c):
    if c["metric"] == "pixels_moved_mean" and c["attack"] != "none":
        return [(place(c), c["attack"], number(c))]
    return None


def errors(c):
    return [(place(c), c["defense"], int(c["steps"]))] if c["metric"] == "validation_error" else []


def variants(c):
    if c["metric"] == "accuracy" and c["eps"] in ("0", "0.1"):
        return [(place(c), c["attack"].replace("none", "clean"), c["reading"])]
    return None


def printed_variants(c):
    if (c["dataset"], c["model"], c["eps"], c["metric"]) == ("MNIST", "CNN", "0.1", "accuracy"):
        return [(place(c), f"paper, {c['defense']}", "")]
    return None


def sweep(c):
    rate, *rest = c["reading"].replace("control", "0 sum accumulate").split()
    if c["metric"] == "accuracy" and rest == ["sum", "accumulate"]:
        sizes = ("0.1", "0.2") if c["eps"] == "0" else (c["eps"],)
        return [(f"eps {eps}", c["attack"].replace("none", "clean"), float(rate)) for eps in sizes]
    return None


def over_steps(suffix):
    def of(c):
        if (
            c["metric"] == "accuracy"
            and c["attack"] in ("PGD", "CW")[: 1 if suffix else 2]
            and c["defense"] in NETWORKS
        ):
            return [(f"{c['dataset']}, PGD and CW", f"{c['defense']}, {c['attack']}{suffix}", int(c["steps"]))]
        return None

    return of


def convergence(c):
    if c["metric"] == "change_l2_mean" and int(c["steps"]) > 0:
        return [("the trained network", c["attack"], int(c["steps"]))]
    if c["attack"] == "quadratic":
        return [("Theorem 1 on x²/2", f"x²/2, eps {c['eps']}", int(c["steps"]))]
    return None


def audit(c):
    if c["metric"] == "accuracy" and c["defense"] in NETWORKS and c["attack"] != "PGD over eps":
        several = f"{c['attack']}-{c['steps']}" if c["attack"] in ("PGD", "CW", "APGD") else c["attack"]
        return [("", c["defense"], several.replace("none", "clean"))]
    return None


def active(c):
    heads = {"none": "clean", "PGD": "PGD-20", "worst of all": "worst of all"}
    return [("", heads[c["attack"]], c["defense"])] if c["metric"] == "accuracy" and c["attack"] in heads else None


def epochs(c):
    return [("", c["defense"], int(c["steps"]))] if c["metric"] == "robust_accuracy" else None


def radii(c):
    if c["metric"] == "accuracy" and c["attack"] == "PGD over eps":
        return [("", c["defense"], 255 * number(c))]
    return None


def defences(panel):
    heads = {"none": "clean", "FGSM": "FGSM", "PGD10": "PGD-10", "PGD100": "PGD-100", "CW100": "CW-100"}

    def of(c):
        head = heads.get(c["attack"] + (c["steps"] if c["attack"] in ("PGD", "CW") else ""))
        fits = c["dataset"] == "CIFAR-10" and c["metric"] == "accuracy" and c["table"] in ("2", "own")
        if head and fits and c["defense"] in NETWORKS and c.get("exhibit", "selfgrad/defences") == "selfgrad/defences":
            return [(panel, c["defense"], head)]
        return None

    return of


def short(row):
    return row.replace("[A] scratch classifier, ", "[A] ").replace("[B] pretrained classifier, ", "[B] ")


def rows(c):
    if c["metric"] == "accuracy" and c["attack"] in OWN and c["table"] != "3":
        return [("", place(c), short(c["defense"]))]
    return None


CURVES = {"g_loss": "L_G", "d_loss": "L_D", "d_accuracy": "D right, percent", "good": "t = 1, percent",
          "l2": "mean l2 of v", "gained": "false to correct", "lost": "correct to false",
          "held_accuracy": "accuracy held out, percent"}  # fmt: skip


def curves(problem):
    def of(c):
        arm = c["defense"].split(", ")
        if arm[0] == problem and c["metric"] in CURVES and c["table"] != "3":
            if not c["parameter"]:
                return [(CURVES[c["metric"]], "without v", "")] if arm[1] == "ls" else []
            series = f"{', '.join(arm[1:])}, gamma {c['parameter']}"
            return [(CURVES[c["metric"]], series, int(c["steps"]))] if int(c["steps"]) else []
        return None

    return of


ARMS = {"Vanilla": "left alone", "Proposed-50": "game, D blind", "Proposed-small": "game, D blind",
        "Proposed-101": "game, larger generator", "Proposed-large": "game, larger generator",
        "Proposed-small, direct": "no game", "linear probe of the encoder": "linear layer",
        "Proposed-B": "classifier unknown", "UAP": "UAP", "EHA": "EHA"}  # fmt: skip


def arms(c):
    kind, _, row = c["defense"].rpartition("classifier, ")
    panels = {"[A] scratch ": "enhancing [A]", "[B] pretrained ": "attacking [B]"}
    problem = c.get("exhibit", {"1": "butterfly/enhancing", "2": "butterfly/attacking"}.get(c["table"]))
    panel = {"butterfly/enhancing": "enhancing [A]", "butterfly/attacking": "attacking [B]"}.get(problem)
    fits = c["metric"] == "accuracy" and c["attack"] in OWN and panel and panels.get(kind, panel) == panel
    shown = {
        "enhancing [A]": list(ARMS.values())[:7],
        "attacking [B]": [a for a in ARMS.values() if a != "linear layer"],
    }
    if fits and ARMS.get(row) in shown[panel]:
        return [(panel, place(c) if "exhibit" in c else CROSSES, ARMS[row])]
    return knowing_more(c)


CROSSES = "the paper, one cross a network"
BOUND = {"butterfly/told": "unbounded", "butterfly/bounded": "within 8/255"}
MAKERS = {"[A] scratch classifier, Vanilla": "left alone", "linear probe of the encoder": "linear layer",
          "[A] scratch classifier, direct": "no game", "[A] scratch classifier, game": "game, D blind",
          "[A] scratch classifier, game, D told the class": "game, D told the class"}  # fmt: skip


def knowing_more(c):
    row = MAKERS.get(c["defense"].removesuffix(", limited"))
    if row and c.get("exhibit") in BOUND and c["attack"] in ("none", "enhance") and c["metric"] == "accuracy":
        return [(f"{c['dataset']}: the maker knows more", BOUND[c["exhibit"]], row)]
    return None


def gaining(c):
    if c["metric"] == "gain" and c["exhibit"] == "butterfly/bounded" and c["attack"] == "enhance":
        return [("Imagenette: gain within 8/255", "each run", MAKERS[c["defense"].removesuffix(", limited")])]
    return None


def block(name):
    return re.sub("^Self gradient, sign, ", "block of ", name).replace("FGSM training", "no block")


def acting(c):
    off = c["defense"].endswith(", block off")
    return None if off else [("ours, a block that acts", x, block(c["defense"])) for _, x, _ in active(c) or ()]


def acting_gains(c):
    name, over, control = c["defense"].partition(", over ")
    if (c["metric"], c["attack"], over + control) == ("gain", "worst of all", ", over FGSM training"):
        return [("gain over FGSM training, worst of all", "each run", block(name))]
    return None


HEADS = {
    "none": "no step", "D-FGSM, predicted label": "downhill, predicted label",
    "D-FGSM, true label": "downhill, true label", "FGM-linf": "without sign, equal l∞",
    "FGM-l2": "without sign, equal l2", "FGSM": "with sign (FGSM)", "UAP": "one v for all (UAP)",
}  # fmt: skip


def accuracies(c):
    if c["metric"] == "accuracy":
        name = ", ".join(t for t in (place(c), c["defense"]) if t not in ("", "as trained"))
        return [("", name, HEADS.get(c["attack"], c["attack"]))]
    return None


def on_cifar(of):
    return lambda c: of(c) if c["dataset"] == "CIFAR-10" and c["table"] else []


def of_fig2(of):
    return lambda c: of(c) if (c["table"], c["dataset"]) == ("fig2", "MNIST") else []


SIGN = over_eps("accuracy", {("FGSM", "default"): "FGSM, ours", ("FGM", "default"): "FGM, ours",
                             ("FGM", "attack_loss=nll_logits"): "FGM on −z_y, ours"})  # fmt: skip
ADVERSARIAL = {("FGSM", "default"): "FGSM, ours", ("FGM", "default"): "FGM, ours",
               ("FGM", "attack_loss=nll_logits"): "FGM, ours, −z_y", ("random sign", "default"): "random sign",
               ("PGD", "default"): "PGD-20"}  # fmt: skip
FIGURE2 = ("Algorithm 1-10", "DeepFool", "Algorithm 1", "FastGrad (float64)", "FastGrad", "Algorithm 2", "Random")

WHERE = {
    "sign": tuple(map(on_cifar, SIGN)),
    "convex": tuple(map(of_fig2, fooling(*FIGURE2))),
    "selfgrad": (
        lambda c: (acting if c["exhibit"] == "selfgrad/active" else defences("ours"))(c),
        defences("the paper"),
    ),
    "butterfly": (arms, arms),
    "synthesis": (accuracies,),
    "sign/adversarial sign.over_eps": over_eps("accuracy", ADVERSARIAL),
    "sign/cooperative sign.over_eps": over_eps(
        "error", {(f"D-{a}", "default"): f"D-{a}, ours" for a in ("FGSM", "FGM")}
    ),
    "sign/cooperative sign.oracle": (oracle,),
    "sign/perceptibility sign.equal_norm": (equal_norm,),
    "sign/smallest sign.smallest": (own_steps,),
    "convex/fooling convex.over_eps": fooling(*FIGURE2, "Algorithm 1-5", "PGD"),
    "convex/fooling convex.clipping": (clipping,),
    "convex/rounding convex.over_eps": fooling(),
    "convex/rounding convex.scales": (scales,),
    "convex/pairs convex.over_eps": fooling(),
    "convex/robustness convex.measures": (measures("ours"), measures("paper")),
    "convex/framework convex.multiples": (multiples,),
    "convex/framework convex.targeted": (targeted,),
    "convex/regression convex.moved": (moved,),
    "smooth/hardening smooth.errors": (errors,),
    "smooth/readings smooth.variants": (variants, printed_variants),
    "smooth/readings smooth.sweep": (sweep,),
    "selfgrad/defences selfgrad.over_steps": (over_steps(""), over_steps(" in the paper")),
    "selfgrad/convergence selfgrad.convergence": (convergence,),
    "selfgrad/audit selfgrad.audit": (audit,),
    "selfgrad/active selfgrad.active": (active,),
    "selfgrad/schedule selfgrad.active": (active,),
    "selfgrad/schedule selfgrad.epochs": (epochs,),
    "selfgrad/audit selfgrad.radii": (radii,),
    "butterfly/enhancing butterfly.rows": (rows,),
    "butterfly/attacking butterfly.rows": (rows,),
    "butterfly/told butterfly.rows": (rows,),
    "butterfly/units butterfly.rows": (rows,),
    "butterfly/bounded butterfly.rows": (rows,),
    "butterfly/judges butterfly.rows": (rows,),
    "butterfly/pretrained butterfly.rows": (rows,),
    'butterfly/curves butterfly.curves(run, "enhance")': (curves("enhance"),),
    'butterfly/curves butterfly.curves(run, "attack")': (curves("attack"),),
    'butterfly/longer butterfly.curves(run, "enhance")': (curves("enhance"),),
    'butterfly/longer butterfly.curves(run, "attack")': (curves("attack"),),
    "synthesis/attacks synthesis.attacks": (accuracies,),
}
"""Of each figure, which cells of ours and of the paper it draws, and where."""

RUN_BY_RUN = {
    "butterfly": (("butterfly/told", knowing_more, None), ("butterfly/bounded", knowing_more, gaining)),
    "selfgrad": (("selfgrad/active", acting, acting_gains),),
}
"""Of figures that draw single runs beside means: of which exhibits, where; and whose gains, each with its interval."""


# The rows


def runs(cell):
    """The marks that a cell makes: of two runs one each, else one with its interval."""
    if len(cell.values) != 2:
        yield "", cell.center, cell.interval
        return
    for k, parts in enumerate(zip(cell.values, cell.counts, cell.totals, strict=True)):
        yield str(k), parts[0], Cell(cell.place, *([part] for part in parts)).interval


@cache
def of_files(key):
    return measured(ROOT, key)


def wanted(key, where):
    """Every mark of a figure as the files have it: value, low and high by (whose, panel, series, which, x)."""
    out = {}
    for whose, of, found in zip(
        ("ours", "paper"), where, (of_files(key), printed(ROOT, key.split("/")[0])), strict=False
    ):
        for cell in found:
            for panel, series, x in of(cell.place) or ():
                for which, value, ends in runs(cell):
                    which = place(cell.place) if series == CROSSES else which
                    spot = whose, panel, series, which, x
                    assert spot not in out, spot
                    out[spot] = value, *(ends if whose == "ours" else (np.nan, np.nan))
    return {spot: out[spot] for spot in shown(list(out))}


def single_runs(name):
    """The runs that a figure draws one by one, as the files have them."""
    for exhibit, of_accuracy, of_gain in RUN_BY_RUN.get(name, ()):
        for trial, raw in files(ROOT, exhibit):
            found = [{**dict(zip(raw["columns"], row, strict=True)), "exhibit": exhibit} for row in raw["rows"]]
            values = {(c["defense"], c["attack"], c["metric"]): c["value"] for c in found}
            for c in found:
                ends = [values.get((c["defense"], c["attack"], f"gain_{end}"), np.nan) for end in ("low", "high")]
                for panel, series, x in of_accuracy(c) or ():
                    yield ("ours", panel, series, str(trial["seed"]), x), (100 * c["value"], np.nan, np.nan)
                for panel, series, x in (of_gain and of_gain(c)) or ():
                    yield ("ours", panel, series, str(trial["seed"]), x), (c["value"], *ends)


def shown(spots):
    """The natural value begins a curve only where there is one; the paper's numbers stand only beside ours."""
    curves = {spot[:3] for spot in spots if spot[4] != 0 or not isinstance(spot[4], float)}
    ours = {(panel, series.removesuffix(", ours")) for whose, panel, series in curves if whose == "ours"}
    panels, rows = {"the paper", *(panel for panel, _ in ours)}, {spot[4] for spot in spots if spot[0] == "ours"}
    for spot in spots:
        whose, panel, series, _, x = spot
        natural = isinstance(x, float) and spot[:3] not in curves
        alone = series.endswith(", paper") and (panel, series.removesuffix(", paper")) not in ours
        alone |= series == "paper" and x not in rows
        if panel in panels and not natural and (whose == "ours" or not alone):
            yield spot


@pytest.fixture(scope="module")
def drawn():
    """Every figure of the book, by its name or by its page and call."""
    out = {name: draw() for name, draw in book.FIGURES.items()}
    for exhibit in [name for name in EXHIBITS if results.recorded(name)]:
        order = results.declared_places(exhibit)
        shown = sorted(results.largest(results.recorded(exhibit)), key=lambda result: order.index(result.place))
        run = runner.Run(exhibit, shown, computed=0, altered=False)
        for cell in nbformat.read(ROOT / "notebooks" / f"{exhibit}.ipynb", 4).cells:
            if cell.cell_type == "code" and cell.source.startswith("figures."):
                call = cell.source.removeprefix("figures.")
                name = call if call.startswith("butterfly.curves") else call.split("(")[0]
                out[f"{exhibit} {name}"] = eval(
                    cell.source, {"run": run, "figures": figures, "selfgradient": selfgradient}
                )
    return out


def test_every_figure_is_counted(drawn):
    numbers = {name for name, figure in drawn.items() if hasattr(figure, "frame")}
    assert {name.split()[-1] for name in set(drawn) - numbers} <= PICTURES
    counted = {*WHERE, "smooth", "scoreboard", "selfgrad/cost selfgrad.costs"}
    assert numbers == {name for name in counted if "/" not in name or results.recorded(name.split()[0])}


def near(value):
    """A number to nine digits, so that positions can be compared."""
    return float(f"{value:.9g}") + 0.0


@pytest.mark.parametrize("name", WHERE)
def test_a_figures_frame_is_what_the_files_say(name, drawn):
    if name not in drawn:
        pytest.skip("nothing of it is recorded")
    found, seeds = {}, {}
    for mark in drawn[name].frame.itertuples():
        x = mark.x if isinstance(mark.x, str) else near(mark.x)
        found[mark.whose, mark.panel, mark.series, mark.which, x] = (mark.value, mark.low, mark.high)
        seeds[mark.whose, mark.panel, mark.series, mark.which, x] = mark.seeds
    expected = {
        (*spot[:4], spot[4] if isinstance(spot[4], str) else near(spot[4])): mark
        for spot, mark in {**wanted(name.split()[0], WHERE[name]), **dict(single_runs(name))}.items()
    }
    assert expected
    assert set(found) == set(expected)
    for spot, (value, *ends) in expected.items():
        assert found[spot][0] == pytest.approx(value, nan_ok=True), spot
        if name == "smooth/hardening smooth.errors" and not seeds[spot] >= 3:
            ends = [float("nan")] * 2  # bands there are the range of three runs or more
        if "rho" not in name:
            assert found[spot][1:] == pytest.approx(ends, nan_ok=True, abs=1e-6), spot


# What is drawn


def panel_of(ax, frame):
    """The panel of a frame that an axes shows: by its title, or by what stands along it."""
    return ax.get_title() if ax.get_title() in set(frame["panel"]) else ax.get_xlabel()


def marks_of(ax, frame):
    """(panel, series, x, value) of every labelled line, bar and rule of a panel."""
    panel = panel_of(ax, frame)
    names = {x for x in frame.loc[frame["panel"] == panel, "x"] if isinstance(x, str) and x}
    axes = {"x": ax.xaxis, "y": ax.yaxis}
    ticks = {
        name: dict(zip(axis.get_ticklocs(), axis.get_major_formatter().format_ticks(axis.get_ticklocs()), strict=True))
        for name, axis in axes.items()
    }
    lying, upright = (names <= set(ticks[axis].values()) and bool(names) for axis in "yx")

    def at(axis, position):
        """The name of the tick that a position belongs to."""
        tick, name = min(ticks[axis].items(), key=lambda item: abs(item[0] - position))
        assert abs(tick - position) < 0.5
        return name

    for line in ax.lines:
        series, x, y = line.get_label(), *map(np.asarray, line.get_data())
        if series.startswith("_"):
            continue
        if line.get_transform() != ax.transData:  # a rule across the panel
            yield panel, series, "", near((x if x[0] == x[1] and list(y) == [0, 1] else y)[0])
            continue
        for a, b in zip(x, y, strict=True):
            if not np.isnan(float(b)):
                yield (panel, series, at("y", b), near(a)) if lying else (panel, series, near(a), near(b))
    for container in ax.containers:
        for bar in container:
            middle = bar.get_y() + bar.get_height() / 2 if lying else bar.get_x() + bar.get_width() / 2
            value = bar.get_width() if lying else bar.get_height()
            yield panel, container.get_label(), at("y" if lying else "x", middle), near(value)
            assert lying or upright
    for mesh in (c for c in ax.collections if isinstance(c, QuadMesh)):
        values = np.ma.filled(mesh.get_array(), np.nan).reshape(len(ticks["y"]), len(ticks["x"]))
        for series, row in zip(ticks["y"].values(), values, strict=True):
            yield from (
                (panel, series, x, near(v)) for x, v in zip(ticks["x"].values(), row, strict=True) if not np.isnan(v)
            )


def reach_of(ax):
    """The values up to which the bands and intervals of a panel reach, by series."""
    out = defaultdict(set)
    for collection in ax.collections:
        series = str(collection.get_label())
        if series.startswith("_") and not series.startswith("_child"):
            for path in collection.get_paths():
                out[series[1:]] |= {near(v) for v in path.vertices.ravel() if not np.isnan(v)}
    return out


def test_every_figure_draws_its_frame(drawn):
    for name, figure in drawn.items():
        if not hasattr(figure, "frame"):
            continue
        frame = figure.frame[figure.frame["value"].notna()]
        assert len(frame), name
        found = Counter(mark for ax in figure.axes if ax.get_label() != "<colorbar>" for mark in marks_of(ax, frame))
        expected = Counter((m.panel, m.series, m.x if isinstance(m.x, str) else near(m.x), near(m.value))
                           for m in frame.itertuples())  # fmt: skip
        assert found == expected, (name, found - expected, expected - found)
        for ax in figure.axes:
            for series, reached in reach_of(ax).items():
                here = frame[(frame["panel"] == panel_of(ax, frame)) & (frame["series"] == series)]
                ends = {near(v) for v in here[["low", "high"]].to_numpy(float).ravel() if not np.isnan(v)}
                assert ends <= reached, (name, series, ends - reached)


def test_the_gains_of_the_updates_are_those_of_the_rows(drawn):
    """Accuracy with the updates less accuracy without, run by run where there are two, each number of the files."""
    names = {"default": "ours, gradient in training mode", "attack_mode=eval": "ours, gradient in evaluation mode"}
    sides = defaultdict(dict)
    for whose, cells in (("paper", printed(ROOT, "smooth")), ("ours", of_files("smooth/hardening"))):
        for cell in cells:
            c = cell.place
            if (c["metric"], c["attack"], c["table"]) == ("accuracy", "FGSM", "5") and c["reading"] in names:
                series = names[c["reading"]] if whose == "ours" else "paper"
                for which, value, _ in runs(cell):
                    sides[f"FGSM, eps {c['eps']}", series, place(c), which][c["defense"]] = value
    expected = {k: v["updates"] - v["control"] for k, v in sides.items() if k[0] in ("FGSM, eps 0.1", "FGSM, eps 0.2")}
    frame = drawn["smooth"].frame
    found = {(m.panel, m.series, m.x, m.which): m.value for m in frame.itertuples()}
    assert set(found) == set(expected)
    assert found == pytest.approx(expected)


def test_accuracy_over_the_time_of_training_is_that_of_the_rows(drawn):
    """Each accuracy stands over its epoch, and over the seconds that its row of the same epoch says."""
    cells = {
        (c.place["defense"], int(c.place["steps"]), c.place["metric"]): c.center for c in of_files("selfgrad/cost")
    }
    robust = {k[:2]: value for k, value in cells.items() if k[2] == "robust_accuracy"}
    expected = {("epoch", series, epoch): value for (series, epoch), value in robust.items()}
    expected |= {("seconds of training", *k[:1], cells[(*k, "seconds")]): value for k, value in robust.items()}
    frame = drawn["selfgrad/cost selfgrad.costs"].frame
    assert {(m.panel, m.series, m.x): m.value for m in frame.itertuples()} == pytest.approx(expected)


def test_the_scoreboard_draws_its_counts(drawn):
    from inputgrad.report import claims

    board = claims.scoreboard().set_index("paper")
    for mark in drawn["scoreboard"].frame.itertuples():
        column = mark.series + (" cells" if mark.panel == "table cells" else "")
        assert mark.value == board.loc[mark.x, column]


def test_every_figures_numbers_are_a_table(drawn):
    for name, figure in drawn.items():
        if hasattr(figure, "frame"):
            table = figures.as_table(figure).frame
            assert len(table) == len(figure.frame), name
            assert {"at", "value"} <= set(table.columns), name


COLUMNS = ("butterfly", "smooth", "selfgrad")
"""The figures of chapters that stand in one column of panels."""


@pytest.mark.parametrize("name", ["told", "bounded", "active"])
def test_every_recorded_run_that_a_chapter_rests_on_has_its_marks(name, drawn):
    key = "selfgrad" if name == "active" else "butterfly"
    frame, recorded = drawn[key].frame, list((ROOT / "data" / "results" / "quick" / key / name).glob("*.json"))
    here = frame[frame["exhibit"] == f"{key}/{name}"]
    found = here[here["which"] != ""].groupby(["dataset", "which"])["x"].nunique()
    assert len(found) == len(recorded) >= 3
    assert found.min() >= (4 if key == "butterfly" else 5)
    means = here[(here["which"] == "") & (here["metric"] == "accuracy")]
    assert set(means["seeds"]) == {3} and means[["low", "high"]].notna().all(axis=None)


@pytest.mark.parametrize("name", COLUMNS)
def test_what_is_the_same_quantity_stands_over_one_axis(name, drawn):
    frame, limits = drawn[name].frame, defaultdict(set)
    for ax in drawn[name].axes:
        (metric,) = set(frame.loc[frame["panel"] == ax.get_title(), "metric"])
        limits[metric].add(ax.get_xlim())
        values = frame.loc[frame["panel"] == ax.get_title(), ["value", "low", "high"]].to_numpy(float)
        assert ax.get_xlim()[0] < np.nanmin(values) and np.nanmax(values) < ax.get_xlim()[1]
    assert all(len(found) == 1 for found in limits.values()), limits
    assert len(limits) < len(drawn[name].axes)


def spots_of(ax):
    """Where the marks of a panel stand on the canvas, by series and kind of mark."""
    for line in ax.lines:
        if not line.get_label().startswith("_"):
            for x, y in ax.transData.transform(np.column_stack(line.get_data())):
                yield line.get_label(), line.get_marker(), round(x, 2), round(y, 2)


@pytest.mark.parametrize("name", COLUMNS)
def test_no_mark_hides_another_of_its_series(name, drawn):
    """Runs that gave the same number stand beside each other."""
    for ax in drawn[name].axes:
        found = list(spots_of(ax))
        assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("name", COLUMNS)
def test_series_are_told_apart_without_colour(name, drawn):
    """By their names beside the marks, or by marks of their own, which a legend explains."""
    for ax in drawn[name].axes:
        looks, texts = defaultdict(set), {text.get_text(): text for text in ax.texts}
        for line in ax.lines:
            if not line.get_label().startswith("_"):
                looks[line.get_marker()].add(line.get_label())
        looks.pop("|", None)  # the means of series whose runs have marks of their own
        assert all(len(series) == 1 or series <= set(texts) for series in looks.values()), ax.get_title()
        for text in texts.values():
            assert contrast(to_rgb(text.get_color())) >= 4.5
        explained = {text.get_text() for legend in drawn[name].legends for text in legend.get_texts()} | set(texts)
        series = set().union(*looks.values())
        assert len(series) == 1 or series <= explained


@pytest.mark.parametrize("name", COLUMNS)
def test_a_phone_shows_every_word_whole_and_large_enough(name, drawn):
    figure = drawn[name]
    FigureCanvasAgg(figure).draw()
    of_panels = [(ax.title, ax.xaxis.label, *ax.get_yticklabels(), *ax.texts) for ax in figure.axes]
    texts = [text for part in (*of_panels, *(legend.get_texts() for legend in figure.legends)) for text in part]
    assert len(texts) > 20
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, text.get_text()
        assert 390 * text.get_fontsize() / (72 * figure.get_size_inches()[0]) >= 9, text.get_text()


def test_a_mean_and_its_runs_are_told_from_marks_that_stand_alone():
    place = {"series": ["a"] * 6 + ["b"] * 2, "x": ["p"] * 3 + ["q"] * 2 + ["r"] + ["p"] * 2}
    frame = pd.DataFrame({**place, "which": ["", "0", "1", "0", "1", "", "0", "1"]})
    assert panels.of_several(frame).tolist() == ["mean", "run", "run", *[""] * 5]
    three = pd.DataFrame({"x": ["p", "p", "q", "p"], "which": list("0102")})
    assert panels.beside(three).tolist() == [-0.5, 0, 0, 0.5]


# What may not be drawn


def test_the_old_gains_are_refused():
    """A pivot once averaged accuracies with the pixels' distances, so that a third of each gain was drawn."""
    table = marks.of_study("smooth")
    table = table[(table["table"] == "5") & (table["attack"] == "FGSM") & (table["eps"] == "0.1")]
    table = table[table["reading"] == "default"]
    mixed = marks.difference(table, "defense", of="updates", less="control")
    mixed = mixed.assign(panel="FGSM, eps 0.1", series="ours", x=marks.place(mixed))
    with pytest.raises(InputError, match="would mix rows of metric accuracy and pixels_linf_median"):
        marks.tidy(mixed)
    accuracy = mixed[mixed["metric"] == "accuracy"]
    assert len(marks.tidy(accuracy)) == len(accuracy)
    with pytest.raises(InputError, match="rows stand where one can be drawn: panel 'FGSM, eps 0.1', series 'ours'"):
        marks.tidy(accuracy, accuracy)
    with pytest.raises(InputError, match="cannot be subtracted"):
        marks.difference(pd.concat([table, table]), "defense", of="updates", less="control")


@pytest.mark.parametrize(("column", "other"), [("metric", "error"), ("unit", "x"), ("reading", "edit=all")])
def test_one_panel_has_one_measure_and_one_series_one_reading(column, other):
    table = marks.of_study("sign")
    table = table[(table["metric"] == "accuracy") & (table["attack"] == "FGSM") & (table["reading"] == "default")]
    table = table[table["table"] != ""].assign(panel=marks.place(table), series="FGSM", x=marks.eps(table))
    assert len(marks.tidy(table))
    second = table.assign(**{column: other}, x=table["x"] + 1)
    with pytest.raises(InputError, match=f"would mix rows of {column}"):
        marks.tidy(table, second)


def test_of_two_runs_each_is_drawn_and_of_three_the_centre():
    row = {"exhibit": "smooth/hardening", "profile": "quick", "table": "5", "dataset": "MNIST", "model": "CNN",
           "defense": "control", "arm": "control", "maker": "", "variant": "", "attack": "FGSM", "eps": "0.1",
           "parameter": "", "steps": 1, "reading": "default", "metric": "accuracy", "unit": "fraction",
           "total": 100}  # fmt: skip
    values = (0.1, 0.5, 0.6)
    table = pd.DataFrame([{**row, "seed": k, "value": v, "count": round(100 * v)} for k, v in enumerate(values)])
    two, three = marks.of_rows(table[:2]), marks.of_rows(table)
    assert list(zip(two["which"], two["value"], two["seeds"], strict=True)) == [("0", 10, 1), ("1", 50, 1)]
    assert list(zip(three["which"], three["value"], three["seeds"], strict=True)) == [("", 100 * median(values), 3)]


@pytest.mark.parametrize("name", ["one-image", "sign"])
def test_the_same_figure_is_the_same_file(name, tmp_path):
    for i in range(2):
        book.save(book.FIGURES[name](), tmp_path / f"{i}.svg")
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_curves_are_named_at_their_ends(drawn):
    figure = drawn["convex/framework convex.targeted"]
    for ax in figure.axes:
        ends = figure.frame[figure.frame["panel"] == ax.get_title()].sort_values("x").groupby("series").last()
        named = {text.get_text(): text for text in ax.texts}
        assert set(named) == set(ends.index) and len(named) == len(ax.texts)
        for series, end in ends.iterrows():
            assert named[series].xy == pytest.approx((end["x"], end["value"]))  # none is near another here
            assert contrast(to_rgb(named[series].get_color())) >= 4.5
    assert not figure.legends


def contrast(colour):
    """Of a colour to white, as WCAG 2.2 has it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05)


def test_names_of_curves_that_end_together_do_not_meet():
    figure, axes = panels.canvas()
    for name, end in (("a", 50.0), ("b", 51.0), ("c", 51.5), ("d", 90.0)):
        axes[0, 0].plot([0, 1], [0, end], label=name)
    axes[0, 0].plot([0, 2], [0, 50.5], label="alone")
    axes[0, 0].set_ylim(0, 100)
    panels.name_ends(axes[0, 0], apart=0.06)
    heights = {text.get_text(): text.xy[1] for text in axes[0, 0].texts}
    assert heights == pytest.approx({"a": 50, "b": 56, "c": 62, "d": 90, "alone": 50.5})


def test_numbers_are_shown_as_svg_and_pictures_as_pixels(drawn, monkeypatch):
    for name, kinds in (
        ("convex/framework convex.targeted", [SVG, HTML]),
        ("convex/regression convex.steps", [Image]),
    ):
        found = []
        monkeypatch.setattr("IPython.display.display", found.append)
        drawn[name]._ipython_display_()
        assert [type(each) for each in found] == kinds
    frame, again = drawn["convex/framework convex.targeted"].frame, []
    monkeypatch.setattr("IPython.display.display", again.append)
    for _ in range(2):
        panels.line_row(frame, lambda series: {})._ipython_display_()
    assert again[0].data == again[2].data  # the same figure is the same file


def test_a_figure_of_nothing_says_so(capsys, monkeypatch):
    found = []
    monkeypatch.setattr("IPython.display.display", found.append)
    panels.canvas(frame=pd.DataFrame(columns=["panel", "series", "x"]))[0]._ipython_display_()
    assert capsys.readouterr().out == "This run has nothing that is drawn here.\n" and not found
    assert figures.as_table(panels.canvas(frame=marks.tidy())[0]).frame.empty
