"""How each table of an exhibit page is counted again: a row names a place, its columns what the files have there."""

import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import stats

from from_files import NOTHING, closeness, files, measured, printed, same, size
from inputgrad.study import EXHIBITS

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?(?:e[+-]\d+)?")
NAMES = {"data set": "dataset", "network": "model", "attack": "attack", "method": "attack", "eps": "eps", "condition": "defense",
         "defence": "defense", "row": "defense", "reading": "reading", "steps": "steps",
         "parameter": "parameter"}  # fmt: skip
"""Columns of tables that name a place."""


class Page:
    """The numbers that one exhibit's page is made from."""

    def __init__(self, exhibit):
        self.exhibit = exhibit
        self.ours = self.by_attack(measured(ROOT, exhibit))
        theirs = [c for c in printed(ROOT, exhibit.split("/")[0]) if c.place["table"] in EXHIBITS[exhibit].tables]
        self.theirs = self.by_attack(theirs)

    @staticmethod
    def by_attack(found):
        index = defaultdict(list)
        for cell in found:
            index[cell.place["attack"], cell.place["metric"]].append(cell)
        return index

    def find(self, *, whose="ours", attack, metric, **place):
        """The cell of ours (or theirs) at a place, ``None`` where there is none; there may not be several."""
        fitting = [cell for cell in getattr(self, whose)[attack, metric]
                   if all(same(column, cell.place[column], wanted) for column, wanted in place.items())]  # fmt: skip
        different = {tuple(c.values) for c in fitting}  # Table 3 of butterfly repeats numbers of its Tables 1 and 2
        assert len(different) <= 1, (self.exhibit, attack, metric, place, len(fitting))
        return fitting[0] if fitting else None

    def value(self, **place):
        """What is measured there (with ``whose="theirs"``: printed); NaN where there is nothing."""
        cell = self.find(**place)
        return cell.center if cell else NOTHING


def place_of(row, *columns):
    """The place that a row of a table names, as columns of the files."""
    return {NAMES[name]: row[name] for name in columns}


def judged(paper, ours):
    """The word for two cells, as it stands in a verdict column."""
    if paper is None:
        return "–"
    return closeness(ours, paper) if ours else "not run"


def runs(cell):
    """What a column of ours says of a cell: its number, both of two runs in the order of seeds, or centre and spread of three and more."""
    if len(cell.values) == 2:
        return tuple(cell.values)
    return (cell.center, np.std(cell.values, ddof=1)) if len(cell.values) > 2 else cell.center


def images(cell):
    """How many images a cell is of: their number, or the least and the most of runs that differ."""
    least, most = min(cell.totals), max(cell.totals)
    return least if least == most else (least, most)


def commit(origin):
    """The commit of a measurement or training as a page gives it, with a mark where there were changes beside it."""
    if not origin:
        return "–"
    return "its authors" if "source" in origin else origin["commit"] + " (modified)" * bool(origin["modified"])


def center(cell):
    return cell.center if cell else NOTHING


def precision(p, origin):
    """What a network was trained in: the declared precision, but float32 on a device without a unit for bfloat16."""
    if "source" in origin:
        return "–"
    declared = p["declaration"]["settings"].get("recipe", {}).get("precision", "fp32")
    return {"fp32": "float32", "bf16": "bfloat16"}[declared if origin.get("bfloat16") is not False else "fp32"]


# What every exhibit has

HEADS = {"ours": "default", "ours, −z_y": "attack_loss=nll_logits", "ours, mean of 32": "fgm_reduction=mean32",
         "ours, all edited": "edit=all"}  # fmt: skip


def beside(page, row, caption):
    metrics = re.search(r": ([\w ]+) in percent", caption)[1].replace(" and ", ",").replace(" ", "_").split(",")
    eps = "" if row["eps"] == "not stated" else row["eps"]
    place = {"dataset": row["data set"], "eps": eps, "model": caption.split(": ")[0]}
    out = {}
    for column in row:
        attack, _, head = column.partition(": ")
        if not head:
            continue
        theirs, ours = (
            next((cell for metric in metrics for a, r in ((attack, reading), ("none", "default"))
                  if (cell := page.find(whose=whose, attack=a, metric=metric, reading=r, **place))), None)
            for whose, reading in (("theirs", "default"), ("ours", HEADS.get(head, "default")))
        )  # fmt: skip
        if head in HEADS and theirs and ours and (ours.place["attack"] == attack or head == "ours"):
            out[column] = runs(ours)
        else:
            out[column] = {"paper": center(theirs), "diff.": center(ours) - center(theirs),
                           "verdict": judged(theirs, ours)}.get(head, NOTHING)  # fmt: skip
    return out


def own(page, row, caption):
    place = place_of(
        row,
        "data set",
        "network",
        "attack",
        "eps",
        "steps",
        *(c for c in ("reading", "condition", "parameter") if c in row),
    )
    cell = page.find(metric=row["metric"], **{"reading": "default", **place})
    return {"percent": runs(cell), "95 % interval": cell.interval, "images": images(cell)}


