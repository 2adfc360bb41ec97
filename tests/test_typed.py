"""What a person can type for every parameter of every exhibit: refused in one sentence before anything starts, or run."""

import json
import math
import os
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inputgrad import study
from inputgrad.__main__ import main
from inputgrad.catalogue.datasets import DATASETS
from inputgrad.catalogue.models import MODELS
from inputgrad.ground.checks import InputError
from inputgrad.study import EXHIBITS

QUICKLY = settings(
    max_examples=int(os.environ.get("EXAMPLES", "20")), deadline=None, suppress_health_check=list(HealthCheck)
)
EVERY = [(exhibit, name) for exhibit in EXHIBITS for name in study.parameters(exhibit) if name != "profile"]
LISTS = ("datasets", "models", "seeds")
WHOLE = ("images", "size", "queries", "first")

text = st.text(max_size=12) | st.sampled_from(
    ["8/0", "1e400", "1e999999999", "nan", "-1", "~nobody/x", "\0", "a" * 300, "../x"]
)
numbers = st.integers() | st.integers(10**5000, 10**5001) | st.floats() | st.booleans()
anything = st.recursive(
    st.none() | text | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
no_list = st.none() | numbers | st.dictionaries(text, numbers, max_size=2)
no_number = (
    st.lists(text, max_size=2)
    | st.dictionaries(text, text, max_size=2)
    | st.sampled_from(["", "x", math.nan, math.inf, -math.inf])
)
FIELDS = st.sampled_from([
    {"lr": 0}, {"lr": -1}, {"lr": math.nan}, {"width": 0}, {"width": 1000}, {"momentum": 1}, {"momentum": 5}, {"batch": 1}, {"batch": 10**6},
    {"epochs": 0}, {"epochs": 1.5}, {"images": 1}, {"images": 10**9}, {"weight_decay": -1}, {"augment": "x"}, {"optimizer": None},
    {"schedule": []}, {"precision": "fp16"}, {"epoch": 1}, {1: 2}, {None: 1},
])  # fmt: skip


def bad(parameter):
    """Values that this parameter must refuse, by its declared kind: what its default is, and for None its name."""
    default, name = parameter.default, parameter.name
    if isinstance(default, bool):
        return st.sampled_from([0, 1, "yes", 0.5]) | no_number
    if isinstance(default, int) or name in WHOLE:
        return no_number | st.integers(max_value=-1) | st.integers(min_value=2**31) | st.floats() | st.booleans()
    if isinstance(default, float):
        return no_number | st.booleans()
    if isinstance(default, dict):
        return (st.integers() | st.lists(text, min_size=1) | FIELDS).filter(lambda value: value != {})
    if isinstance(default, list) or name in LISTS:
        items = st.sampled_from([[], [None], [True], [{}], [[]], ["no such"], [-5], [math.nan], ["1/0"]])
        return items | no_list.filter(lambda value: value is not None)
    return no_number | st.dictionaries(text, text) | st.lists(text, max_size=2) | st.booleans()


@pytest.mark.faults
@pytest.mark.parametrize(("exhibit", "name"), [(e, name) for e, name in EVERY if name != "device"])
def test_a_bad_value_is_refused_in_one_sentence_that_names_it(exhibit, name):
    """But of the device, which the runner checks (test_device)."""
    parameter = study.parameters(exhibit)[name]

    @QUICKLY
    @given(bad(parameter))
    def refused(value):
        if (name, value) in (("clipped", []), ("p", math.inf)):  # no method at all, and a norm: these are good
            return
        with pytest.raises(InputError) as found:
            study.trials(exhibit, **{name: value})
        said = str(found.value)
        assert "\n" not in said and len(said) < 1500
        assert (
            name.rstrip("s") in said
            or name.split("_")[-1].rstrip("s") in said
            or name in ("recipe", "game", "pretraining")
        )

    refused()


@pytest.mark.faults
@pytest.mark.parametrize(("exhibit", "name"), EVERY)
def test_any_value_is_refused_in_one_sentence_or_becomes_plain_data(exhibit, name):
    @QUICKLY
    @given(anything)
    def decided(value):
        try:
            trials = study.trials(exhibit, **{name: value})
        except InputError as err:
            assert "\n" not in str(err)
        else:
            for trial in trials:
                assert (
                    trial.settings == json.loads(json.dumps(trial.settings, allow_nan=False))
                    or name in LISTS
                    or trial.key
                )

    decided()


def good(parameter):
    """Values that this parameter accepts."""
    default = parameter.default
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, list) and len(default) > 1:
        return st.lists(st.sampled_from(default), min_size=1, unique=True)
    if isinstance(default, dict):
        return st.fixed_dictionaries(
            {}, optional={"lr": st.floats(1e-6, 1), "epochs": st.integers(1, 500), "weight_decay": st.floats(0, 1)}
        )
    return {
        "eps": st.none() | st.just(default), "images": st.integers(1, 500), "seeds": st.lists(st.integers(0, 2**31 - 1), min_size=1, unique=True),
        "queries": st.integers(1, 10**6), "steps": st.integers(1, 1000),
    }.get(parameter.name, st.just(default))  # fmt: skip


