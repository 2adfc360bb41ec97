"""The parts of `butterfly`: the game's losses, who moves in it and who does not, its networks, and its rivals."""

import copy
import math

import pytest
import torch
from torch import nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import eha, random_sign, scaled_to, universal
from inputgrad.compute.data import load
from inputgrad.compute.methods import game
from inputgrad.compute.methods import played as from_declaration
from inputgrad.compute.methods.game import Game, Images, Rules, play, play_batch
from inputgrad.compute.methods.generator import Discriminator, Generator, feature_map, features
from inputgrad.compute.methods.played import played
from inputgrad.compute.models import build
from inputgrad.compute.models.imagenet import modern, with_imagenet_weights
from inputgrad.compute.training import checkpoints
from inputgrad.compute.training.networks import Trained, fit
from inputgrad.compute.training.steps import descend
from inputgrad.ground.checks import InputError

CPU = torch.device("cpu")
GREY = (1, 28, 28)
RECIPE = Recipe(lr=1e-3, batch=25, epochs=2)
LONG = Recipe(lr=1e-2, batch=25, epochs=8)


@pytest.fixture(scope="module")
def digits():
    return load("digits28")


@pytest.fixture(scope="module")
def digits32():
    return load("digits32")


def small(seed=0, classes=10):
    """A convolutional network of the catalogue's form for 28x28 images, feature map 7x7."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 49, classes),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """``small`` after three epochs; tests take copies."""
    net = small()
    fit(net, digits, Recipe(epochs=3, lr=2e-3), 0, tmp_path_factory.mktemp("target") / "target.partial")
    return net.eval()


@pytest.fixture
def images(digits):
    return Images(digits.x_train[:100], digits.y_train[:100], digits.x_test[:50], digits.y_test[:50])


def state(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def new_game(target, rules=None, features_of=None, seed=1):
    rules = rules or Rules()
    torch.manual_seed(seed)
    generator = Generator(features(small(5)), GREY, (16, 8), rules.limit, rules.g_train)
    classes = 10 if rules.discriminator == "told" else None
    return Game(generator, Discriminator(features(features_of or target), 16, rules.d_train, classes), target, rules)


def test_an_encoder_that_does_not_learn_stays_and_sees_each_image_once(digits, images, monkeypatch, tmp_path):
    target, rules = small(0).eval(), Rules(g_train="decoder")
    match = new_game(target, rules)
    before, seen = state(match.generator.encoder), []
    match.generator.encoder.register_forward_hook(lambda _, __, out: seen.append(len(out)))
    recipe = Recipe(lr=1e-2, epochs=2, batch=50)
    monkeypatch.setattr(game, "fared", lambda *_, **__: {"accuracy": 0.0})
    game.play(match, images, recipe, 0, tmp_path / "partial")
    assert same(before, state(match.generator.encoder)) and sum(seen) == len(images.x) + len(images.x_held)
    assert match.generator(game.pixels(images.x[:1])).abs().max() > 0
    known = game.pixels(images.x[:2])
    assert torch.equal(match.generator(known), match.generator.decoded(match.generator.encoder(known)))


# Losses


def test_losses_are_the_formulas():
    d, t = torch.tensor([0.9, 0.2, 0.6, 0.3]), torch.tensor([1.0, 0, 0, 1])
    z = d.logit()
    ls_d = (0.1**2 + 0.2**2 + 0.6**2 + 0.7**2) / 4
    ls_g = (0.1**2 + 0.8**2 + 0.4**2 + 0.7**2) / 4
    lr_d = -(math.log(0.9) + math.log(0.8) + math.log(0.4) + math.log(0.3)) / 4
    lr_g = -(math.log(0.9) + math.log(0.2) + math.log(0.6) + math.log(0.3)) / 4
    for kind, by_hand in (("ls", (ls_d, ls_g)), ("lr", (lr_d, lr_g))):
        found = game.discriminator_loss(z, t, kind), game.generator_loss(z, kind)
        assert [value.item() for value in found] == pytest.approx(by_hand, rel=1e-5)


def test_intensity_by_hand_and_its_slope_at_zero():
    v = torch.tensor([[3.0, 4, 0, 0], [0, 0, 0, 2]]).view(2, 1, 2, 2)
    assert game.penalty(v, "norm").item() == pytest.approx((5 + 2) / 2)
    assert game.penalty(v, "mean_square").item() == pytest.approx((9 + 16 + 4) / 8)
    for kind in ("norm", "mean_square"):
        zero = torch.zeros(2, 1, 2, 2, requires_grad=True)
        game.penalty(zero, kind).backward()
        assert torch.equal(zero.grad, torch.zeros_like(zero))  # where every generator starts


def test_what_is_rewarded(linear):
    model, x, _ = linear
    seen = model(x).argmax(1)
    y = torch.where(torch.arange(8) % 2 == 0, seen, (seen + 1) % 3)
    assert game.rewards(model, x, y, "enhance").tolist() == [1, 0] * 4
    assert game.rewards(model, x, y, "attack").tolist() == [0, 1] * 4


def test_the_optimum_of_the_least_squares_game():
    """Appendix A on four images, of which 10 copies each are good or bad in known shares [butterfly, Eq. 15 and 21]."""
    good, bad = torch.tensor([9.0, 5, 2, 1]), torch.tensor([1.0, 5, 8, 9])
    t = torch.cat([torch.ones(int(good.sum())), torch.zeros(int(bad.sum()))])
    cell = torch.cat([torch.arange(4).repeat_interleave(n.int()) for n in (good, bad)])

    def loss(z):
        return game.discriminator_loss(z[cell], t, "ls")

    star = torch.tensor([0.9, 0.5, 0.2, 0.1])  # the share of the good [butterfly, Eq. 15]
    z = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([z], 0.05)
    for _ in range(400):
        descend(optimizer, loss(z))
    assert torch.allclose(z.sigmoid(), star, atol=1e-3)
    generator = torch.Generator().manual_seed(0)
    others = star.logit() + torch.randn(50, 4, generator=generator)
    assert all(loss(other) > loss(star.logit()) for other in others)
    total = (good + bad).sum()
    expected = game.optimal_generator_loss(good / total, bad / total)
    assert expected.item() == pytest.approx(sum(b * b / 10 for b in (1, 5, 8, 9)) / 40)
    assert game.generator_loss(star.logit()[cell], "ls").item() == pytest.approx(expected.item(), rel=1e-5)
    shares = torch.linspace(0, 1, 11)  # the more is good, the smaller, down to 0
    losses = [game.optimal_generator_loss(good + s * bad, (1 - s) * bad).item() for s in shares]
    assert losses == sorted(losses, reverse=True) and losses[-1] == 0


# Who moves


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules("attack", "lr", gamma=3, d_train="full", limit=0.1, clip=True),
        Rules(l2="norm"),
        Rules(discriminator="told"),
        Rules("attack", d_train="full", discriminator="told"),
        Rules(objective="direct"),
        Rules("attack", objective="direct", limit=0.1),
    ],
)
def test_only_generator_and_discriminator_move(rules, trained, images, tmp_path):
    target = copy.deepcopy(trained).train()  # the game puts it into evaluation mode
    before = state(target)
    players = new_game(target, rules)
    first = copy.deepcopy((players.generator.state_dict(), players.discriminator.state_dict()))
    history = play(players, images, RECIPE, 0, tmp_path / "game.partial")["history"]
    assert same(before, state(target))
    assert not any(m.training for m in target.modules())
    assert all(p.grad is None and p.requires_grad for p in target.parameters())
    assert not same(first[0], players.generator.state_dict())
    moved = {k for k, v in players.discriminator.state_dict().items() if not torch.equal(v, first[1][k])}
    statistics = {k for k in first[1] if "running" in k or "tracked" in k}
    head = {"head.weight", "head.bias"}
    expected = set() if rules.objective == "direct" else head if rules.d_train == "head" else set(first[1]) - statistics
    assert moved == expected
    assert len(history) == 2 and ("d_loss" in history[0]) == (rules.objective == "game")
    assert all(math.isfinite(value) for entry in history for value in entry.values())


def test_history_counts_every_flip(trained, images, tmp_path):
    players = new_game(trained, Rules("attack", limit=0.3, objective="direct"))
    right, p = game.decisions(trained, images.x, images.y)
    start = game.fared(players, images.x, images.y, right)  # v = 0
    assert (start["accuracy"], start["gained"], start["lost"]) == (pytest.approx(right.float().mean().item()), 0, 0)
    assert start["p_true"] == pytest.approx(p.mean().item())
    for entry in play(players, images, LONG, 0, tmp_path / "game.partial")["history"]:
        assert round(100 * entry["accuracy"]) == right.sum() + entry["gained"] - entry["lost"]
        assert entry["l2"] <= 0.3 * 28 and entry["mean_square"] <= 0.09
    assert entry["lost"] > 0
    v = game.perturbations(players.generator, images.x)
    assert v.shape == images.x.shape and v.flatten(1).norm(dim=1).mean().item() == pytest.approx(entry["l2"], rel=1e-5)


def test_a_generator_learns_what_it_is_asked(trained, images, tmp_path):
    start = game.decisions(trained, images.x, images.y)[1].mean()
    found = {}
    for problem in ("enhance", "attack"):
        players = new_game(copy.deepcopy(trained), Rules(problem, limit=0.3, objective="direct"))
        found[problem] = play(players, images, LONG, 0, tmp_path / problem)["history"][-1]["p_true"]
    assert found["attack"] < 0.7 * start < start + 0.02 < found["enhance"]


def test_the_attacking_game_lowers_the_accuracy(trained, images, tmp_path):
    players = new_game(trained, Rules("attack", gamma=0, limit=0.3))
    history = play(players, images, LONG, 0, tmp_path / "game.partial")["history"]
    before = game.decisions(trained, images.x, images.y)[0].float().mean()
    assert history[-1]["accuracy"] < before - 0.08
    assert history[-1]["good"] > history[0]["good"] and history[-1]["l2"] > history[0]["l2"]


class Opaque(nn.Module):
    """A classifier that may only be asked: it raises when a gradient passes, and notes how it is called."""

    class Wall(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits):
            return logits.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise AssertionError("a gradient reached the black box")

    def __init__(self, net):
        super().__init__()
        self.net, self.recorded = net, []

    def forward(self, x):
        self.recorded.append(torch.is_grad_enabled() or x.requires_grad)
        return self.Wall.apply(self.net(x))


@pytest.mark.parametrize("d_train", ["head", "full"])
def test_a_black_box_is_only_asked(d_train, trained, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    target, judge = Opaque(copy.deepcopy(trained)), small(7)
    versions = [value._version for value in target.state_dict().values()]
    weights = [id(p) for p in target.parameters()]
    before, other = state(target), state(judge)
    rules, recipe = Rules("attack", known=False, d_train=d_train), Recipe(batch=25, epochs=1, images=50)
    named = [
        Trained(model=net, checkpoint=name) for net, name in ((target, "target"), (small(5), "enc"), (judge, "judge"))
    ]
    result = played(digits, named[0], named[1], rules, recipe, 0, CPU, judge=named[2], widths=(16,))
    assert target.recorded and not any(target.recorded)  # never with a graph
    assert same(before, state(target)) and same(other, state(judge))
    assert [value._version for value in target.state_dict().values()] == versions  # not even written to
    assert [id(p) for p in target.parameters()] == weights
    assert all(p.grad is None and p.requires_grad for p in target.parameters())
    theirs = {p.data_ptr() for p in target.parameters()}
    assert not theirs & {p.data_ptr() for net in (result.model, result.discriminator) for p in net.parameters()}
    shapes = {name: value.shape for name, value in features(judge).state_dict().items()}
    assert {name: value.shape for name, value in result.discriminator.features.state_dict().items()} == shapes
    with pytest.raises(AssertionError, match="reached the black box"):  # the wall holds
        target(torch.rand(1, *GREY)).sum().backward()


def test_one_round_is_d_then_g_on_one_batch(trained, digits):
    """The discriminator steps first, the generator's loss is of the new discriminator, and v = 0 before."""
    x, y = digits.x_train[:20].float() / 255, digits.y_train[:20]
    players = new_game(trained)
    optimizers = {
        name: torch.optim.SGD(getattr(players, name).parameters(), 0.5) for name in ("generator", "discriminator")
    }
    d = copy.deepcopy(players.discriminator)
    t = game.rewards(trained, x, y, "enhance")
    first = game.discriminator_loss(d(x), t, "ls")
    descend(torch.optim.SGD(d.parameters(), 0.5), first)
    found = play_batch(players, optimizers, x, y)
    assert found["d_loss"].item() == pytest.approx(first.item(), rel=1e-5)
    assert found["g_loss"].item() == pytest.approx(game.generator_loss(d(x), "ls").item(), rel=1e-5)
    assert (found["penalty"], found["good"]) == (0, t.mean())
    assert torch.allclose(players.discriminator.head.weight, d.head.weight)
    assert torch.allclose(players.discriminator.head.weight.grad, d.head.weight.grad)  # nothing of the generator's loss


