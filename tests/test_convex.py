import math

import pytest
import torch
from torch import nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import data
from inputgrad.compute.attacks import algorithm1, algorithm2, deepfool, fast_grad
from inputgrad.compute.attacks.convex import perturbation, smallest_eps
from inputgrad.compute.gradients import Margins, margins
from inputgrad.compute.norms import norm
from inputgrad.compute.training import checkpoints, networks
from inputgrad.ground.checks import InputError

EXPONENTS = [1, 1.5, 2, 3, math.inf]
DUAL = {1: math.inf, 2: 2, math.inf: 1}


@pytest.fixture
def affine():
    """``(model, x, y)`` in double precision: logits ``Wx + b`` of five classes, and the classes predicted."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).double().eval()
    x = torch.rand(6, 3, 2, 2, dtype=torch.float64)
    return model, x, model(x).argmax(1)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """``(model, x, y)``: LeNet-5 after seconds of training, and test images that it classifies right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "CHECKPOINTS", tmp_path_factory.mktemp("checkpoints"))
        loaded = data.load("digits28")
        recipe = Recipe(epochs=4, lr=2e-3, schedule="onecycle")
        model = networks.trained(loaded, "lenet5", recipe, 0, torch.device("cpu")).model
    x, y = loaded.x_test[:80].float() / 255, loaded.y_test[:80]
    right = wrong(model, x, y).logical_not()
    assert right.sum() >= 32
    return model, x[right][:32], y[right][:32]


def wrong(model, x, y):
    with torch.no_grad():
        return model(x).argmax(1) != y


# The linearised programme


@pytest.mark.parametrize("p", EXPONENTS)
def test_perturbation_is_what_a_convex_solver_finds(p):
    """The least of the rivals' programmes, minimise ``L_l + <g_l, eta>`` over the lp ball, each solved on its own."""
    cvxpy = pytest.importorskip("cvxpy")
    torch.manual_seed(1)
    m = Margins(torch.rand(4, 3, dtype=torch.float64), torch.randn(4, 3, 1, 2, 3, dtype=torch.float64))
    eps = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    eta = perturbation(m, eps, p)
    assert (norm(eta, p) <= eps * (1 + 1e-9)).all()
    found = (m.value + (m.gradient * eta[:, None]).flatten(2).sum(2)).amin(1)
    for i in range(len(eps)):
        least = math.inf
        for value, slope in zip(m.value[i].tolist(), m.gradient[i].flatten(1).numpy(), strict=True):
            step = cvxpy.Variable(len(slope))
            programme = cvxpy.Problem(cvxpy.Minimize(value + slope @ step), [cvxpy.pnorm(step, p) <= float(eps[i])])
            least = min(least, programme.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10))
        assert found[i].item() == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("p", DUAL)
def test_smallest_eps_is_the_distance_to_the_boundary_of_a_linear_classifier(affine, p):
    model, x, y = affine
    w, z = model[1].weight.detach(), model(x).detach()
    ways = torch.stack([
        (z[torch.arange(6), y] - z[:, k]) / torch.linalg.vector_norm(w[y] - w[k], DUAL[p], dim=1) for k in range(5)
    ])  # fmt: skip
    distance = ways.nan_to_num(math.inf).amin(0)  # 0 / 0 for the class itself
    assert torch.allclose(smallest_eps(margins(model, x, y), p), distance, rtol=1e-12)


@pytest.mark.parametrize("p", DUAL)
def test_algorithm_1_fools_a_linear_classifier_exactly_beyond_the_smallest_eps(affine, p):
    model, x, y = affine
    for i, eps in enumerate(smallest_eps(margins(model, x, y), p).tolist()):
        one, label = x[i : i + 1], y[i : i + 1]
        for beyond, fooled in ((1 - 1e-9, False), (1 + 1e-9, True)):
            x_adv = algorithm1(model, one, label, eps=eps * beyond, p=p, box=None)
            assert wrong(model, x_adv, label).item() is fooled


@pytest.mark.parametrize("overshoot", [0.0, 0.02])
@pytest.mark.parametrize("p", DUAL)
def test_deepfool_reaches_the_boundary_of_a_linear_classifier_in_one_step(affine, p, overshoot):
    model, x, y = affine
    x_adv = deepfool(model, x, y, p=p, steps=1, overshoot=overshoot, offset=0, box=None)
    assert torch.allclose(norm(x_adv - x, p), (1 + overshoot) * smallest_eps(margins(model, x, y), p), rtol=1e-9)
    assert wrong(model, x_adv, y).all() or overshoot == 0


# The margins