def cost(page, row, caption):
    (raw,) = (raw for trial, raw in files(ROOT, page.exhibit)
              if row["trial"] == f"{trial['dataset']}-{trial['model']}-s{trial['seed']}")  # fmt: skip
    p = raw["provenance"]
    return {"training, s": p["seconds"]["training"], "measuring, s": p["seconds"]["measure"],
            "precision": precision(p, p.get("training") or {}), "peak memory, MiB": p["peak_memory_mib"], "parameters": f"{p['network_parameters']:,}", "device": p["name"],
            "torch": p["versions"]["torch"], "measured by": commit(p), "trained by": ", ".join(dict.fromkeys(
                commit(network) for network in (p.get("training"), *p.get("other_networks", {}).values()))), "date": p["date"],
            "profile": p["declaration"]["profile"]}  # fmt: skip


# sign


def readings(page, row, caption):
    place = place_of(row, "data set", "network", "attack", "eps", "reading")
    cell = page.find(metric=row["metric"].replace(" ", "_"), **place)
    return {"percent": runs(cell), "95 % interval": cell.interval}


def saturation(page, row, caption):
    place = place_of(row, "data set", "network")
    fgm = {"attack": "FGM", "eps": row["eps"], "reading": "default", **place}
    sure, unsure = (page.find(metric=f"accuracy_{kind}", **fgm) for kind in ("sure", "unsure"))
    (zero,) = (cell for (_, metric), found in page.ours.items() if metric == "gradient_zero" for cell in found
               if all(cell.place[c] == v for c, v in {**place, "reading": "default"}.items()))  # fmt: skip
    return {"gradient below 1e-6, % of images": runs(zero), "images it is sure of": images(sure),
            "FGM accuracy on them, %": runs(sure), "other images": images(unsure),
            "FGM accuracy on those, %": runs(unsure)}  # fmt: skip


def equal_success(page, row, caption):
    """Of two runs what each gives, else what their centres give."""
    place = place_of(row, "data set", "network", "method")
    attack = place.pop("attack")
    cells = {metric: [c for c in page.ours[attack, metric] if all(c.place[k] == v for k, v in place.items())]
             for metric in ("fooled", *SHOWN.values())}  # fmt: skip
    two = len(cells["fooled"][0].values) == 2
    chosen = [lambda c: c.values[0], lambda c: c.values[1]] if two else [lambda c: c.center]
    found = [half_fooled(cells, value) for value in chosen]
    return {name: " and ".join(f[name] for f in found) if isinstance(found[0][name], str)
            else tuple(f[name] for f in found) for name in found[0]}  # fmt: skip


SHOWN = {"l2": "l2_median", "mean l2": "l2_mean", "l∞": "linf_median", "mean l∞": "linf_mean",
         "PSNR, dB": "psnr_median", "SSIM": "ssim_median"}  # fmt: skip


def half_fooled(cells, value_of):
    """Along the straight line between the two budgets on both sides of one half, over the logarithm of the budget."""
    half = 50.0
    along = {m: sorted((float(size(c.place["parameter"])), value_of(c)) for c in found) for m, found in cells.items()}
    fooled = [(b, max(v for c, v in along["fooled"] if c <= b)) for b, _ in along["fooled"]]
    out = {"fooled at most, %": fooled[-1][1], **dict.fromkeys(SHOWN, NOTHING)}
    if fooled[-1][1] < half:
        return {**out, "budget (l2)": f"> {fooled[-1][0]:g}"}
    (a, below), (b, above) = next((low, high) for low, high in pairwise(fooled) if high[1] >= half > low[1])
    share = (half - below) / (above - below)
    out["budget (l2)"] = a ** (1 - share) * b**share
    for name, metric in SHOWN.items():
        value = dict(along[metric])
        out[name] = (1 - share) * value[a] + share * value[b]
    return out


def reached(page, row, caption):
    place, out = place_of(row, "data set", "network", "attack", "eps"), {}
    for name, metric in (("wrong before", "reached"), ("of these, true class not the runner-up", "reached_behind"),
                         ("right before", "reached_right")):  # fmt: skip
        for told, reading in (("true class", "default"), ("runner-up", "label=runner_up"), ("another", "label=other")):
            cell = page.find(metric=metric, reading=reading, **place)
            if f"{name}: {told}, %" in row:
                out |= {f"{name}: {told}, %": cell.center, f"{name}: images": images(cell)}
    return out


BOTH = {"ce": "default", "−z_y": "attack_loss=nll_logits"}


def both_losses(page, row, caption):
    place = place_of(row, "data set", "network", "attack", "eps")
    theirs = [c.center for c in printed(ROOT, "sign") if all(same(k, c.place[k], v) for k, v in place.items())
              and c.place["metric"] == row["metric"] and c.place["table"] in "1234"]  # fmt: skip
    ours = {name: page.find(metric=row["metric"], reading=reading, **place) for name, reading in BOTH.items()}
    return {"paper": theirs[0] if theirs else NOTHING, **{n: runs(c) if c else NOTHING for n, c in ours.items()}}