def test_the_discriminator_is_told_what_the_rules_say(trained, digits):
    """The unit that counts learns, and no other: the image's own class, or one drawn from the training's generator."""
    images = from_declaration.chosen_images(digits, 0, 12)
    for kind in ("told", "random"):
        torch.manual_seed(0)
        players = from_declaration.drawn(trained, small(5), Rules(discriminator=kind), digits, widths=(16,))
        playing = game.Playing(players, images, Recipe(batch=12, epochs=1))
        drawn = torch.randint(digits.classes, (12,), generator=torch.Generator().manual_seed(7))
        before = players.discriminator.head.bias.clone()
        playing.step(torch.arange(12), torch.Generator().manual_seed(7))
        moved = (players.discriminator.head.bias != before).nonzero()[:, 0].tolist()
        assert moved == sorted(set((images.y if kind == "told" else drawn).tolist()))


def test_a_killed_game_ends_with_the_weights_of_an_unbroken_one(trained, digits, tmp_path, monkeypatch, every_epoch):
    rules, recipe = Rules(d_train="full"), Recipe(batch=24, epochs=3, images=49, schedule="onecycle", augment="crop")
    target, encoder = Trained(model=trained, checkpoint="target"), Trained(model=small(5), checkpoint="encoder")

    def run(folder):
        monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / folder)
        return played(digits, target, encoder, rules, recipe, 0, CPU, first=10, widths=(16,))

    unbroken = run("unbroken")
    one, rounds = game.play_batch, []

    def dies(*arguments):
        if len(rounds) == 3:  # in the second epoch
            raise KeyboardInterrupt
        rounds.append(1)
        return one(*arguments)

    monkeypatch.setattr(game, "play_batch", dies)
    with pytest.raises(KeyboardInterrupt):
        run("broken")
    monkeypatch.setattr(game, "play_batch", one)
    assert len(list((tmp_path / "broken").glob("*.partial"))) == 1
    resumed = run("broken")
    assert not list((tmp_path / "broken").glob("*.partial"))
    monkeypatch.setattr(game, "play", lambda *_: pytest.fail("played again"))
    again = run("broken")  # from its checkpoint
    for other in (resumed, again):
        assert same(unbroken.model.state_dict(), other.model.state_dict())
        assert same(unbroken.discriminator.state_dict(), other.discriminator.state_dict())
        strip = [[{k: v for k, v in e.items() if k != "seconds"} for e in h] for h in (unbroken.history, other.history)]
        assert strip[0] == strip[1]
    assert not again.model.training and again.checkpoint.startswith("digits28-enhance-s0-")