@pytest.mark.parametrize("rivals", ["all", "nearest", "target"])
def test_margins_are_those_of_a_loop_over_classes(convnet, rivals):
    model, x, y = convnet
    target = (y + 2) % 5
    m = margins(model, x, y, target if rivals == "target" else rivals)
    for i in range(len(x)):
        image = x[i : i + 1].clone().requires_grad_()
        logits = model(image)[0]
        rows = []
        for k in range(5):
            if k != y[i]:
                value = logits[y[i]] - logits[k]
                rows.append((k, value.detach(), torch.autograd.grad(value, image, retain_graph=True)[0]))
        if rivals == "nearest":
            rows = [min(rows, key=lambda row: row[1])]
        elif rivals == "target":
            rows = [row for row in rows if row[0] == target[i]]
        assert torch.allclose(m.value[i], torch.stack([value for _, value, _ in rows]), atol=1e-6)
        assert torch.allclose(m.gradient[i], torch.cat([slope for _, _, slope in rows]), atol=1e-6)


@pytest.mark.parametrize(("rivals", "backwards"), [("all", 4), ("nearest", 1), ("target", 1)])
def test_margins_cost_one_forward_and_a_backward_a_rival(convnet, counting, rivals, backwards):
    model, x, y = convnet
    model = counting(model)
    margins(model, x, y, (y + 1) % 5 if rivals == "target" else rivals)
    assert model.work == (1, backwards)


# Algorithms 1 and 2


@pytest.mark.parametrize(("options", "backwards"), [({}, 3 * 4), ({"class_choice": "argmin"}, 3), ({"target": 1}, 3)])
def test_algorithm_1_in_n_steps_costs_n_times_one_step(convnet, counting, options, backwards):
    model, x, y = convnet
    model = counting(model)
    if "target" in options:
        options = {"target": (y + 1) % 5}
    algorithm1(model, x, y, eps=0.1, steps=3, **options)
    assert model.work == (3, backwards)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("p", EXPONENTS)
def test_algorithm_1_stays_in_the_ball_and_the_box(convnet, p, steps):
    model, x, y = convnet
    free, boxed = (algorithm1(model, x, y, eps=1.5, p=p, steps=steps, **b) for b in ({"box": None}, {}))
    assert (norm(free - x, p) <= 1.5 * (1 + 1e-5)).all()
    assert (norm(boxed - x, p) <= 1.5 * (1 + 1e-5)).all()
    assert free.min() < 0
    assert boxed.min() >= 0
    assert boxed.max() <= 1


def test_algorithm_1_with_a_target_raises_its_score_over_the_label(convnet):
    model, x, y = convnet
    target = (y + 3) % 5
    ahead = [
        (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None]))[:, 0]
        for logits in (model(x), model(algorithm1(model, x, y, eps=0.02, target=target)))
    ]
    assert (ahead[1] > ahead[0]).all()


@pytest.mark.parametrize("p", DUAL)
def test_algorithm_1_is_blind_to_the_scale_and_shift_of_the_scores(convnet, p):
    model, x, y = convnet
    model, x = model.double(), x.double()
    shift = torch.randn(len(x), 1, dtype=torch.float64)
    for choice in ("linearised", "argmin"):
        plain, scaled = (
            algorithm1(f, x, y, eps=0.3, p=p, steps=3, class_choice=choice)
            for f in (model, lambda a: 7 * model(a) + shift)
        )
        assert torch.allclose(plain, scaled, atol=1e-12)


@pytest.mark.parametrize("p", DUAL)
def test_algorithm_2_on_probabilities_is_fast_grad(convnet, p):
    """The gradient of ``-p_y`` is ``p_y`` times that of ``-log p_y``: the same direction."""
    model, x, _ = convnet
    model, x = model.double(), x.double()
    predicted = model(x).argmax(1)
    second = algorithm2(lambda a: model(a).softmax(1), x, predicted, eps=0.1, p=p, box=None) - x
    fast = fast_grad(model, x, predicted, eps=0.1, p=p, box=None) - x
    assert torch.equal(second.sign(), fast.sign())
    assert torch.allclose(second, fast, atol=1e-12)
    assert torch.allclose(norm(fast, p), torch.full((8,), 0.1, dtype=x.dtype))


# DeepFool


@pytest.mark.parametrize("p", [2, math.inf])
def test_deepfool_agrees_with_foolbox(digits, p):
    foolbox = pytest.importorskip("foolbox")
    model, x, y = digits
    attack = {2: foolbox.attacks.L2DeepFoolAttack, math.inf: foolbox.attacks.LinfDeepFoolAttack}[p](steps=50)
    theirs = attack(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), x, y, epsilons=None)[0]
    ours = deepfool(model, x, y, p=p)
    assert torch.equal(wrong(model, ours, y), wrong(model, theirs, y))
    assert norm(ours - x, p).mean().item() == pytest.approx(norm(theirs - x, p).mean().item(), rel=0.02)