def distances(page, row, caption):
    place = place_of(row, "network", "attack", "data set")
    theirs = {size(c.place["eps"]): c.center for c in printed(ROOT, "sign") if c.place["table"] in "1234"
              and c.place["metric"] in ("accuracy", "error") and all(c.place[k] == v for k, v in place.items())}  # fmt: skip
    ours = [c for exhibit in ("sign/adversarial", "sign/losses") for c in measured(ROOT, exhibit)
            if c.place["metric"] in ("accuracy", "error") and all(c.place[k] == v for k, v in place.items())]  # fmt: skip
    off = {}
    for name, reading in BOTH.items():
        here = {size(c.place["eps"]): c.center for c in ours if c.place["reading"] == reading}
        off[name] = np.mean([abs(here[eps] - value) for eps, value in theirs.items() if eps in here])
    return {**off, "nearer": min(off, key=off.get)}


def own_steps(page, row, caption):
    """Where several runs are shown, a quartile is the mean of theirs."""
    at = {**place_of(row, "data set", "network"), "reading": BOTH[row["loss"]],
          "attack": {"sign": "FGSM", "gradient": "FGM-l2"}[row["along"]]}  # fmt: skip
    crossed = page.find(metric="crossed", **at)
    out = {"images": images(crossed), "fooled, %": runs(crossed)}
    for name, measure in (("l2", "l2"), ("l∞", "linf"), ("PSNR, dB", "psnr")):
        for quartile in ("q1", "median", "q3"):
            cell = page.find(metric=f"smallest_{measure}_{quartile}", **at)
            out[f"{name}: {quartile}"] = runs(cell) if cell else NOTHING
    return out


def below_sign(page, row, caption):
    at = {**place_of(row, "data set", "network"), "reading": BOTH[row["loss"]], "attack": "FGM-l2"}
    l2, linf = (page.find(metric=f"{measure}_below_sign", **at) for measure in ("l2", "linf"))
    return {"l2: percent": runs(l2), "l2: 95 % interval": l2.interval,
            "l∞: percent": runs(linf), "l∞: 95 % interval": linf.interval}  # fmt: skip


# convex

MEASURED = {"test error, %": "test_error", "ρ₁": "rho1_hat", "ρ₂": "rho2_hat", "eps, 99 % fooled": "eps_fooled_99"}


def measures(page, row, caption):
    place = place_of(row, "data set", "network")
    attack = "DeepFool" if row["measure"] in ("ρ₁", "eps, 99 % fooled") else "none"
    ours = page.find(attack=attack, metric=MEASURED[row["measure"]], reading="default", **place)
    (theirs,) = (c for (_, metric), found in page.theirs.items() if metric == MEASURED[row["measure"]] for c in found
                 if all(c.place[k] == v for k, v in place.items()))  # fmt: skip
    return {"paper": theirs.center, "ours": ours.center, "95 % interval": ours.interval,
            "difference": ours.center - theirs.center, "verdict": judged(theirs, ours)}  # fmt: skip


def units(page, row, caption):
    place = place_of(row, "data set", "network")
    deepfool = {"attack": "DeepFool", "metric": "rho1_hat", **place}
    rho1, scaled = (page.value(reading=reading, **deepfool) for reading in ("default", "rho_unit=range"))
    rho2 = page.value(attack="none", metric="rho2_hat", reading="default", **place)
    return {"ρ₁": rho1, "ρ₁ in units of the range": scaled, "ρ₂": rho2, "ρ₁ / ρ₂": rho1 / rho2,
            "in the same unit": scaled / rho2}  # fmt: skip


def fooled(page, row, caption):
    place = place_of(row, "data set", "network", "eps")
    reading = "least eps" if page.least else "default"
    methods = [c for c in row if c not in NAMES]
    return {m: page.value(attack=m, metric="fooling_ratio", reading=reading, **place) for m in methods}


def leads(page, row, caption):
    place = {**place_of(row, "data set", "network"), "attack": row["one"], "reading": f"against {row['other']}"}
    everywhere = row["eps"] == "all"
    at = {**place, "eps": "" if everywhere else row["eps"]}
    lead = page.find(metric="mean_lead" if everywhere else "lead", **at)
    only = {name: NOTHING if everywhere else page.value(metric=metric, **at)
            for name, metric in (("only the one, %", "only_first"), ("only the other, %", "only_second"))}  # fmt: skip
    return {**only, "lead, points": lead.center, "95 % interval": lead.interval}


def ways(page, row, caption):
    at = {**place_of(row, "data set", "network"), "reading": f"trained={row['way']}"}
    attack = {"rho1_hat": "DeepFool", "eps_fooled_99": "DeepFool"}
    out = {
        name: page.value(attack=attack.get(metric, "none"), metric=metric, **at) for name, metric in MEASURED.items()
    }
    return {**out, "p rounds to 1, %": page.value(attack="none", metric="saturated", **at)}


def authors(page, row, caption):
    at = {"attack": row["attack"], "metric": row["measure"].replace(" ", "_"), "dataset": "MNIST", "eps": row["eps"]}
    theirs = page.find(whose="theirs", model="LeNet-5", **at)
    loaded, own = (page.find(model=m, reading="default", **at) for m in ("LeNet-5 (authors)", "LeNet-5"))
    return {"paper": theirs.center, "the authors' network here": center(loaded), "our LeNet-5": center(own),
            "difference": center(loaded) - theirs.center, "verdict": judged(theirs, loaded)}  # fmt: skip