# Networks


@pytest.mark.parametrize(
    ("name", "shape"),
    [("wrn10_2", (1, 28, 28)), ("resnet18", (3, 32, 32)), ("resnet18_imagenet", (3, 96, 96)), ("alexnet", (3, 32, 32))],
)
@pytest.mark.parametrize("limit", [None, 0.1])
def test_a_generator_starts_at_zero_with_the_shape_of_the_image(name, shape, limit):
    torch.manual_seed(0)
    generator = Generator(features(build(name, shape=shape, classes=10, width=0.125)), shape, (24, 16, 8, 8), limit)
    x = torch.rand(2, *shape)
    assert torch.equal(generator(x), torch.zeros_like(x))
    nn.init.normal_(generator.decoder[-1].weight)
    v = generator(x)
    assert v.shape == x.shape and v.abs().max() > 0 and (limit is None or v.abs().max() <= limit)
    assert not torch.equal(v[0], v[1])


def test_the_decoder_doubles_as_often_as_the_encoder_halves():
    with torch.device("meta"):
        encoder = features(build("resnet50", shape=(3, 224, 224), classes=10))
        generator = Generator(encoder, (3, 224, 224))
        assert generator(torch.zeros(2, 3, 224, 224)).shape == (2, 3, 224, 224)
    assert feature_map(encoder, (3, 224, 224)) == (2048, 7, 7)
    ups = [(m.in_channels, m.out_channels) for m in generator.decoder if isinstance(m, nn.ConvTranspose2d)]
    assert ups == [(2048, 512), (512, 256), (256, 128), (128, 64), (64, 3)]
    threes = [m for m in generator.decoder if isinstance(m, nn.Conv2d)]
    assert len(threes) == 8 and {m.kernel_size for m in threes} == {(3, 3)}


