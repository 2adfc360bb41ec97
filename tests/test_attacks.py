import pytest
import torch

from inputgrad.compute.attacks import ATTACKS, NOISE, STEPS, along, noise, one_step, pgd, pgd_restarts, sweep
from inputgrad.compute.gradients import LOSSES
from inputgrad.ground.checks import InputError

EPS = {"0.05": 0.05, "0.1": 0.1, "0.3": 0.3}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_stays_in_the_box_and_shape(convnet, name):
    model, x, y = convnet
    x_adv = ATTACKS[name](model, x, y, eps=0.3)
    assert x_adv.shape == x.shape
    assert not x_adv.requires_grad
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_moves_images_that_are_right(convnet, name):
    model, x, _ = convnet
    x_adv = ATTACKS[name](model, x, model(x).argmax(1), eps=1.0)
    assert (x_adv != x).flatten(1).any(1).all()


LONGER = ("FGM", "D-FGM", "FGM-l2", "random normal")
"""Those that move a pixel by what they are long there, and not by eps at most."""
DRAWN = ("random sign", "random normal")
"""Those that draw: what an image is given depends on its place in the batch."""


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in LONGER])
def test_attacks_stay_in_the_ball(convnet, name):
    model, x, y = convnet
    assert (ATTACKS[name](model, x, y, eps=0.1) - x).abs().max() <= 0.1 + 1e-6


@pytest.mark.parametrize("name", ATTACKS)
def test_eps_zero_is_the_identity(convnet, name):
    model, x, y = convnet
    assert torch.equal(ATTACKS[name](model, x, y, eps=0.0), x)


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in DRAWN])
def test_an_image_is_attacked_the_same_alone_as_in_a_batch(convnet, name):
    model, x, _ = convnet
    y = model(x).argmax(1)
    whole = ATTACKS[name](model, x, y, eps=0.1)
    alone = torch.cat([ATTACKS[name](model, x[i : i + 1], y[i : i + 1], eps=0.1) for i in range(len(x))])
    assert torch.allclose(whole, alone, atol=1e-6)


@pytest.mark.parametrize("name", ATTACKS)
def test_leaves_the_model_as_it_was(convnet, name):
    model, x, y = convnet
    before = {k: v.clone() for k, v in model.state_dict().items()}
    ATTACKS[name](model, x, y, eps=0.1)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not model.training


def test_fgsm_moves_the_logits_of_a_linear_model_by_the_closed_form(linear):
    """Before clipping the gap z_i - z_j moves by eps (w_i - w_j) . sign(g) under FGSM and eps (w_i - w_j) . g under FGM."""
    model, x, y = linear
    w = model[1].weight.detach()
    p = model(x).softmax(1).detach()
    g = (p - torch.nn.functional.one_hot(y, 3)) @ w
    for name, d in (("FGSM", g.sign()), ("FGM", g), ("D-FGSM", -g.sign()), ("D-FGM", -g)):
        x_adv = ATTACKS[name](model, x, y, eps=0.01)
        moved = (model(x_adv) - model(x)).detach()
        assert torch.allclose(moved, 0.01 * d @ w.T, atol=1e-5)