def scales(page, row, caption):
    place, times = place_of(row, "data set", "network"), row["logits times"]
    at = {"reading": "default" if times == "1" else f"scale={times}", **place}
    out = {m: page.value(attack=m, metric="fooling_ratio", eps=row["eps"], **at)
           for m in row if m not in (*NAMES, "logits times") and not m.startswith("p rounds")}  # fmt: skip
    return {**out,
            "p rounds to 1, %: float32": page.value(attack="none", metric="saturated", **at),
            "p rounds to 1, %: float64": page.value(attack="none", metric="saturated_float64", **at)}  # fmt: skip


def propositions(page, row, caption):
    place = {**place_of(row, "data set", "network"), "reading": row["ball"], "attack": "Algorithm 1"}
    multiples = [c for c in row if c.startswith("fooled at")]
    out = {c: page.value(metric="fooled_at_multiple", parameter=c.split()[2], **place) for c in multiples}
    return {**out, "closed form optimal, %": page.value(metric="optimal", **place)}


def scores(page, row, caption):
    reading = {"logits": "default", "softmax": "scores=softmax"}[row["margins of"]]
    place = {**place_of(row, "data set", "network"), "reading": reading}
    same = page.value(attack="Algorithm 2", metric="same_as_fastgrad", **place)
    return {"ρ₁": page.value(attack="DeepFool", metric="rho1_hat", **place),
            "ρ₂": page.value(attack="none", metric="rho2_hat", **place), "Algorithm 2 is FastGrad, % of images": same}  # fmt: skip


def targeted(page, row, caption):
    cell = page.find(
        attack="Algorithm 1-10, targeted", metric="reached_target", **place_of(row, "data set", "network", "eps")
    )
    return {"at the target, %": cell.center, "95 % interval": cell.interval}


def outputs(page, row, caption):
    place = place_of(row, "network", "method")
    at = {**place, "eps": row["l2 of the step"]}
    return {"moves the output by": page.value(metric="output_change_median", **at),
            "first order says": page.value(metric="linear_change_median", **at),
            "error before": page.value(metric="output_error_median", model=row["network"], attack="none"),
            "error after": page.value(metric="output_error_median", **at),
            "of the optimum or its bound": page.value(metric="share_of_bound_median", **place, eps="")}  # fmt: skip


# smooth


def each(cell):
    """What every run measured where there are two, else the centre."""
    return NOTHING if cell is None else tuple(cell.values) if len(cell.values) == 2 else cell.center


def minus(updates, control):
    """A gain, run by run where there are two."""
    if isinstance(updates, tuple):
        return tuple(u - c for u, c in zip(updates, control, strict=True))
    return updates - control


def arms(page, row, caption):
    place = {**place_of(row, "data set", "network"), "eps": row["FGSM eps"], "metric": "accuracy"}
    attack, out = ("none" if row["FGSM eps"] == "0" else "FGSM"), {}
    for arm in ("control", "updates"):
        ours = page.find(attack=attack, defense=arm, reading="default", **place)
        theirs = page.find(whose="theirs", attack=attack, defense=arm, **place)
        out |= {f"{arm}: paper": center(theirs), f"{arm}: ours": each(ours)}
        out[f"{arm}: verdict"] = judged(theirs, ours)
    gains = {f"gain: {who}": minus(out[f"updates: {who}"], out[f"control: {who}"]) for who in ("paper", "ours")}
    return {**out, **gains}


def gains(page, row, caption):
    place = place_of(row, "data set", "network", "attack", "eps", "reading")
    arm = {name: each(page.find(metric="accuracy", defense=name, **place)) for name in ("control", "updates")}
    return {**arm, "gain": minus(arm["updates"], arm["control"])}


def wilcoxon(page, row, caption):
    source = page.theirs if row["whose numbers"] == "paper" else page.ours
    attack = {"Table 4": "none", "Table 5": "FGSM"}[row["table"]]
    pairs = defaultdict(dict)
    for cell in source[attack, "accuracy"]:
        kind = "with augmentation" if cell.place["model"].endswith("AUG") else "without"
        at = f"eps {cell.place['eps']} alone"
        if cell.place["reading"] == "default" and row["rows"] in ("all", kind, at):
            place = tuple(cell.place[c] for c in ("table", "dataset", "model", "eps"))
            pairs[place][cell.place["defense"]] = cell.center
    control, updates = zip(*((p["control"], p["updates"]) for p in pairs.values() if len(p) == 2), strict=True)
    said = {"Table 4": "the paper finds no significant difference",
            "Table 5": "the paper finds an improvement, significant at 0.005"}[row["table"]]  # fmt: skip
    return {"pairs": len(control),
            "mean gain": np.mean(np.subtract(updates, control)),
            "p, two-sided": stats.wilcoxon(updates, control).pvalue,
            "p, updates better": stats.wilcoxon(updates, control, alternative="greater").pvalue,
            "remark": said if row["whose numbers"] == "paper" and row["rows"] == "all" else "–"}  # fmt: skip