@pytest.mark.parametrize(
    ("name", "shape", "found"),
    [
        ("resnet50", (3, 32, 32), (2048, 1, 1)), ("resnet101", (1, 96, 96), (2048, 3, 3)),
        ("vgg16", (3, 224, 224), (512, 7, 7)), ("densenet169", (3, 64, 64), (1664, 2, 2)),
        ("resnet18", (3, 32, 32), (512, 4, 4)), ("wrn10_2", (3, 32, 32), (128, 8, 8)),
        ("densenet16", (1, 28, 28), (160, 7, 7)), ("nin", (3, 32, 32), (192, 8, 8)),
        ("smooth_cnn", (3, 32, 32), (192, 8, 8)), ("lenet5", (1, 28, 28), (16, 5, 5)),
    ],
)  # fmt: skip
def test_features_end_at_the_last_feature_map(name, shape, found):
    with torch.device("meta"):
        net = build(name, shape=shape, classes=7)
        assert feature_map(features(net), shape) == found
        assert net.eval()(torch.zeros(2, *shape)).shape == (2, 7)


def test_features_are_a_copy_that_leads_to_the_same_scores():
    net = build("densenet169", shape=(3, 64, 64), classes=5, width=0.125).eval()
    x = torch.rand(2, 3, 64, 64)
    body = features(net).eval()
    assert torch.allclose(net.body.classifier(body(x).mean((2, 3))), net(x), atol=1e-5)
    assert not {p.data_ptr() for p in body.parameters()} & {p.data_ptr() for p in net.parameters()}
    assert torch.equal(net.prepare[0](x[:, :1]), x[:, :1].repeat(1, 3, 1, 1))
    assert torch.equal(net.prepare[0](x), x)