def test_deepfool_crosses_the_boundary_although_the_box_cuts_its_steps_short(digits):
    model, x, y = digits
    assert wrong(model, deepfool(model, x, y), y).all()
    creeping = deepfool(model, x, y, offset=0)
    assert not wrong(model, creeping, y).all()


def test_deepfool_treats_an_image_the_same_alone_as_in_a_batch(digits):
    model, x, y = (part[:12] if isinstance(part, torch.Tensor) else part for part in digits)
    alone = torch.cat([deepfool(model, x[i : i + 1], y[i : i + 1]) for i in range(len(x))])
    assert torch.allclose(deepfool(model, x, y), alone, atol=1e-5)


def test_deepfool_leaves_wrong_images_as_they_are(digits):
    model, x, y = digits
    labels = torch.where(torch.arange(len(y)) % 2 == 0, y, (y + 1) % 10)
    moved = (deepfool(model, x, labels) != x).flatten(1).any(1)
    assert torch.equal(moved, labels == y)


def test_deepfool_leaves_images_that_need_eps_or_more_as_they_are(digits):
    model, x, y = digits
    free = deepfool(model, x, y)
    needed = norm(free - x, math.inf)
    eps = needed.median().item()
    within = deepfool(model, x, y, eps=eps)
    for kept, unlimited, clean, need in zip(within, free, x, needed, strict=True):
        assert torch.equal(kept, unlimited if need < eps else clean)


def test_deepfool_takes_gradients_only_of_images_that_stand(digits, counting):
    model, x, y = digits
    standing = [len(x)]
    while standing[-1]:
        standing.append(int((~wrong(model, deepfool(model, x, y, steps=len(standing)), y)).sum()))
    model = counting(model)
    deepfool(model, x, y)
    assert len(standing) > 3
    assert model.plain == [len(x), *standing[:-1]]
    assert model.graph == standing[:-1]
    assert model.returned == [n for n in standing[:-1] for _ in range(9)]


# Bad input


@pytest.mark.parametrize("attack", [algorithm1, algorithm2, fast_grad, deepfool])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"eps": 0.1, "p": 0.5}, "p 0.5 is not allowed: an lp norm needs a number >= 1, or inf"),
        ({"eps": 0.1, "p": math.nan}, "p nan is not allowed: an lp norm needs a number >= 1, or inf"),
        ({"eps": -0.1}, "eps -0.1 is not allowed: it must be finite and >= 0, in units of x in [0, 1]"),
        ({"eps": math.nan}, "eps nan is not allowed: it must be finite and >= 0, in units of x in [0, 1]"),
    ],
)
def test_radii_and_exponents_that_make_no_ball_are_refused(convnet, attack, options, sentence):
    with pytest.raises(InputError) as refusal:
        attack(*convnet, **options)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("attack", [algorithm1, deepfool])
def test_no_steps_are_refused(convnet, attack):
    with pytest.raises(InputError, match="^steps 0 is too small: it must be at least 1$"):
        attack(*convnet, eps=0.1, steps=0)


def test_an_unknown_choice_of_the_class_is_refused(convnet):
    with pytest.raises(InputError, match="^class_choice 'argmn' is unknown: .*; did you mean 'argmin'"):
        algorithm1(*convnet, eps=0.1, class_choice="argmn")


def test_a_target_that_is_the_label_is_refused(convnet):
    _, _, y = convnet
    target = (y + 1) % 5
    target[3] = y[3]
    with pytest.raises(InputError, match="^target 3 of image 3 is its own label: choose another class$"):
        algorithm1(*convnet, eps=0.1, target=target)


@pytest.mark.parametrize("attack", [algorithm1, deepfool])
@pytest.mark.parametrize(
    ("output", "found"),
    [
        (lambda z: z[:, 0], r"\(8,\)"),
        (lambda z: z[:, :1], r"\(8, 1\)"),
        (lambda z: z[:, :, None, None].expand(-1, -1, 2, 2), r"\(8, 5, 2, 2\)"),
        (lambda z: z[:1], r"\(1, 5\)"),
        (lambda z: (z, z), "tuple"),
    ],
)
def test_an_output_that_is_no_batch_of_scores_is_refused(convnet, attack, output, found):
    model, x, y = convnet
    with pytest.raises(InputError, match=f"^the model's output is {found} for 8 images: expected a batch of scores"):
        attack(lambda a: output(model(a)), x, y, eps=0.1)


@pytest.mark.parametrize("attack", [algorithm1, algorithm2, fast_grad, deepfool])
def test_text_stands_for_numbers_and_no_graph_is_kept(convnet, attack):
    model, x, y = convnet
    numbers = attack(model, x, y, eps=8 / 255, p=math.inf)
    text = attack(model, x.clone().requires_grad_(), y, eps="8/255", p="inf")
    assert torch.equal(numbers, text)
    assert not text.requires_grad