def drift(page, row, caption):
    place = {**place_of(row, "data set", "network"), "attack": "none", "eps": ""}
    arms = ("control", "updates")
    seconds = {arm: each(page.find(defense=arm, metric="training_seconds", **place)) for arm in arms}
    inside = {"attack": "FGSM", "metric": "pixels_linf_median", "defense": "control", "reading": "default"}
    pixels = {c: each(page.find(**place_of(row, "data set", "network"), eps=c.split()[1], **inside))
              for c in row if c.endswith("1/255")}  # fmt: skip
    pixels = {c: tuple(255 * np.atleast_1d(size)) for c, size in pixels.items()}
    longer = np.atleast_1d(seconds["updates"]) / np.atleast_1d(seconds["control"])
    return {**pixels, **{f"{arm}: training, s": s for arm, s in seconds.items()},
            "times as long": tuple(longer),
            "median drift, l2": each(page.find(defense="updates", metric="drift_l2", **place)),
            "second copy, MiB": page.value(defense="updates", metric="stored_mib", **place)}  # fmt: skip


def variants(page, row, caption):
    name = row["rate, reduction, mode"]
    out = dict.fromkeys((c for c in row if c not in NAMES and c != "rate, reduction, mode"), NOTHING)
    if name.startswith("the paper's "):
        cells = [c for c in printed(ROOT, "smooth") if c.place["defense"] == name.split()[-1]
                 and (c.place["dataset"], c.place["model"]) == ("MNIST", "CNN")]  # fmt: skip
        value = {(c.place["attack"], c.place["eps"]): c.center for c in cells}
        return {**out, "clean": value["none", "0"],
                **{f"FGSM, training mode: {eps}": value["FGSM", eps] for eps in ("0.1", "0.2")}}  # fmt: skip
    at = {"reading": name, **place_of(row, "data set", "network")}
    none = {"attack": "none", "eps": "", **at}
    for column in out:
        attack, _, eps = column.rpartition(": ")
        if attack:
            out[column] = page.value(attack=attack, eps=eps, metric="accuracy", **at)
    return {**out, "clean": page.value(attack="none", eps="0", metric="accuracy", **at),
            "median drift, l2": page.value(metric="drift_l2", **none),
            "training, s": page.value(metric="training_seconds", **none),
            "second copy, MiB": page.value(metric="stored_mib", **none)}  # fmt: skip


def of_equal_cost(page, row, caption):
    at = {**place_of(row, "data set", "network"), "defense": row["training"], "reading": "attack_mode=eval"}
    none, out = {"attack": "none", **at}, {}
    for column in row:
        attack, _, eps = column.rpartition(": ")
        if attack:
            out[column] = runs(page.find(attack=attack, eps=eps, metric="accuracy", **at))
    return {**out, "clean": runs(page.find(metric="accuracy", **none)),
            "gradients, in millions": page.value(metric="image_gradients", **none) / 1e6,
            "training, s": runs(page.find(metric="training_seconds", **none))}  # fmt: skip


def leaks(page, row, caption):
    source = {"its own": "", "the control's": " source=control"}[row["gradient"]]
    at = {**place_of(row, "data set", "network"), "defense": row["training"], "attack": "drift"}
    told = {"true": f"attack_mode=eval{source}", "false": f"attack_mode=eval label=false{source}"}
    out = {f"up {name} label's loss: right, %": runs(page.find(metric="accuracy", reading=told[which], **at))
           for name, which in (("the true", "true"), ("a false", "false"))}  # fmt: skip
    return {
        **out,
        "up a false label's loss: called that, %": runs(page.find(metric="says_told", reading=told["false"], **at)),
    }


# selfgrad

LETTERS = {"clean": "none"}


def attack_of(name):
    """``"PGD-20"`` as attack and steps."""
    attack, _, steps = name.rpartition("-")
    if steps.isdigit():
        return {"attack": attack, "steps": steps}
    return {"attack": LETTERS.get(name, name)}


def defended(page, row, caption):
    place = {"dataset": caption.split(":")[0], "metric": "accuracy", **attack_of(row["attack"])}
    out = {}
    for column in row:
        defence, _, whose = column.partition(": ")
        defence = defence.removesuffix(", quoted")
        theirs = page.find(whose="theirs", defense=defence, **place)
        ours = page.find(defense=defence, reading="default", **place)
        if whose == "paper":
            out[column] = center(theirs)
        elif whose == "ours":
            out[column] = center(ours)
        elif whose == "verdict":
            out[column] = judged(theirs, ours)
    return out


def bilateral(page, row, caption):
    """The paper's cells of this table belong to another exhibit, by whose tables ``page`` finds them."""
    missed = row["attack"].startswith("missed by ")
    defense, dataset = caption.split(":")[0].split(". ")
    place = {"metric": "missed" if missed else "accuracy", "reading": "default", "defense": defense,
             **attack_of(row["attack"].removeprefix("missed by ")), "dataset": dataset}  # fmt: skip
    ours, theirs = page.find(**place), Page("selfgrad/defences").find(whose="theirs", **place)
    return {
        "quoted": center(theirs),
        "ours": ours.center,
        "95 % interval": ours.interval,
        "verdict": judged(theirs, ours),
    }