def test_a_discriminator_sees_the_class_only_where_it_is_told():
    """On ten copies of one image, of which those of some classes are good, only one that is told can say which."""
    x, y = torch.rand(1, *GREY).expand(10, *GREY), torch.arange(10)
    t, losses = (y < 4).float(), {}
    for name, classes in (("blind", None), ("told", 10)):
        torch.manual_seed(0)
        d = Discriminator(features(small()), 16, classes=classes)
        h = d.features(x).mean((2, 3))
        units = d.head(h).gather(1, y[:, None])[:, 0] if classes else d.head(h)[:, 0]
        assert torch.equal(d(x, y), units)
        optimizer = torch.optim.Adam(d.head.parameters(), 0.1)
        for _ in range(200):
            descend(optimizer, game.discriminator_loss(d(x, y), t, "ls"))
        losses[name] = game.discriminator_loss(d(x, y), t, "ls").item()
    assert losses["blind"] == pytest.approx(0.4 * 0.6, abs=1e-3)  # the variance of t: it gives one answer for all
    assert losses["told"] < 0.01


def test_the_body_of_a_discriminator_stays_in_evaluation_mode():
    for train in ("head", "full"):
        judge = Discriminator(features(small()), 16, train).train()
        assert judge.training and judge.head.training and not any(m.training for m in judge.features.modules())
        assert {p.requires_grad for p in judge.features.parameters()} == {train == "full"}
        assert judge(torch.rand(3, *GREY)).shape == (3,)


