import pytest
import torch

from inputgrad.compute.gradients import LOSSES, frozen, input_gradient


def test_linear_model_has_the_closed_form_gradient(linear):
    model, x, y = linear
    w = model[1].weight.detach()
    p = model(x).softmax(1).detach()
    expected = (p - torch.nn.functional.one_hot(y, 3)) @ w
    assert torch.allclose(input_gradient(model, x, y).flatten(1), expected, atol=1e-6)
    assert torch.allclose(input_gradient(model, x, y, loss="nll_logits").flatten(1), -w[y], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_finite_differences(convnet, loss):
    model, x, y = convnet
    model, x = model.double(), x.double()
    g = input_gradient(model, x, y, loss=loss)
    v = torch.randn_like(x)
    h = 1e-6
    up, down = (LOSSES[loss](model(x + s * h * v), y) for s in (1, -1))
    assert torch.allclose((g * v).flatten(1).sum(1), ((up - down) / (2 * h)).detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_does_not_depend_on_the_batch(convnet, loss):
    model, x, y = convnet
    whole = input_gradient(model, x, y, loss=loss)
    alone = torch.cat([input_gradient(model, x[i : i + 1], y[i : i + 1], loss=loss) for i in range(len(x))])
    assert torch.allclose(whole, alone, atol=1e-6)


def test_touches_neither_mode_nor_parameter_gradients(convnet):
    model, x, y = convnet
    model.train()
    model[0].weight.requires_grad_(False)
    input_gradient(model, x, y)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * 5


def test_frozen_restores_after_an_error(convnet):
    model, _, _ = convnet
    with pytest.raises(KeyError), frozen(model):
        assert not any(p.requires_grad for p in model.parameters())
        raise KeyError
    assert all(p.requires_grad for p in model.parameters())


def test_margin_is_positive_exactly_when_wrong(convnet):
    model, x, y = convnet
    logits = model(x)
    assert torch.equal(LOSSES["margin"](logits, y) > 0, logits.argmax(1) != y)


def test_is_computed_without_gradient_tracking_around_it(convnet):
    model, x, y = convnet
    with torch.no_grad():
        assert input_gradient(model, x, y).abs().sum() > 0