def switched(page, row, caption):
    place = {"dataset": row["data set"], "defense": row["row"], "metric": "accuracy"}
    return {f"{name}: {head}": page.value(whose=whose, **attack_of(name), **place)
            for name in ("clean", "PGD-10") for head, whose in (("paper", "theirs"), ("ours", "ours"))}  # fmt: skip


def told(page, row, caption):
    (defense,) = {c.place["defense"] for c in page.ours["none", "accuracy"]
                  if c.place["defense"].replace("_", " ") == row["training"]}  # fmt: skip
    place = {"defense": defense}
    out = {f"{name}: {head}": page.value(whose=whose, attack=attack, metric="accuracy", **place)
           for name, attack in (("clean", "none"), ("PGD-10", "PGD")) for head, whose in (("paper", "theirs"), ("ours", "ours"))}  # fmt: skip
    follows = page.value(attack="false label", metric="follows", **place)
    return {**out, "false label: says it": follows}


def convergence(page, row, caption):
    steps = {c: "0" if c == "length of g" else c.split()[1] for c in row if c != "network and move"}
    name = row["network and move"]
    return {c: page.value(attack=name, metric="change_l2_mean", steps=k) for c, k in steps.items()}


def theorem(page, row, caption):
    """Each f is a x^2, and the next one (x + 2 eps a x)^2 / 2; the limit is the smaller root of a = (1 + 2 eps a)^2 / 2."""
    eps, iterates = float(row["eps"]), [0.5]
    for _ in range(50):
        root = 1 + 2 * eps * iterates[-1]
        iterates.append(root * root / 2)
    limit = "none" if eps > 0.25 else (1 - 2 * eps - (1 - 4 * eps) ** 0.5) / (4 * eps**2)
    return {c: iterates[int(c.split()[-1])] for c in row if "n =" in c} | {"limit": limit}


def audited(page, row, caption):
    place = {"metric": "accuracy", **attack_of(row["attack"])}
    return {c: page.value(defense=c, **place) for c in row if c != "attack"}


def active(page, row, caption):
    place = {"defense": row["network"]}
    worst = page.find(attack="worst of all", metric="accuracy", **place)
    out = {"block: rms, of 1/255": 255 * page.value(attack="none", metric="block_rms_median", **place),
           "clean": page.value(attack="none", metric="accuracy", **place),
           "PGD-20": page.value(attack="PGD", metric="accuracy", **place),
           "worst of all": worst.center, "95 % interval": worst.interval,
           "missed by PGD-20": page.value(attack="PGD", metric="missed", **place)}  # fmt: skip
    for column in row:
        if column.startswith("over "):
            other, what = column.removesuffix(", points").split(": ")
            attack = {"clean": "none", "worst": "worst of all"}[what]
            out[column] = page.value(defense=f"{row['network']}, {other}", attack=attack, metric="gain")
    return out


def scheduled(page, row, caption):
    place = {"defense": row["network"]}
    curve = [c for c in page.ours["none", "robust_accuracy"] if c.place["defense"] == row["network"]]
    curve = [c.center for c in sorted(curve, key=lambda c: int(c.place["steps"]))]
    worst = page.find(attack="worst of all", metric="accuracy", **place)
    return {"block: rms, in units of x": page.value(attack="none", metric="block_rms_median", **place),
            **{head: page.value(attack=attack, metric="accuracy", **place)
               for head, attack in (("clean", "none"), ("FGSM", "FGSM"), ("PGD-20", "PGD"), ("CW-20", "CW"))},
            "worst of all": worst.center, "95 % interval": worst.interval,
            "in training, PGD-10: highest": max(curve, default=NOTHING),
            "in training, PGD-10: last": curve[-1] if curve else NOTHING}  # fmt: skip


def active_by_run(page, row, caption):
    place = {"defense": row["compared"], "attack": row["attack"]}
    low, value, high = (
        page.find(metric=f"gain{end}", **place).values[int(row["run"])] for end in ("_low", "", "_high")
    )
    return {"gain, points": value, "95 % interval": f"{low:.1f} to {high:.1f}".replace("-", "−")}


def every_attack(page, row, caption):
    attack = LETTERS.get(row["attack"], row["attack"])
    return {c: page.value(defense=c, attack=attack, metric="accuracy") for c in row if c != "attack"}


def audit_controls(page, row, caption):
    place = {"defense": row["network"], "metric": "accuracy"}
    return {"clean": page.value(attack="none", **place), "PGD-20": page.value(attack="PGD", steps="20", **place)}


def checklist(page, row, caption):
    """Only what was measured: each entry is an attack's name and its number."""
    column = next(c for c in row if c.startswith("measured on: "))
    known, said, defence = {}, row[column], column.removeprefix("measured on: ")
    for (attack, metric), found in page.ours.items():
        for cell in found:
            if cell.place["defense"] == defence and metric in ("accuracy", "loss_falls_along"):
                names = {attack, f"{attack}-{cell.place['steps']}", attack.replace("sign", "signs")}
                names |= {cell.place["eps"]} if attack == "PGD over eps" else set()
                names |= {"it falls somewhere, of the images"} if metric == "loss_falls_along" else set()
                for name in names:
                    known[name, metric == "loss_falls_along"] = cell.center
    best = min(known["PGD-100", False], known["CW-100", False])
    known["best of PGD-100, CW-100", False] = best
    names = [entry.rpartition(" ")[0] for entry in said.split("; ")]
    return {column: "; ".join(f"{name} {known[name, name.startswith('it falls')]:.1f}" for name in names)}