def test_fgsm_is_optimal_for_two_classes_of_a_linear_model():
    w = torch.randn(2, 16)
    layer = torch.nn.Linear(16, 2, bias=False)
    layer.weight.data = w
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
    x, y = torch.full((1, 1, 4, 4), 0.5), torch.tensor([0])
    x_adv = ATTACKS["FGSM"](model, x, y, eps=0.1)
    gap = (model(x) - model(x_adv))[0]
    assert torch.isclose(gap[0] - gap[1], 0.1 * (w[0] - w[1]).abs().sum(), rtol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_up_and_down_are_mirror_images_without_clipping(convnet, loss):
    model, x, y = convnet
    for up, down in (("FGSM", "D-FGSM"), ("FGM", "D-FGM")):
        a, b = (one_step(model, x, y, eps=0.2, step=STEPS[n], loss=loss, box=None) for n in (up, down))
        assert torch.allclose(a + b, 2 * x, atol=1e-6)


def test_clip_is_what_keeps_the_box(convnet):
    model, x, y = convnet
    free = one_step(model, x, y, eps=0.9, step=STEPS["FGSM"], box=None)
    assert free.min() < 0
    assert torch.equal(free.clamp(0, 1), one_step(model, x, y, eps=0.9, step=STEPS["FGSM"]))


def test_a_sweep_gives_what_the_single_attacks_give(convnet):
    model, x, y = convnet
    for attack, eps, x_adv in sweep(model, x, y, attacks=list(STEPS), eps=EPS):
        assert torch.equal(x_adv, ATTACKS[attack](model, x, y, eps=EPS[eps]))


def test_four_attacks_at_every_eps_share_one_gradient(convnet, counting):
    model, x, y = convnet
    model = counting(model)
    attacks = ["FGSM", "FGM", "D-FGSM", "D-FGM"]
    for _, _, x_adv in sweep(model, x, y, attacks=attacks, eps=EPS):
        with torch.no_grad():
            model(x_adv)
    assert model.work == (1 + len(attacks) * len(EPS), 1)


def test_noise_is_seeded_and_never_asks_the_model(convnet):
    _, x, y = convnet
    for kind in NOISE:
        a, b, c = (noise(None, x, y, eps=0.1, kind=kind, seed=s) for s in (0, 0, 1))
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_pgd_raises_the_loss_above_one_step(convnet):
    model, x, y = convnet
    losses = [
        LOSSES["ce"](model(a), y).sum() for a in (x, ATTACKS["FGSM"](model, x, y, eps=0.1), pgd(model, x, y, eps=0.1))
    ]
    assert losses[0] < losses[1] <= losses[2]


def test_early_exit_fools_the_same_images(convnet):
    model, x, _ = convnet
    y = model(x).argmax(1)
    full, early = (pgd(model, x, y, eps=0.2, steps=10, early_exit=e) for e in (False, True))
    fooled = [model(a).argmax(1) != y for a in (full, early)]
    assert fooled[0].any() and (fooled[1] | ~fooled[0]).all()
    assert (early - x).abs().max() <= 0.2 + 1e-6


def test_restarts_fool_at_least_what_one_start_fools(convnet):
    model, x, y = convnet
    x, y = (t[model(x).argmax(1) == y] for t in (x, y))  # the others need no attack
    options = {"eps": 0.1, "steps": 5, "box": None}
    once = pgd(model, x, y, early_exit=True, generator=torch.Generator().manual_seed(0), **options)
    again = pgd_restarts(model, x, y, restarts=3, generator=torch.Generator().manual_seed(0), **options)
    stands = [model(a).argmax(1) == y for a in (once, again)]
    assert not (stands[1] & ~stands[0]).any()
    assert stands[1].sum() < stands[0].sum() < len(x)
    assert (again - x).abs().max() <= 0.1 + 1e-6
    fooled_at_once = ~stands[0]
    assert torch.equal(again[fooled_at_once], once[fooled_at_once])  # left alone from then on
    with pytest.raises(InputError, match="restarts 0 is too small"):
        pgd_restarts(model, x, y, restarts=0, generator=torch.Generator(), **options)


def test_pgd_refuses_no_steps(convnet):
    model, x, y = convnet
    with pytest.raises(InputError, match="steps 0 is too small"):
        pgd(model, x, y, eps=0.1, steps=0)


@pytest.mark.parametrize("name", ["FGSM", "FGM", "D-FGSM", "PGD", "random sign"])
@pytest.mark.parametrize("eps", [-0.1, float("nan")])
def test_a_size_is_a_number_of_at_least_zero(convnet, name, eps):
    with pytest.raises(InputError, match=f"eps {eps}"):
        ATTACKS[name](*convnet, eps=eps)


def test_what_an_attack_follows_has_a_name(convnet):
    model, x, y = convnet
    with pytest.raises(InputError, match="loss 'cee' is unknown"):
        ATTACKS["FGSM"](model, x, y, eps=0.1, loss="cee")
    with pytest.raises(InputError, match="alpha -1 is not a number >= 0"):
        pgd(model, x, y, eps=0.1, alpha=-1)


def test_fgsm_agrees_with_foolbox(convnet):
    foolbox = pytest.importorskip("foolbox")
    model, x, y = convnet
    theirs = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    _, clipped, _ = foolbox.attacks.LinfFastGradientAttack(random_start=False)(theirs, x, y, epsilons=[0.05, 0.3])
    for eps, peer in zip([0.05, 0.3], clipped, strict=True):
        assert torch.allclose(ATTACKS["FGSM"](model, x, y, eps=eps), peer, atol=1e-6)


def test_along_is_a_straight_line():
    x, d = torch.full((1, 1, 1, 2), 0.5), torch.tensor([1.0, -3.0]).view(1, 1, 1, 2)
    assert along(x, d, 0.1).flatten().tolist() == pytest.approx([0.6, 0.2])
    assert along(x, d, 1.0).flatten().tolist() == [1, 0]
