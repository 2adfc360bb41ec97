"""What the exhibits of `convex` measure, held against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from inputgrad.compute.gradients import LOSSES, input_gradient
from inputgrad.compute.norms import UNIT, norm
from inputgrad.trials import convex, convex_measures, runner
from inputgrad.trials.convex_rounding import paired_lead
from inputgrad.trials.convex_victim import Victim

JOB = SimpleNamespace(trial=SimpleNamespace(exhibit="convex/robustness", name="by-hand"))


@pytest.fixture
def linear_victim(linear):
    """A linear network and its correctly classified images; the distance of each to the boundary is known."""
    model, x, _ = linear
    model = model.double()
    x = x.double()
    y = model(x).argmax(1)
    return Victim(model, model, x, y, unit=2.0, box=UNIT)


def distances_by_hand(v):
    """min_l (z_y - z_l) / ||w_y - w_l||_1, the exact l-infinity distance to a linear boundary."""
    w, z = v.logits[1].weight.detach(), v.logits(v.x).detach()
    found = []
    for i, k in enumerate(v.y.tolist()):
        found.append(min(float((z[i, k] - z[i, j]) / (w[k] - w[j]).abs().sum()) for j in range(3) if j != k))
    return np.array(found)


def test_the_measures_of_table_1_on_a_linear_network(linear_victim):
    v = linear_victim
    m = convex_measures.measures(v, JOB, overshoot=0.02)
    exact = distances_by_hand(v)
    assert m["fooled"].all()
    assert np.allclose(m["linear"], exact, rtol=1e-9)
    assert np.allclose(m["length"], 1.02 * (exact + 1e-4), rtol=1e-9)
    assert np.allclose(m["peak"], norm(v.x, torch.inf))


def test_deepfool_counts_at_every_eps_that_its_perturbation_stays_below(linear_victim):
    v = linear_victim
    exact = 1.02 * (distances_by_hand(v) + 1e-4)
    middle = float(np.sort(exact)[3:5].mean())
    sizes = {"small": 0.5 * exact.min(), "middle": middle, "large": 2 * exact.max()}
    found = convex.fooled_over("DeepFool", v, v.x, v.y, {"p": "inf"}, {}, None, sizes)
    assert found["small"].sum() == 0
    assert found["middle"].tolist() == (exact < middle).tolist()
    assert found["large"].all()


def test_the_99_per_cent_quantile_leaves_fewer_than_one_in_a_hundred():
    assert convex_measures.quantile_99(torch.arange(1.0, 1001.0)) == 991
    assert convex_measures.quantile_99(torch.arange(1.0, 101.0)) == 100
    values = torch.cat([torch.ones(98), torch.full((2,), torch.inf)])
    assert convex_measures.quantile_99(values) == torch.inf


def test_a_clipped_cross_entropy_is_flat_where_the_network_is_sure():
    logits = torch.tensor([[30.0, 0.0], [3.0, 0.0]], requires_grad=True)
    (g,) = torch.autograd.grad(LOSSES["clipped_ce"](logits, torch.tensor([0, 0])).sum(), logits)
    assert g[0].abs().sum() == 0
    assert torch.allclose(
        LOSSES["clipped_ce"](logits, torch.tensor([0, 0]))[1], LOSSES["ce"](logits, torch.tensor([0, 0]))[1]
    )
    assert g[1].abs().sum() > 0


def test_float64_sees_the_true_class_where_float32_has_rounded_it_away():
    """A lead of 25 logits: 1 - p is 1e-11, zero in float32, and with it the true class's part of the gradient."""
    model = torch.nn.Linear(3, 3, bias=False)
    model.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    x, y = torch.tensor([[25.0, 0, 0]]), torch.tensor([0])
    single, double = input_gradient(model, x, y), input_gradient(model.double(), x.double(), y)
    assert single[0, 0] == 0
    assert double[0, 0] < 0