@pytest.mark.faults
@pytest.mark.parametrize(("exhibit", "name"), EVERY)
def test_a_good_value_is_accepted(exhibit, name):
    @QUICKLY
    @given(good(study.parameters(exhibit)[name]))
    def accepted(value):
        assert study.trials(exhibit, **{name: value})

    accepted()


SIGN, ENHANCING = "sign/adversarial", "butterfly/enhancing"
RELATIONS = [
    (SIGN, {"recipe": {"width": 0}}, "recipe width 0 is not a number above 0"),
    (SIGN, {"recipe": {"width": 1000}}, "recipe width 1000 is too large: it must be at most 100"),
    (SIGN, {"recipe": {"lr": 0}}, "recipe lr 0 is not a number above 0"),
    (SIGN, {"recipe": {"momentum": 1}}, "recipe momentum 1 is too large: it must be below 1"),
    (SIGN, {"recipe": {"batch": 1201}}, "recipe batch 1201 is too large: only 1200 images are there to train on"),
    (SIGN, {"recipe": {"batch": 65, "images": 64}}, "recipe batch 65 is too large: only 64 images are there to train on"),
    (SIGN, {"recipe": {"images": 1201}}, "recipe images 1201 is too large: only 1200 training images are in digits28"),
    (SIGN, {"images": 598}, "images 598 is too large: only 597 test images are in digits28"),
    (SIGN, {"pgd_images": 51}, "pgd_images 51 is too large: only 50 images are attacked"),
    (SIGN, {"data_root": "~nobody/x"}, "data_root '~nobody/x' is not a folder that can be read"),
    (SIGN, {"eps": ["1e400"]}, "eps '1e400' is not allowed"),
    ("convex/regression", {"bounded": 17}, "bounded 17 is too large: only 16 images are attacked"),
    ("sign/examples", {"columns": 51}, "columns 51 is too large: only 50 images are attacked"),
    ("synthesis/attacks", {"uap_images": 1201}, "uap_images 1201 is too large: only 1200 training images are in digits28"),
    ("convex/robustness", {"models": ["resnet50"], "datasets": ["digits28"]}, "image size 28 is too small for resnet50: it must be at least 32"),
    ("convex/robustness", {"models": ["lenet5_authors"], "datasets": ["cifar10"]}, "takes images of (1, 28, 28) of 10 classes: cifar10 has (3, 32, 32)"),
    ("convex/robustness", {"models": ["fcnn"], "datasets": ["stl10"]}, "image size 96 is too large for fcnn: it must be at most 32 pixels"),
    ("convex/robustness", {"models": ["efficientnet_lite0"], "datasets": ["digits28"]}, "image size 28 is too small for efficientnet_lite0"),
    (ENHANCING, {"models": ["resnet50"], "recipe": {"width": 2}}, "width 2.0 is not allowed for resnet50: the network has one size"),
    (ENHANCING, {"size": 40}, "image size 40 is not one that the encoder resnet18_imagenet can take: it must be a multiple of 32"),
    (ENHANCING, {"size": 100_000}, "size 100000 is too large: it must be at most 512"),
    (ENHANCING, {"external": "imagenet"}, "external 'imagenet' has weights of resnet50, resnet101, vgg16, densenet169, but not of"),
    (ENHANCING, {"external": "mnist"}, "external 'mnist' has images of 1 channels, but digits32 of 3"),
    (ENHANCING, {"external": "minst"}, "external 'minst' is unknown"),
    (ENHANCING, {"first": 1150}, "first 1150 leaves too few of the 1200 training images of digits32 for the game"),
    (ENHANCING, {"game": {"images": 1201}}, "game images 1201 is too large: only 1200 training images are in digits32"),
    (ENHANCING, {"game": {"batch": 101}}, "game batch 101 is too large: only 100 images are there to train on"),
    (ENHANCING, {"pretraining": {"images": 2401}}, "pretraining images 2401 is too large: only 2400 training images are in digits100"),
    (ENHANCING, {"game": {"augment": "distort"}}, "game augment 'distort' is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("exhibit", "given_", "sentence"), RELATIONS)
def test_what_does_not_go_together_is_refused_too(exhibit, given_, sentence):
    with pytest.raises(InputError) as found:
        study.trials(exhibit, **given_)
    assert sentence in str(found.value)


def test_a_data_set_of_ones_own_is_measured_without_loading_it(tiny):
    own = {"datasets": ["tiny"], "data_root": str(tiny)}
    with pytest.raises(InputError, match="images 21 is too large: only 20 test images are in tiny"):
        study.trials(SIGN, **own, images=21)
    with pytest.raises(InputError, match="image size 12 is too small for smooth_cnn: it must be at least 16 pixels"):
        study.trials("smooth/readings", **own)
    assert study.trials(SIGN, **own, images=20)


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_a_network_refuses_what_its_declaration_says_and_takes_the_rest():
    import torch

    from inputgrad.compute.models import build

    shapes = [*{source.shape for source in DATASETS.values()}, (1, 8, 8), (1, 15, 15), (3, 18, 18), (4, 32, 32)]
    packaged = {name: getattr(a.weights, "modules", ()) for name, a in MODELS.items()}
    there = {name: a for name, a in MODELS.items() if all(map(find_spec, packaged[name]))}
    for name, architecture in there.items():
        for shape in shapes:
            for width in (1.0, 2.0) if shape == (3, 32, 32) else (1.0,):
                try:
                    architecture.check(shape, width)
                except InputError:
                    with pytest.raises((InputError, RuntimeError)), torch.device("meta"):
                        build(name, shape=shape, classes=10, width=width).eval()(torch.empty(2, *shape))
                    continue
                with torch.device("meta"):
                    build(name, shape=shape, classes=10, width=width).eval()(torch.empty(2, *shape))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(
            ["-p", "recipe={width: 60}"],
            "width 60 makes alexnet too large: training it needs",
            marks=pytest.mark.faults,
        ),
        (["-o", "."], "output '.' is a folder: name a file, such as out.ipynb"),
        (["-o", ""], "output '.' is a folder"),
        (["-p", "images=" + "9" * 5000], "cannot be read; quote it"),
        (["-p", "eps=" + "[" * 2000], "cannot be read; quote it"),
    ],
)
def test_what_the_declaration_cannot_know_is_refused_before_a_kernel_starts(words, sentence, capsys):
    assert main(["run", SIGN, *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
