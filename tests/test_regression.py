"""Section III of `convex`: perturbations that move any output, and networks that do not classify."""

import itertools

import pytest
import torch

from inputgrad.catalogue.models import MODELS
from inputgrad.compute.attacks.regression import (
    dense,
    direction,
    farther,
    jacobian,
    largest_column,
    sign_bound,
    sign_iteration,
    top_singular,
)
from inputgrad.compute.models import build
from inputgrad.compute.norms import norm
from inputgrad.compute.training.objectives import OBJECTIVES, measurements, segments
from inputgrad.ground.checks import InputError


@pytest.fixture
def network():
    """``(model, x)``: 12 pixels to 3 numbers, small enough to try every vertex of the cube."""
    torch.manual_seed(0)
    layers = torch.nn.Flatten(), torch.nn.Linear(12, 20), torch.nn.ReLU(), torch.nn.Linear(20, 3)
    return torch.nn.Sequential(*layers).double().eval(), torch.rand(5, 1, 3, 4, dtype=torch.float64)


def seeded():
    return torch.Generator().manual_seed(0)


def test_both_products_are_those_of_the_matrix(network):
    model, x = network
    j = jacobian(model, x)
    matrix = torch.func.vmap(torch.func.jacrev(lambda image: model(image[None])[0]))(x).flatten(2)
    v, u = torch.randn_like(x), torch.randn(5, 3, dtype=x.dtype)
    assert torch.allclose(j.times(v), torch.einsum("bmd,bd->bm", matrix, v.flatten(1)))
    assert torch.allclose(j.transposed(u).flatten(1), torch.einsum("bmd,bm->bd", matrix, u))
    assert torch.allclose(dense(j, model(x)), matrix)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_power_iteration_finds_the_top_singular_vector(network):
    model, x = network
    j = jacobian(model, x)
    v = top_singular(j, x, rounds=200, generator=seeded())
    assert torch.allclose(norm(v, 2), torch.ones(5, dtype=x.dtype))
    assert torch.allclose(norm(j.times(v), 2), torch.linalg.matrix_norm(dense(j, model(x)), 2))


def test_the_single_pixel_is_the_longest_column(network):
    model, x = network
    j = jacobian(model, x)
    pixel = largest_column(j, x)
    assert (pixel != 0).flatten(1).sum(1).tolist() == [1] * 5
    assert torch.allclose(norm(j.times(pixel), 2), dense(j, model(x)).norm(dim=1).amax(1))


def test_sign_iteration_lies_between_enumeration_and_bound(network):
    model, x = network
    j = jacobian(model, x)
    found = norm(j.times(sign_iteration(j, x, restarts=20, generator=seeded())), 2)
    vertices = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=12)), dtype=x.dtype)
    best = (dense(j, model(x)) @ vertices.T).norm(dim=1).amax(1)
    bound = sign_bound(dense(j, model(x)))
    assert (found <= best * (1 + 1e-9)).all()
    assert (found >= 0.95 * best).all()
    assert (best <= bound * (1 + 1e-9)).all()
    assert (bound**2 <= torch.pi / 2 * best**2 * 1.02).all()  # Nesterov's ratio; the descent is not quite at its end
    assert (bound < 12**0.5 * torch.linalg.matrix_norm(dense(j, model(x)), 2)).all()  # better than the spectral norm


def test_a_linear_network_moves_by_what_first_order_says():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)).double()
    x = torch.rand(4, 1, 3, 4, dtype=torch.float64)
    j = jacobian(model, x)
    for p, exponent in (("1", 1), (2, 2), ("inf", torch.inf)):
        x_adv = farther(model, x, 0.3 * direction(j, x, p, seeded()), model(x).detach())
        assert torch.allclose(norm(x_adv - x, exponent), torch.full((4,), 0.3, dtype=x.dtype))
        assert torch.allclose(norm(model(x_adv) - model(x), 2), norm(j.times(x_adv - x), 2))


def test_of_both_signs_the_farther_one_is_taken(network):
    model, x = network
    wanted = model(x).detach() + 0.05
    eta = 0.2 * torch.randn_like(x)
    x_adv = farther(model, x, eta, wanted)
    distances = torch.stack([norm(model(a) - wanted, 2) for a in (x + eta, x - eta, x_adv)])
    assert torch.equal(distances[2], distances[:2].amax(0))


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        ("0.5", r"p '0.5' is not allowed: an lp norm needs a number >= 1, or inf"),
        (0.5, r"p 0.5 is not allowed"),
        ("3", r"p '3' is unknown: choose from 2, 1, inf"),
        ("two", r"p 'two' is not allowed"),
    ],
)
def test_a_ball_without_a_method_gets_one_clear_sentence(network, p, sentence):
    model, x = network
    with pytest.raises(InputError, match=sentence):
        direction(jacobian(model, x), x, p, seeded())


def test_no_rounds_are_refused(network):
    model, x = network
    for method in (top_singular, sign_iteration):
        with pytest.raises(InputError, match="rounds 0 is too small"):
            method(jacobian(model, x), x, rounds=0, generator=seeded())


def test_direction_is_a_unit_vector_of_its_ball(network):
    model, x = network
    j = jacobian(model, x)
    for p, exponent in (("1", 1), ("2", 2), ("inf", torch.inf)):
        assert torch.allclose(norm(direction(j, x, p, seeded()), exponent), torch.ones(5, dtype=x.dtype))


# What networks are trained to do


def test_slant_is_the_shear_that_was_applied():
    """An upright bar leans by nothing; sheared by half a pixel a row, by one half."""
    upright, leaning = torch.zeros(2, 1, 1, 28, 28)
    for row in range(4, 24):
        upright[0, 0, row, 13] = 1
        column = 13 - 0.5 * (row - 14)
        low = int(column // 1)
        leaning[0, 0, row, low] = 1 - (column - low)
        leaning[0, 0, row, low + 1] = column - low
    ink, slant = measurements(torch.cat([upright, leaning])).unbind(1)
    assert torch.allclose(ink, torch.full((2,), 10 * 20 / 784))
    assert torch.allclose(slant, torch.tensor([0.0, 0.5]), atol=1e-5)
    assert torch.isfinite(measurements(torch.zeros(1, 1, 28, 28))).all()


def test_segments_are_the_label_where_there_is_ink():
    x = torch.tensor([[0.9, 0.1], [0.4, 0.6]]).view(1, 1, 2, 2)
    assert segments(x, torch.tensor([7]), 10).tolist() == [[[7, 10], [10, 7]]]


@pytest.mark.parametrize("name", [a.name for a in MODELS.values() if a.objective != "classify"])
def test_a_network_learns_its_objective(name):
    torch.manual_seed(0)
    model = build(name, shape=(1, 28, 28), classes=10)
    objective = OBJECTIVES[MODELS[name].objective]
    x, y = torch.rand(8, 1, 28, 28), torch.arange(8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for _ in range(30):
        loss = objective.loss(model(x), x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    score = objective.score(model(x), x, y)
    assert score.shape == (8,)
    assert 0 <= score.min() <= score.max() <= 1