def training_costs(page, row, caption):
    def at(metric, training=row["training"], every=False):
        (key,) = {k for k in page.ours if k[1] == metric}
        found = [c for c in page.ours[key] if c.place["defense"] == training]
        found = sorted(found, key=lambda c: int(c.place["steps"]))
        return found if every else found[-1].center if found else NOTHING

    def needs(training):
        wanted = 0.9 * at("robust_accuracy", "Madry PGD")
        there = [int(c.place["steps"]) for c in at("robust_accuracy", training, True) if c.center >= wanted]
        return at("forwards_worth", training) * min(there) if there else NOTHING

    return {"one step, in forward passes": at("forwards_worth"), "images/s": at("images_per_second"),
            "of the matrix rate, %": 100 * at("matrix_share"), "training, s": at("seconds"),
            "robust accuracy at the end": at("robust_accuracy"),
            "arithmetic of Madry to the target, over its own": needs("Madry PGD") / needs(row["training"])}  # fmt: skip


# butterfly

OWN = ("none", "enhance", "PGN adversarial", "UAP", "EHA (FGSM)", "PGD")


def own_of(page, metric, **place):
    """The number of a row's own attack: none of the controls."""
    found = [v for attack in OWN if not np.isnan(v := page.value(attack=attack, metric=metric, **place))]
    assert len(found) <= 1, (metric, place)
    return found[0] if found else NOTHING


def generators(page, row, caption):
    dataset, model = caption.split(":")[0].split(", ", 1)
    place = {"dataset": dataset, "model": model, "defense": row["row"]}
    (cell,) = (c for attack in OWN if (c := page.find(attack=attack, metric="accuracy", **place)))
    return {"accuracy: ours": cell.center, "accuracy: 95 % interval": cell.interval,
            "p_true: ours": own_of(page, "second_number", **place), "v: mean l2": own_of(page, "l2", **place),
            "v: mean l∞": own_of(page, "linf", **place), "game: accuracy on its images": own_of(page, "game_accuracy", **place),
            "game: weights, of the classifier's": own_of(page, "weights", **place)}  # fmt: skip


def blind_and_told(page, row, caption):
    dataset, model = caption.split(":")[0].split(", ", 1)
    place = {"dataset": dataset, "model": model, "defense": row["row"]}
    cells, *gains = ([c for attack in OWN if (c := page.find(attack=attack, metric=metric, **place))]
                     for metric in ("accuracy", "gain", "gain_low", "gain_high"))  # fmt: skip
    runs = zip(*(found[0].values for found in gains), strict=True) if gains[0] else [(NOTHING,)]
    return {"accuracy": center(*cells or [None]), "95 % interval": cells[0].interval if cells else NOTHING,
            "gain on the same images, points": own_of(page, "gain", **place),
            "gain run by run, with its paired 95 % interval": tuple(number for run in runs for number in run),
            "game: accuracy on its images": own_of(page, "game_accuracy", **place),
            "game: D right": own_of(page, "d_accuracy", **place), "game: t = 1": own_of(page, "good", **place),
            "v: mean l2": own_of(page, "l2", **place),
            "tells right from wrong: area under ROC": own_of(page, "auroc", **place)}  # fmt: skip


def generator_controls(page, row, caption):
    dataset, model = caption.split(":")[0].split(", ", 1)
    place = {"dataset": dataset, "model": model, "defense": row["row"]}
    kind, _, arm = row["row"].partition(", ")
    alone = {**place, "defense": f"{kind}, Vanilla"}
    out = {c: page.value(attack=c, metric="accuracy", **place) for c in row if c not in ("row", "no v", "its v")}
    its = NOTHING if arm == "Vanilla" else own_of(page, "accuracy", **place)
    return {**out, "no v": page.value(attack="none", metric="accuracy", **alone), "its v": its}


def best(page, row, caption):
    place = place_of(row, "data set", "network")
    generator = {**place, "defense": row["best generator"]}
    its, probe = (page.find(attack=a, metric="accuracy", **place, defense=d)
                  for a, d in (("enhance", row["best generator"]), ("none", "linear probe of the encoder")))  # fmt: skip
    (a, b), (c, d) = its.interval, probe.interval
    rivals = [x.center for x in page.ours["enhance", "accuracy"]
              if x.place["defense"].startswith("[A]") and all(x.place[k] == v for k, v in place.items())
              and not re.search("large|Proposed-101|from scratch|new to the classifier", x.place["defense"])]  # fmt: skip
    assert its.center == max(rivals)
    return {"left alone": page.value(attack="none", metric="accuracy", defense="[A] scratch classifier, Vanilla", **place),
            "its accuracy": its.center, "linear probe of its encoder": probe.center,
            "its v on grey": page.value(attack="v on grey", metric="accuracy", **generator),
            "its v on another image": page.value(attack="v of another image", metric="accuracy", **generator),
            "ahead of the probe": "yes" if a > d else "no" if b < c else "undecided"}  # fmt: skip


