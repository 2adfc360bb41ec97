import pytest
import torch

from inputgrad.catalogue.models import MODELS
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.models import build
from inputgrad.ground.checks import InputError

SHAPES = [(1, 28, 28), (3, 32, 32)]


@pytest.mark.parametrize(
    "name",
    ["alexnet", "alexnet_5pool", "resnet18", "resnet18_imagenet", "linear", "fcnn", "lenet5", "nin", "densenet16"],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_and_finite_input_gradient(name, shape):
    model = build(name, shape=shape, classes=7, width=0.25).eval()
    x = torch.rand(2, *shape)
    assert model(x).shape == (2, 7)
    g = input_gradient(model, x, torch.tensor([0, 1]))
    assert torch.isfinite(g).all()
    assert g.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("alexnet", (3, 32, 32), 2_538_058),
        ("alexnet", (1, 28, 28), 2_522_570),
        ("alexnet_5pool", (3, 32, 32), 2_519_626),
        ("resnet18", (3, 32, 32), 11_173_962),
        ("resnet18", (1, 28, 28), 11_172_810),
        ("linear", (1, 28, 28), 10_250),
        ("fcnn", (1, 28, 28), 169_860),
        ("fcnn", (3, 32, 32), 477_060),
        ("lenet5", (1, 28, 28), 61_706),
        ("lenet5_authors", (1, 28, 28), 61_706),
        ("nin", (3, 32, 32), 966_986),
        ("densenet40", (3, 32, 32), 1_019_722),
    ],
)
def test_parameter_counts(name, shape, parameters):
    model = build(name, shape=shape, classes=10)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_resnet18_has_the_published_size():
    """torchvision's ResNet-18 with the stem, the classifier and the pool of small images has as many parameters."""
    from torch import nn
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    assert sum(p.numel() for p in theirs.parameters()) == 11_173_962


@pytest.mark.parametrize("shape", SHAPES)
def test_alexnet_224_takes_small_images(shape):
    assert build("alexnet_224", shape=shape, classes=10).eval()(torch.rand(1, *shape)).shape == (1, 10)


@pytest.mark.parametrize("name", ["linear", "fcnn", "lenet5", "nin", "densenet16"])
def test_a_prepared_network_is_its_body_after_its_preparation(name):
    model = build(name, shape=(1, 28, 28), classes=10, width=0.25).eval()
    x = torch.rand(2, 1, 28, 28)
    prepared = model.prepare(x)
    assert not torch.equal(prepared, x)
    assert torch.equal(model(x), model.body(prepared))
    assert not list(model.prepare.parameters())


def test_bad_names_and_sizes():
    with pytest.raises(InputError, match="model 'alexnett' is unknown.*did you mean 'alexnet'"):
        build("alexnett", shape=(1, 28, 28), classes=10)
    with pytest.raises(InputError, match="width 0.5 is not allowed for alexnet_224"):
        build("alexnet_224", shape=(1, 28, 28), classes=10, width=0.5)


def test_every_network_has_its_own_label():
    assert len({a.label for a in MODELS.values()}) == len(MODELS)


def test_torchvision_matches_torch():
    """A CPU-only torch beside a CUDA torchvision imports, and fails only here."""
    from torchvision.ops import nms

    assert nms(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1.0]), 0.5).tolist() == [0]
