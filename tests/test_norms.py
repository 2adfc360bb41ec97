import pytest
import torch

from inputgrad.norms import DIRECTIONS, norm, unit


@pytest.mark.parametrize(("name", "p", "q"), [("sign", torch.inf, 1), ("l2", 2, 2)])
def test_steepest_directions_attain_the_dual_norm(name, p, q):
    g = torch.randn(6, 3, 5, 5)
    d = DIRECTIONS[name](g)
    assert torch.allclose(norm(d, p), torch.ones(6))
    assert torch.allclose((g * d).flatten(1).sum(1), norm(g, q), rtol=1e-5)


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