def test_imagenet_weights_are_loaded_under_a_new_head(monkeypatch):
    import torchvision.models as zoo

    torch.manual_seed(0)
    theirs = zoo.densenet169()
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): t for key, t in theirs.state_dict().items()}
    assert old.keys() != theirs.state_dict().keys() and {modern(key) for key in old} == theirs.state_dict().keys()
    asked = []
    monkeypatch.setattr(type(zoo.DenseNet169_Weights.IMAGENET1K_V1), "get_state_dict",
                        lambda self, **options: asked.append((self.url, options)) or old)  # fmt: skip
    ours = with_imagenet_weights("densenet169", 7)
    assert same({k: v for k, v in ours.state_dict().items() if "classifier" not in k},
                {k: v for k, v in theirs.state_dict().items() if "classifier" not in k})  # fmt: skip
    assert ours.classifier.out_features == 7
    assert asked[0][1]["weights_only"] and "densenet169" in asked[0][0]
    assert torch.equal(with_imagenet_weights("densenet169", 1000).classifier.weight, theirs.classifier.weight)


# What it is compared with


@pytest.mark.parametrize(("p", "eps"), [(math.inf, 0.15), (2, 2.5)])
def test_one_perturbation_for_all_fools_more_than_noise(p, eps, trained, digits):
    x, x_test = digits.x_train[:100].float() / 255, digits.x_test.float() / 255
    v = universal(trained, x, eps=eps, p=p, passes=2)
    assert v.shape == GREY and not v.requires_grad
    assert torch.linalg.vector_norm(v, p) <= eps * (1 + 1e-6)
    assert torch.equal(v, universal(trained, x, eps=eps, p=p, passes=2))
    noise = random_sign(v, torch.Generator().manual_seed(0))
    noise = eps * noise / torch.linalg.vector_norm(noise, p)
    seen = trained(x_test).argmax(1)
    fooled, by_noise = ((trained((x_test + d).clamp(0, 1)).argmax(1) != seen).float().mean() for d in (v, noise))
    assert fooled > max(3 * by_noise, 0.1)


def test_a_universal_perturbation_stops_when_enough_are_fooled(trained, digits):
    x, y = digits.x_train[:40].float() / 255, digits.y_train[:40]
    assert not universal(trained, x, y, eps=0, passes=1).any()
    one = universal(trained, x, y, eps=0.3, passes=1)
    assert torch.equal(universal(trained, x, y, eps=0.3, passes=5, enough=0.0), one)