def ends(page, row, caption):
    problem = row["problem and loss"].split(",")[0]
    place = {**place_of(row, "data set", "network"), "defense": row["problem and loss"], "attack": problem}
    found = [c for c in page.ours[problem, "l2"] if c.place["defense"] == row["problem and loss"]]
    first, last = (str(pick(int(c.place["steps"]) for c in found)) for pick in (min, max))

    def at(metric, steps=last, parameter=row["gamma"]):
        return page.value(metric=metric, steps=steps, **place, parameter=parameter)

    before = {"steps": "0", "parameter": ""}
    return {"mean l2 of v": at("l2"), "mean square": at("mean_square"), "L_D": at("d_loss"), "L_G": at("g_loss"),
            "D right": at("d_accuracy"), "t = 1": at("good"),
            "false to correct: first": at("gained", first), "false to correct: last": at("gained"),
            "correct to false: first": at("lost", first), "correct to false: last": at("lost"),
            "accuracy: game": at("accuracy"), "accuracy: game, no v": at("accuracy", **before),
            "accuracy: held out": at("held_accuracy"), "accuracy: held out, no v": at("held_accuracy", **before)}  # fmt: skip


def optimum(page, row, caption):
    found = page.ours["optimal discriminator", "optimal_g_loss"]
    return {c.place["parameter"]: c.center for c in found}


def gammas(page, row, caption):
    alone = row["gamma"] == "no v"
    place = {**place_of(row, "data set", "network"), "defense": row["problem"],
             "parameter": "" if alone else row["gamma"]}  # fmt: skip
    return {"accuracy": page.value(attack="none" if alone else row["problem"], metric="accuracy", **place),
            "mean l2 of v": page.value(attack=row["problem"], metric="l2", **place)}  # fmt: skip


# synthesis


def victims(page, row, caption):
    place = {**place_of(row, "network", "defence"), "dataset": caption.split(",")[0], "metric": "accuracy"}
    return {c: page.value(attack=c, **place) for c in row if c not in NAMES}


def questions(page, row, caption):
    place = {**place_of(row, "data set", "network", "defence"), "metric": "accuracy"}
    pairs = {column: column.partition(": ")[2].split(" − ") for column in row if " − " in column}
    return {column: page.value(attack=a, **place) - page.value(attack=b, **place) for column, (a, b) in pairs.items()}


RECOUNTS = {
    "beside": beside, "own": own, "cost": cost,
    "sign.readings": readings, "sign.saturation": saturation, "sign.equal_success": equal_success,
    "sign.reached": reached, "sign.both_losses": both_losses, "sign.distances": distances,
    "sign.smallest": own_steps, "sign.which_is_smaller": below_sign,
    "convex.measures": measures, "convex.units": units, "convex.over_eps": fooled, "convex.scales": scales,
    "convex.leads": leads, "convex.recipes": ways, "convex.authors": authors,
    "convex.propositions": propositions, "convex.scores": scores, "convex.targeted": targeted, "convex.outputs": outputs,
    "smooth.accuracy": arms, "smooth.gains": gains, "smooth.tests": wilcoxon, "smooth.costs": drift,
    "smooth.variants": variants, "smooth.baselines": of_equal_cost, "smooth.leaks": leaks,
    "selfgrad.bilateral": bilateral, "selfgrad.defences": defended, "selfgrad.switched": switched, "selfgrad.oracle": told,
    "selfgrad.convergence": convergence, "selfgrad.theorem": theorem, "selfgrad.audit": audited,
    "selfgrad.active": active, "selfgrad.by_run": active_by_run, "selfgrad.every_attack": every_attack,
    "selfgrad.schedule": scheduled, "selfgrad.controls": audit_controls, "selfgrad.checklist": checklist, "selfgrad.costs": training_costs,
    "butterfly.enhancing": generators, "butterfly.attacking": generators, "butterfly.controls": generator_controls,
    "butterfly.told": blind_and_told, "butterfly.verdict": best, "butterfly.ends": ends, "butterfly.optimum": optimum, "butterfly.gammas": gammas,
    "synthesis.attacks": victims, "synthesis.questions": questions,
}  # fmt: skip
"""How the row of each table is counted again: ``(page, row, caption)`` to what its columns should say."""


def agrees(text, wanted):
    """Check that a cell of a table says a number, several, or a word; returns how many numbers it says.

    A number may be rounded as it is written, no further.
    """
    if isinstance(wanted, str):
        assert text == wanted
        return len(NUMBER.findall(text))
    wanted = list(wanted) if isinstance(wanted, tuple) else [wanted]
    if np.isnan(wanted).all() or np.isinf(wanted).any():
        assert text == ("–" if np.isnan(wanted).all() else "inf")
        return 0
    found = NUMBER.findall(text)
    assert len(found) == len(wanted), (text, wanted)
    for number, value in zip(found, wanted, strict=True):
        digits, _, power = number.partition("e")
        unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        assert abs(float(number.replace("−", "-")) - value) <= 0.5001 * unit + 1e-9 * abs(value), (text, wanted)
    return len(found)
