import pytest
import torch

from inputgrad.compute.norms import DIRECTIONS, dual, norm, steepest, unit
from inputgrad.ground.checks import InputError

DUAL = {1: torch.inf, 1.5: 3, 2: 2, 3: 1.5, torch.inf: 1}


@pytest.mark.parametrize(("name", "p", "q"), [("sign", torch.inf, 1), ("l2", 2, 2)])
def test_steepest_directions_attain_the_dual_norm(name, p, q):
    g = torch.randn(6, 3, 5, 5)
    d = DIRECTIONS[name](g) / (75**0.5 if name == "l2" else 1)
    assert torch.allclose(norm(d, p), torch.ones(6))
    assert torch.allclose((g * d).flatten(1).sum(1), norm(g, q), rtol=1e-5)


def test_the_steps_with_and_without_the_sign_have_one_l2_length():
    g = torch.randn(6, 3, 5, 5)
    assert torch.allclose(norm(DIRECTIONS["l2"](g), 2), norm(DIRECTIONS["sign"](g), 2))


def test_unit_of_zero_is_zero():
    g = torch.zeros(2, 1, 3, 3)
    g[1] = 1
    assert unit(g)[0].abs().sum() == 0
    assert torch.isfinite(unit(g)).all()


def test_norm_is_taken_image_by_image():
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]]).view(2, 1, 1, 2)
    assert norm(x, 2).tolist() == [5, 2]
    assert norm(x, 1).tolist() == [7, 2]
    assert norm(x, torch.inf).tolist() == [4, 2]


@pytest.mark.parametrize("p", DUAL)
def test_steepest_has_unit_norm_and_attains_the_dual_norm(p):
    g = torch.randn(6, 3, 5, 5, dtype=torch.float64)
    v = steepest(g, p)
    assert v.shape == g.shape
    assert torch.allclose(norm(v, p), torch.ones(6, dtype=g.dtype))
    assert torch.allclose((g * v).flatten(1).sum(1), torch.linalg.vector_norm(g.flatten(1), DUAL[p], dim=1))


@pytest.mark.parametrize("p", DUAL)
def test_no_direction_is_steepest_at_a_zero_gradient(p):
    g = torch.randn(2, 1, 3, 3)
    g[0] = 0
    v = steepest(g, p)
    assert torch.equal(v[0], torch.zeros(1, 3, 3))
    assert norm(v, p)[1] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("p", [*DUAL, 1.05, 20])
def test_small_gradients_have_the_same_direction_and_a_norm_in_proportion(p):
    """At p = 1.05 the dual norm takes the 21st power, which float32 cannot hold for a gradient of 0.001."""
    g = torch.randn(6, 1, 5, 5)
    assert torch.allclose(steepest(1e-6 * g, p), steepest(g, p), atol=1e-5)
    assert torch.allclose(norm(1e-6 * g, dual(p)), 1e-6 * norm(g, dual(p)), rtol=1e-4, atol=0)
    assert norm(torch.zeros(1, 1, 2, 2), dual(p)) == 0


@pytest.mark.parametrize("p", [0.99, 0, -torch.inf, torch.nan, "two", None, True])
def test_what_is_no_exponent_of_a_norm_is_refused(p):
    with pytest.raises(InputError, match=r"p .* is not allowed: an lp norm needs a number >= 1, or inf$"):
        steepest(torch.ones(1, 1, 2, 2), p)