def test_perturbations_of_a_given_length(linear):
    model, x, y = linear
    v = torch.tensor([[3.0, 4], [0, 0], [1, 0]])
    assert torch.allclose(scaled_to(v, 10.0), torch.tensor([[6.0, 8], [0, 0], [10, 0]]))
    assert torch.allclose(scaled_to(v, torch.tensor([5.0, 1, 2])), torch.tensor([[3.0, 4], [0, 0], [2, 0]]))
    assert scaled_to(v, 4.0, each=False).norm(dim=1).tolist() == pytest.approx([10, 0, 2])
    moved = eha(model, x, y, length=0.4) - x
    assert torch.allclose(moved.flatten(1).norm(dim=1), torch.full((8,), 0.4), rtol=1e-4)
    assert torch.allclose(moved.abs(), torch.full_like(x, 0.1), atol=1e-6)  # sixteen values: FGSM of eps 0.1
    assert eha(model, x, y, length=40.0).max() == 1


# Bad input


def of_digits(**changes):
    """A call of ``played`` with one thing wrong."""

    def call(digits, digits32, trained):
        target, encoder = (Trained(model=net, checkpoint="x") for net in (trained, small(5)))
        given = {"data": digits, "target": target, "encoder": encoder, "rules": Rules(), "recipe": RECIPE, "seed": 0}
        for name, change in changes.items():
            given[name] = change(digits32) if callable(change) else change
        return played(**given, device=CPU)

    return call


def network(name, shape, **options):
    return build(name, shape=shape, classes=10, width=0.125, **options)


