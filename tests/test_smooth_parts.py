"""The parts that `smooth` is made of: optimiser, whitening, augmentation and networks."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods import distortion as augmentation
from inputgrad.compute.methods import whitening
from inputgrad.compute.methods.distortion import augment
from inputgrad.compute.methods.whitening import Whitening
from inputgrad.compute.models import build
from inputgrad.compute.training.checkpoints import load_optimizers, optimizer_tensors
from inputgrad.compute.training.wame import WAME
from inputgrad.ground.checks import InputError

GREY, COLOUR = (1, 28, 28), (3, 32, 32)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# WAME


def wame(w, gradients, lr=0.01):
    """The weight and its factor after each step, in plain floats."""
    a, m, v, before, steps = 1.0, 1.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        if before * g > 0:
            a = a * 1.2
        elif before * g < 0:
            a = a * 0.1
        clipped = min(max(a, 0.01), 100.0)
        m = 0.9 * m + 0.1 * clipped
        v = 0.999 * v + 0.001 * g * g
        w = w - lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * clipped / m * g / (math.sqrt(v) + 1e-11)
        before = g
        steps.append((w, a))
    return steps


def steps_of(gradients, w=0.5, **options):
    weight = nn.Parameter(torch.tensor([w], dtype=torch.float64))
    optimizer = WAME([weight], lr=0.01, **options)
    found = []
    for g in gradients:
        weight.grad = torch.tensor([g], dtype=torch.float64)
        optimizer.step()
        found.append((weight.item(), optimizer.state[weight]["factor"].item()))
    return found


GRADIENTS = {
    "mixed": [1.0, 2.0, 0.5, -1.0, -0.3, 0.4, -0.2, 0.1, -0.1, 0.0, 0.2, 0.3, 0.1],
    "growing": [0.3] * 40,
    "shrinking": [0.3, -0.2] * 6,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_wame_is_its_formula_in_plain_floats(name):
    for found, expected in zip(steps_of(GRADIENTS[name]), wame(0.5, GRADIENTS[name]), strict=True):
        assert found == pytest.approx(expected, rel=1e-12)


def test_wame_by_hand():
    """The first step is g / sqrt(0.001 g^2) * sqrt(0.001) / 0.1 = 10 learning rates long, whatever the gradient."""
    assert steps_of([3.0])[0][0] == pytest.approx(0.5 - 10 * 0.01)
    factors = [a for _, a in steps_of([1.0, 2.0, 0.5, -1.0, 0.0, 1.0])]
    assert factors == pytest.approx([1, 1.2, 1.44, 0.144, 0.144, 0.144])


def test_the_clip_of_wame_acts_on_the_step_and_not_on_the_state():
    shrunk, grown = steps_of([1.0, -1.0] * 10), steps_of([1.0] * 30)
    assert shrunk[-1][1] == pytest.approx(1e-19)
    assert grown[-1][1] == pytest.approx(1.2**29)
    late = [shrunk[i][0] - shrunk[i - 1][0] for i in (-1, -2)]  # v is g^2's, so that each is lr_t * 0.01 / m
    m = 1.0
    for t in range(1, 21):
        m = 0.9 * m + 0.1 * max(10.0 ** (1 - t), 0.01)
    assert abs(late[0]) == pytest.approx(0.01 / (1 - 0.9**20) * 0.01 / m)


def test_weight_decay_is_added_to_the_gradient():
    decayed = steps_of([0.7, -0.1], weight_decay=0.3)
    first = steps_of([0.7 + 0.3 * 0.5])[0][0]
    assert decayed[0][0] == pytest.approx(first)
    assert decayed[1][0] == pytest.approx(steps_of([0.85, -0.1 + 0.3 * first])[1][0])


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def descend(net, optimizer, steps, seed):
    generator = seeded(seed)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(net(torch.rand(16, 6, generator=generator)), torch.arange(16) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_the_state_of_wame_survives_a_checkpoint_bit_for_bit():
    net = small_net()
    optimizer = WAME(net.parameters(), 1e-3, weight_decay=1e-4)
    descend(net, optimizer, 5, seed=1)
    state = optimizer.state_dict()["state"].values()
    assert all(isinstance(value, torch.Tensor) for entry in state for value in entry.values())
    tensors = {name: value.clone() for name, value in optimizer_tensors({"net": optimizer}).items()}
    copy = small_net()
    copy.load_state_dict(net.state_dict())
    restored = WAME(copy.parameters(), 1e-3, weight_decay=1e-4)
    load_optimizers({"net": restored}, tensors)
    for each, one in ((net, optimizer), (copy, restored)):
        descend(each, one, 5, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), copy.parameters(), strict=True))
    now = optimizer_tensors({"net": restored})
    assert all(torch.equal(value, now[name]) for name, value in optimizer_tensors({"net": optimizer}).items())
    assert now["optimizer.net.0.step"] == 10


def test_wame_goes_down_a_quadratic():
    w = nn.Parameter(torch.tensor([3.0, -2.0, 1.0]))
    optimizer = WAME([w], lr=0.01)

    def loss():
        optimizer.zero_grad()
        value = (torch.tensor([1.0, 10.0, 0.1]) * w**2).sum()
        value.backward()
        return value

    losses = [optimizer.step(loss).item() for _ in range(400)]
    assert losses[-1] < 1e-2 * losses[0]


def test_a_parameter_without_a_gradient_stays():
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = WAME([a, b])
    a.grad = torch.ones(2)
    optimizer.step()
    assert b.tolist() == [1, 1]
    assert a.tolist() != [1, 1]


@pytest.mark.parametrize("name", ["lr", "weight_decay"])
def test_a_negative_rate_is_refused(name):
    with pytest.raises(InputError, match=f"^{name} -0.1 is not a number >= 0$"):
        WAME([nn.Parameter(torch.ones(1))], **{name: -0.1})


# Whitening


@pytest.fixture
def images():
    """600 smooth random images of 3x4x4 values in [0, 1], in which neighbours resemble each other."""
    x = nn.functional.interpolate(torch.rand(600, 3, 2, 2, generator=seeded()), size=4, mode="bilinear")
    return 0.8 * x + 0.2 * torch.rand(600, 3, 4, 4, generator=seeded(1))


def by_itself(x):
    """Each image with mean 0 and variance 1, in numpy."""
    flat = x.flatten(1).double().numpy()
    return (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)


def variances(rows):
    return np.linalg.eigvalsh(np.cov(np.asarray(rows, dtype=np.float64), rowvar=False, bias=True))


@pytest.mark.parametrize("standardise", [True, False])
def test_whitened_images_have_unit_covariance(images, standardise):
    z = Whitening.fit(images, eps=1e-8, standardise=standardise)(images).flatten(1)
    found = variances(z.numpy())
    assert found[standardise:] == pytest.approx(1, abs=1e-3)
    if standardise:  # every image has mean 0: one direction has no variance, and gets none
        assert found[0] < 1e-4
    assert z.mean(0).abs().max() < 1e-3


def test_eps_shrinks_each_variance_as_it_says(images):
    s = variances(by_itself(images))
    z = Whitening.fit(images, eps=0.1)(images)
    assert variances(z.flatten(1).numpy()) == pytest.approx(s / (s + 0.1), abs=1e-5)


def test_whitening_turns_nothing(images):
    """W is symmetric: of all whitening maps the one that leaves the images closest to what they were."""
    fitted = Whitening.fit(images)
    assert torch.allclose(fitted.matrix, fitted.matrix.T, atol=1e-6)
    assert torch.linalg.eigvalsh(fitted.matrix).min() > 0


def test_whitening_inverts(images):
    fitted = Whitening.fit(images)
    z = fitted(images)
    assert z.shape == images.shape
    assert z.dtype == torch.float32
    assert fitted.invert(z).flatten(1).numpy() == pytest.approx(by_itself(images), abs=1e-4)
    delta = 0.1 * torch.randn(600, 3, 4, 4, generator=seeded())
    assert torch.allclose(fitted.linear(delta), fitted.invert(z + delta) - fitted.invert(z), atol=1e-4)
    assert torch.equal(fitted.linear(torch.zeros(1, 3, 4, 4)), torch.zeros(1, 3, 4, 4))


def test_moments_lead_back_to_the_pixels(images):
    fitted = Whitening.fit(images)
    mean, std = whitening.moments(images)
    assert torch.allclose(fitted.invert(fitted(images)).flatten(1) * std + mean, images.flatten(1), atol=1e-5)


def test_pictures_span_the_range(images):
    shown = Whitening.fit(images).pictures(Whitening.fit(images)(images)).flatten(1)
    assert torch.equal(shown.amin(1), torch.zeros(600))
    assert torch.allclose(shown.amax(1), torch.ones(600))


def test_chunks_change_nothing(images, monkeypatch):
    whole = Whitening.fit(images)
    z = whole(images)
    monkeypatch.setattr(whitening, "CHUNK", 7)
    parts = Whitening.fit(images)
    assert torch.allclose(parts.matrix, whole.matrix, atol=1e-6)
    assert torch.allclose(parts(images), z, atol=1e-5)
    assert torch.allclose(whole(images[3:4]), z[3:4], atol=1e-5)


def test_constant_images_become_one_ordinary_image(images):
    flat = torch.tensor([0.0, 0.3, 1.0]).view(3, 1, 1, 1).expand(3, 3, 4, 4)
    fitted = Whitening.fit(torch.cat([images, flat]))
    z = fitted(flat)
    assert torch.isfinite(z).all()
    assert torch.allclose(z[0], z[1], atol=1e-5)
    assert torch.allclose(fitted.invert(z), torch.zeros(3, 3, 4, 4), atol=1e-5)
    almost = torch.full((1, 3, 32, 32), 0.5)
    almost[0, 0, 0, 0] += 1 / 255  # the least that an 8-bit image can differ from a constant one
    assert whitening.standardised(almost.double()).std(correction=0) == pytest.approx(1)


def test_what_cannot_be_whitened_is_refused(images):
    with pytest.raises(InputError, match="^eps 0 is not allowed"):
        Whitening.fit(images, eps=0)
    with pytest.raises(InputError, match=r"^whitening needs a batch of images .*: got \(0, 3, 4, 4\)$"):
        Whitening.fit(images[:0])
    for wrong in (images[:, :1], images[0]):
        with pytest.raises(InputError, match="do not fit a whitening of 48 values an image"):
            Whitening.fit(images)(wrong)


# Augmentation


def ramps(n, side=32):
    """``(n, 2, side, side)``: in pixels from the centre, how far right and how far down each pixel is."""
    steps = torch.arange(side).double() - (side - 1) / 2
    return torch.stack([steps.expand(side, side), steps[:, None].expand(side, side)]).repeat(n, 1, 1, 1)


@pytest.mark.parametrize("shape", [GREY, COLOUR, (1, 12, 10)])
@pytest.mark.parametrize("kind", augmentation.KINDS)
def test_a_seed_decides_the_images(kind, shape):
    x = torch.rand(11, *shape)
    first = augment(x, kind, seeded())
    assert first.shape == x.shape
    assert first.dtype == x.dtype
    assert torch.equal(first, augment(x, kind, seeded()))
    assert torch.equal(first, x) is (kind == "none")
    assert torch.equal(first, augment(x, kind, seeded(1))) is (kind == "none")


@pytest.mark.parametrize("kind", augmentation.KINDS)
def test_the_gradient_flows_back_to_the_images(kind):
    x = torch.rand(9, 3, 12, 12, dtype=torch.float64).requires_grad_()
    weight = torch.randn(x.shape, dtype=torch.float64, generator=seeded(5))

    def loss(images):
        return (weight * augment(images, kind, seeded())).sum()

    g = torch.autograd.grad(loss(x), x)[0]
    pixel = torch.zeros_like(x)
    pixel[8, 1, 5, 6] = 1e-3
    with torch.no_grad():
        slope = (loss(x + pixel) - loss(x - pixel)) / 2e-3
    assert slope != 0
    assert g[8, 1, 5, 6].item() == pytest.approx(slope.item(), rel=1e-9)


def test_elastic_moves_each_pixel_by_its_displacement():
    """On a ramp, bilinear interpolation is exact: what a pixel changes by is how far it was moved."""
    x = ramps(64)
    moved = (augment(x, "elastic", seeded(), share=1) - x)[..., 11:21, 11:21]
    field = augmentation.displacements(64, 32, 32, seeded()).permute(0, 3, 1, 2)[..., 11:21, 11:21]
    assert torch.allclose(moved, field.double(), atol=1e-4)
    assert 1.0 < moved.std() < 1.8  # 34 / (2 * 4 * sqrt(3 pi)) = 1.38
    lengths = torch.linalg.vector_norm(moved, dim=1)
    assert 1.0 < lengths.median() < 2.5
    assert lengths.max() < 10


def test_displacements_are_smooth():
    field = augmentation.displacements(64, 28, 28, seeded())
    assert (field[:, :, 1:] - field[:, :, :-1]).std() < 0.4 * field.std()


def test_affine_turns_and_zooms_within_its_limits():
    """Of a ramp that counts rows, the slopes give the angle and the zoom, mirrored or not."""
    rows = augment(ramps(500), "affine", seeded(), share=1)[:, 1]
    down, right = rows[:, 17, 16] - rows[:, 16, 16], rows[:, 16, 17] - rows[:, 16, 16]
    angles, zooms = torch.rad2deg(torch.atan2(right, down)), 1 / torch.hypot(down, right)
    for found, most in ((angles, 10), (10 * (zooms - 1), 1)):
        assert found.abs().max() < most + 1e-3
        assert found.max() > 0.95 * most
        assert found.min() < -0.95 * most
        assert found.mean().abs() < 0.1 * most


def test_affine_mirrors_every_other_image():
    columns = augment(ramps(2000), "affine", seeded())[:, 0]
    mirrored = columns[:, 16, 17] < columns[:, 16, 16]
    assert mirrored.double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert 0 < mirrored[:8].sum() < 8  # drawn for each image, not for each group


@pytest.mark.parametrize("kind", ["elastic", "affine"])
def test_a_draw_is_shared_by_neighbours(kind):
    rows = augment(ramps(20), kind, seeded(), share=8)[:, 1]  # mirror images of it are the same
    same = torch.tensor([[torch.allclose(a, b) for a in rows] for b in rows])
    group = torch.arange(20) // 8
    assert torch.equal(same, group[:, None] == group)


@pytest.mark.parametrize("kind", ["elastic", "affine"])
def test_mixed_precision_does_not_reach_the_distortion(kind):
    """In bfloat16 the grids would be coarse, and torchvision would round the images to integers."""
    x = torch.rand(9, *COLOUR)
    with torch.autocast("cpu", torch.bfloat16):
        found = augment(x, kind, seeded())
    assert torch.equal(found, augment(x, kind, seeded()))


def test_bad_augmentations_are_refused():
    x = torch.rand(2, *GREY)
    with pytest.raises(InputError, match="^augment 'elastics' is unknown: .*; did you mean 'elastic'"):
        augment(x, "elastics", seeded())
    with pytest.raises(InputError, match="^share 0 is too small"):
        augment(x, "elastic", seeded(), share=0)


# Networks

NAMES = ["smooth_dnn", "smooth_dnn_aug", "smooth_cnn", "smooth_cnn_aug", "smooth_cnn_pool"]


@pytest.mark.parametrize("shape", [GREY, COLOUR])
@pytest.mark.parametrize("name", NAMES)
def test_logits_and_finite_input_gradient(name, shape):
    model = build(name, shape=shape, classes=7, width=0.125)
    x, y = torch.randn(4, *shape), torch.arange(4)
    for mode in (True, False):
        model.train(mode)
        assert model(x).shape == (4, 7)
        g = input_gradient(model, x, y)
        assert torch.isfinite(g).all()
        assert (g.flatten(1).abs().sum(1) > 0).all()


def counted(layers, last):
    """Weights, biases, and the two values of batch norm for each unit of ``(inputs, outputs, kernel area)``."""
    return sum(i * o * k + o + 2 * o for i, o, k in layers) + last[0] * last[1] + last[1]


@pytest.mark.parametrize(
    ("name", "shape", "layers", "last"),
    [
        ("smooth_dnn", GREY, [(784, 2500, 1), (2500, 2000, 1), (2000, 1500, 1), (1500, 1000, 1), (1000, 500, 1)],
         (500, 10)),
        ("smooth_cnn", GREY, [(1, 64, 25), (64, 64, 25), (64 * 4 * 4, 1024, 1)], (1024, 10)),
        ("smooth_cnn", COLOUR, [(3, 96, 9), (96, 96, 9), (96, 96, 9), (96, 192, 9), (192, 192, 9), (192, 192, 9),
                                (192, 192, 9), (192, 192, 1)], (192, 10)),
        ("smooth_cnn_pool", COLOUR, [(3, 96, 9)] + 4 * [(96, 96, 9)] + [(96, 192, 9)] + 5 * [(192, 192, 9)]
         + [(192, 192, 1)], (192, 10)),
    ],
)  # fmt: skip
def test_parameter_counts(name, shape, layers, last):
    model = build(name, shape=shape, classes=10)
    assert sum(p.numel() for p in model.parameters()) == counted(layers, last)


@pytest.mark.parametrize(
    ("name", "shape", "sides"),
    [
        ("smooth_cnn", GREY, [24, 8]),
        ("smooth_cnn", COLOUR, [32, 32, 16, 16, 16, 8, 8, 8, 8]),
        ("smooth_cnn_pool", COLOUR, [32] * 5 + [16] * 5 + [8] * 3),
    ],
)
def test_sizes_after_each_convolution(name, shape, sides):
    model, found = build(name, shape=shape, classes=10, width=0.125).eval(), []
    x = torch.rand(1, *shape)
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            found.append(x.shape[-1])
    assert found == sides


@pytest.mark.parametrize(
    ("name", "shape", "dropouts"),
    [("smooth_dnn", GREY, 5), ("smooth_cnn", GREY, 1), ("smooth_cnn", COLOUR, 2), ("smooth_cnn_pool", COLOUR, 2)],
)
def test_batch_norm_follows_each_relu(name, shape, dropouts):
    kinds = [type(layer) for layer in build(name, shape=shape, classes=10, width=0.125)]
    assert kinds.count(nn.Dropout) == dropouts
    for before, after in zip(kinds, kinds[1:], strict=False):
        assert (before is nn.ReLU) == (after in (nn.BatchNorm1d, nn.BatchNorm2d))


@pytest.mark.parametrize("name", ["smooth_dnn", "smooth_cnn"])
def test_augmentation_is_in_the_recipe_and_not_in_the_network(name):
    models = []
    for each in (name, f"{name}_aug"):
        torch.manual_seed(0)
        models.append(build(each, shape=GREY, classes=10, width=0.125).state_dict())
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[0])


def test_width_scales_to_multiples_of_eight():
    layers = [m for m in build("smooth_dnn", shape=GREY, classes=10, width=1 / 16) if isinstance(m, nn.Linear)]
    assert [m.out_features for m in layers] == [152, 120, 88, 56, 24, 10]