def test_both_pages_measure_the_same_attacks(workspace):
    given = {
        "datasets": ["digits28"],
        "models": ["fcnn"],
        "images": 30,
        "recipe": {"epochs": 3},
        "eps": ["0.02", "0.05"],
    }
    curves = runner.run("convex/fooling", **given).rows
    losses = runner.run("convex/rounding", scale=["1", "4"], **given).rows
    for attack in ("Algorithm 1", "Algorithm 2", "FastGrad", "FastGrad (float64)"):
        a, b = (
            rows[(rows["attack"] == attack) & (rows["reading"] == "default")]["count"].tolist()
            for rows in (curves, losses)
        )
        assert a == b, attack
    margin = losses[losses["attack"].isin(["Algorithm 1", "Algorithm 2", "FastGrad (margin loss)"])]
    at = margin[margin["eps"] == "0.02"]
    assert at.groupby("attack")["count"].nunique().tolist() == [1, 1, 1]  # a factor on the logits moves none of them
    assert (curves[curves["attack"] == "none"]["count"] == 0).all()  # all were right before


def test_the_segments_move_to_the_target_and_not_by_chance(workspace):
    given = {
        "datasets": ["digits28"],
        "models": ["segmenter"],
        "images": 12,
        "eps": ["0.2"],
        "recipe": {"epochs": 4},
    }
    rows = runner.run("convex/regression", **given).rows
    moved = rows[rows["metric"] == "pixels_moved_mean"].set_index("attack")["value"]
    assert moved["Algorithm 1-10"] > 2 * moved["Random"] + 0.1


def test_the_exact_loss_has_the_gradient_of_the_cross_entropy_and_nothing_to_round():
    torch.manual_seed(0)
    logits, y = 3 * torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0])
    logits.requires_grad_()
    for_ce, for_rivals = (torch.autograd.grad(LOSSES[n](logits, y).sum(), logits)[0] for n in ("ce", "rival_scores"))
    factor = LOSSES["rival_scores"](logits, y).sigmoid().detach()[:, None]
    assert torch.allclose(for_ce, factor * for_rivals)
    assert torch.allclose(LOSSES["ce"](logits, y), torch.nn.functional.softplus(LOSSES["rival_scores"](logits, y)))
    sure = torch.tensor([[200.0, 0.0, 1.0]], requires_grad=True)
    (g,) = torch.autograd.grad(LOSSES["rival_scores"](sure, torch.tensor([0])).sum(), sure)
    assert g[0, 0] == -1 and g[0, 1:].sum() == pytest.approx(1)


def test_a_paired_lead_by_hand():
    """Agresti and Min: 30.5 and 10.5 of 102 images, se = sqrt(41 - 400 / 102) / 102."""
    lead, low, high = paired_lead(30, 10, 100)
    middle, half = 100 * 20 / 102, 100 * 1.96 * (41 - 400 / 102) ** 0.5 / 102
    assert (lead, low, high) == pytest.approx((20, middle - half, middle + half))
    assert paired_lead(0, 0, 100)[0] == 0
    assert paired_lead(0, 0, 100)[1] < 0 < paired_lead(0, 0, 100)[2]
    assert paired_lead(20, 0, 20)[2] == 100 and paired_lead(0, 1, 1)[1] == -100


def test_pairs_are_counted_image_by_image(workspace):
    given = {
        "datasets": ["digits28"],
        "models": ["fcnn"],
        "images": 30,
        "recipe": {"epochs": 3},
        "eps": ["0.02", "0.05"],
    }
    rows = runner.run("convex/pairs", **given).rows
    value = rows.set_index(["attack", "reading", "eps", "metric"])["value"]
    for eps in given["eps"]:
        one, other = (value[a, "default", eps, "fooling_ratio"] for a in ("Algorithm 1", "FastGrad"))
        only = [value["Algorithm 1", "against FastGrad", eps, m] for m in ("only_first", "only_second")]
        assert one - other == pytest.approx(only[0] - only[1])
        lead = value["Algorithm 1", "against FastGrad", eps, "lead"]
        assert lead == pytest.approx(100 * (one - other), abs=1e-3)
    curves = runner.run("convex/fooling", **given).rows.set_index(["attack", "reading", "eps", "metric"])["value"]
    for attack in ("Algorithm 1", "Algorithm 2", "FastGrad", "DeepFool", "Algorithm 1-5"):
        assert curves[attack, "default", "0.05", "fooling_ratio"] == value[attack, "default", "0.05", "fooling_ratio"]


def test_every_way_of_training_is_another_network(workspace):
    given = {"datasets": ["digits28"], "models": ["fcnn"], "images": 20, "ways": ["short", "SGD"]}
    rows = runner.run("convex/recipes", recipe={"epochs": 2, "images": 200}, **given).rows
    rho = rows[rows["metric"] == "rho2_hat"].set_index("reading")["value"]
    assert rho["trained=short"] != rho["trained=SGD"]