BAD = {
    "gamma": (lambda *_: Rules(gamma=-1), "gamma -1 is not a number >= 0"),
    "limit": (lambda *_: Rules(limit=-0.1), "limit -0.1 is not a number >= 0"),
    "discriminator": (lambda *_: Rules(discriminator="deaf"), "discriminator 'deaf' is unknown: choose from blind, told, random"),
    "problem": (lambda *_: Rules("enhanse"), "problem 'enhanse' is unknown: choose from enhance, attack; did you mean 'enhance'?"),
    "loss": (lambda *_: Rules(loss="wgan"), "loss 'wgan' is unknown: choose from ls, lr"),
    "l2": (lambda *_: Rules(l2="l1"), "l2 'l1' is unknown: choose from mean_square, norm"),
    "d_train": (lambda *_: Rules(d_train="none"), "d_train 'none' is unknown: choose from head, full"),
    "known": (lambda *_: Rules(known=1), "known 1 is neither true nor false"),
    "objective": (lambda *_: Rules(objective="direct", known=False),
                  "objective 'direct' needs known=True: it takes gradients through the target"),
    "classes": (of_digits(target=Trained(model=small(classes=7), checkpoint="x")),
                "the target tells 7 classes apart, but digits28 has 10: take a classifier of digits28"),
    "judge": (of_digits(judge=Trained(model=small(), checkpoint="x")),
              "known=True takes no judge, the network whose features the discriminator has in place of the target's"),
    "no judge": (of_digits(rules=Rules(known=False)),
                 "known=False needs a judge, the network whose features the discriminator has in place of the target's"),
    "judge's images": (of_digits(rules=Rules(known=False), judge=Trained(model=network("resnet18", (3, 32, 32)), checkpoint="x")),
                       "the judge cannot take images of 1x28x28: choose another network"),
    "first": (of_digits(first=1200), "first 1200 is too large: it must be at most 1198"),
    "augment": (of_digits(recipe=RECIPE.override({"augment": "distort"})),
                "recipe augment 'distort' is unknown: choose from none, crop, crop_flip"),
    "ratio": (lambda *_: Generator(features(network("resnet18", (1, 28, 28))), (1, 28, 28)),
              "image size 28x28 with 1 channels is not one the encoder can take, which must reduce it by a power of two "
              "(its feature map is 4x4): it can take 32, 64, 96, 128, 224"),
    "vanishes": (lambda *_: Generator(features(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), *[nn.MaxPool2d(2)] * 4, nn.Flatten(),
                                                             nn.Linear(4, 2))), (3, 8, 8)),
                 "image size 8x8 with 3 channels is not one the encoder can take, which must reduce it by a power of two "
                 "(nothing is left of the image): it can take 32, 64, 96, 128, 224"),
    "never": (lambda *_: Generator(features(network("lenet5", (1, 28, 28))), (1, 28, 28)),
              "image size 28x28 with 1 channels is not one the encoder can take, which must reduce it by a power of two "
              "(its feature map is 5x5): choose another encoder"),
    "widths": (lambda *_: Generator(features(network("resnet18_imagenet", (3, 32, 32))), (3, 32, 32), (8, 8)),
               "widths (8, 8) are too few: 4 blocks lead to 32x32"),
    "no map": (lambda *_: features(network("fcnn", (1, 28, 28))),
               "the classifier, Sequential, has no feature map that could be used: give a convolutional network of the "
               "catalogue, or torchvision's ResNet, VGG or DenseNet"),
    "size": (lambda *_: build("vgg16", shape=(1, 28, 28), classes=10),
             "image size 28 is too small for vgg16, which halves an image five times: it must be at least 32 pixels"),
    "channels": (lambda *_: build("resnet50", shape=(4, 32, 32), classes=10),
                 "images of 4 channels are not allowed for resnet50: it takes 1 (grey) or 3 (colour)"),
    "width": (lambda *_: network("resnet101", (3, 32, 32)),
              "width 0.125 is not allowed for resnet101: torchvision's network has one size, width 1"),
    "no classes": (lambda *_: build("vgg16", shape=(3, 32, 32), classes=1), "classes 1 is too small: it must be at least 2"),
    "weights": (lambda *_: with_imagenet_weights("resnet18", 10),
                "model 'resnet18' is unknown: choose from resnet50, resnet101, vgg16, densenet169; did you mean 'resnet101'?"),
    "uap norm": (lambda *_: universal(small().eval(), torch.rand(2, *GREY), eps=0.1, p=1),
                 "p 1.0 is not allowed for a projection: choose 2 or inf"),
    "uap passes": (lambda *_: universal(small(), torch.rand(2, *GREY), eps=0.1, passes=0),
                   "passes 0 is too small: it must be at least 1"),
    "uap enough": (lambda *_: universal(small(), torch.rand(2, *GREY), eps=0.1, enough=80),
                   "enough 80 is not allowed: it is a share of the images, from 0 to 1"),
    "uap eps": (lambda *_: universal(small(), torch.rand(2, *GREY), eps=-0.1),
                "eps -0.1 is not allowed: it must be finite and >= 0, in units of x in [0, 1]"),
    "length": (lambda *_: scaled_to(torch.ones(2, 3), -1.0), "length -1.0 is not a number >= 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_sentence(name, digits, digits32, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    call, sentence = BAD[name]
    with pytest.raises(InputError) as raised:
        call(digits, digits32, trained)
    assert str(raised.value) == sentence


def test_weights_that_cannot_be_downloaded_get_one_clear_sentence(tmp_path, monkeypatch):
    import torch.hub
    import torchvision.models as zoo

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = zoo.ResNet50_Weights.IMAGENET1K_V1.url
    file = f"{tmp_path}/hub/checkpoints/{url.rsplit('/', 1)[-1]}"

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(InputError) as raised:
        with_imagenet_weights("resnet50", 10)
    advice = f"put {url} at {file}, or train the network from scratch"
    assert str(raised.value) == f"the ImageNet weights of resnet50 cannot be downloaded (no network): {advice}"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True, exist_ok=True)
    (tmp_path / "hub" / "checkpoints" / file.rsplit("/", 1)[-1]).write_bytes(b"half of a file")
    with pytest.raises(InputError, match=rf"{file} is damaged \(.*\): delete it and try again$"):
        with_imagenet_weights("resnet50", 10)
