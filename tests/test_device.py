"""A rehearsal on a GPU that is only pretended, so that the first minute on a real one is not spent on a missing move."""

import inspect
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import torch

from inputgrad.compute import device as devices
from inputgrad.compute.attacks import (
    ATTACKS,
    STEPS,
    eha,
    pgd,
    pgd_restarts,
    regression,
    steps_to_fool,
    sweep,
    universal,
)
from inputgrad.study import EXHIBITS
from inputgrad.trials import runner
from inputgrad.trials.job import Job
from pretended import CPU, CUDA, Mismatch, gpu, where
from small import parameters, turned_down

# The pretence


def on_both():
    """Two by three numbers on the GPU, the same on the CPU, and one number on each."""
    far, near = torch.ones(2, 3, device=CUDA), torch.ones(2, 3)
    return far, near, far.sum(), near.sum()


ALLOWED = {
    "a number": lambda far, near, one, number: far + number,
    "a mask on the CPU": lambda far, near, one, number: far[near > 0],
    "a number set": lambda far, near, one, number: far.index_put_((torch.tensor([0]),), number),
    "a slice copied": lambda far, near, one, number: far.__setitem__(0, near[0]) or far,
    "copy_": lambda far, near, one, number: far.copy_(near),
    "to": lambda far, near, one, number: near.to(CUDA),
    "to the other's": lambda far, near, one, number: near.double().to(far),
    "as_tensor": lambda far, near, one, number: torch.as_tensor(near, device=far.device),
    "deepcopy": lambda far, near, one, number: torch.nn.Linear(3, 2).to(far.device)(far),
}  # fmt: skip

REFUSED = {
    "add": lambda far, near, one, number: far + near,
    "a number of the GPU's": lambda far, near, one, number: near + one,
    "in place": lambda far, near, one, number: number.add_(one),
    "cat": lambda far, near, one, number: torch.cat([far, near]),
    "stack": lambda far, near, one, number: torch.stack([one, number]),
    "where": lambda far, near, one, number: torch.where(near > 0, far, 0.0),
    "a mask on the GPU": lambda far, near, one, number: near[far > 0],
    "set by a mask": lambda far, near, one, number: far.__setitem__(far > 0, near.flatten()),
    "a layer": lambda far, near, one, number: torch.nn.Linear(3, 2)(far),
    "a loss": lambda far, near, one, number: torch.nn.functional.cross_entropy(far, near[:, 0].long()),
    "numpy": lambda far, near, one, number: far.numpy(),
    "an array": lambda far, near, one, number: np.asarray(far),
    "a generator": lambda far, near, one, number: torch.randn(2, device=CUDA, generator=torch.Generator()),
}  # fmt: skip


@pytest.mark.parametrize("what", ALLOWED)
def test_what_cuda_allows_stays_on_the_gpu(what):
    with gpu():
        out = ALLOWED[what](*on_both())
        assert (out.device, out.detach().view(-1).is_cuda, out.cpu().is_cuda) == (CUDA, True, False)


@pytest.mark.parametrize("what", REFUSED)
def test_what_cuda_refuses_is_refused(what):
    with gpu(), pytest.raises(Mismatch):
        REFUSED[what](*on_both())


def test_a_tensor_that_was_moved_leaves_the_other_where_it_was():
    with gpu():
        near = torch.ones(2)
        assert (near.to(CUDA).device, near.device, near.numpy().tolist()) == (CUDA, CPU, [1, 1])
        net = torch.nn.Linear(2, 1).to(CUDA)
        net(near.to(CUDA)).sum().backward()
        assert {where(net.weight), where(net.weight.grad), where(net.state_dict()["bias"])} == {CUDA}


# What the library computes


def drawn():
    return torch.Generator().manual_seed(0)


def moved_most(p):
    """The perturbation of one ball that moves a network's output most."""

    def perturbed(model, x, y, eps):
        step = eps * regression.direction(regression.jacobian(model, x), x, p, drawn())
        return regression.farther(model, x, step, model(x))

    return perturbed


COMPUTED = {
    **ATTACKS,
    "PGD from a random start": lambda *a, eps: pgd(*a, eps=eps, generator=drawn()),
    "PGD, restarts": lambda *a, eps: pgd_restarts(*a, eps=eps, steps=2, generator=drawn()),
    "steps to fool": lambda *a, eps: steps_to_fool(*a, eps=eps, steps=3, alpha=eps, generator=drawn()),
    "sweep": lambda *a, eps: torch.cat([z for *_, z in sweep(*a, attacks=STEPS, eps=[eps])]),
    "UAP": lambda *a, eps: universal(*a, eps=eps, passes=1, batch=4),
    "EHA": lambda *a, eps: eha(*a, length=eps),
    **{f"the output moved, p = {p}": moved_most(p) for p in regression.METHODS},
}  # fmt: skip


@pytest.mark.parametrize("name", COMPUTED)
def test_every_attack_stays_on_the_gpu_and_computes_the_same(name, convnet):
    model, x, y = convnet
    here = COMPUTED[name](model, x, y, eps=0.1).detach()
    with gpu():
        there = COMPUTED[name](model.to(CUDA), x.to(CUDA), y.to(CUDA), eps=0.1).detach()
        assert there.device == CUDA
    assert torch.equal(here, there)


RECIPE = {"epochs": 1, "images": 32, "batch": 16, "width": 0.125}


def least(exhibit):
    """What makes a run of an exhibit as short as it can be."""
    given = parameters(exhibit) | {"images": 4, "recipe": RECIPE}
    shorter = {name: {"epochs": 1, "images": 32} for name in ("pretraining", "game") if name in given}
    own = {
        "butterfly/enhancing": {"sizes": ["small"]},
        "butterfly/told": {"d_train": ["head"]},
        "butterfly/bounded": {"d_train": ["head"]},
        "butterfly/pretrained": {"discriminator": ["told"]},
        "butterfly/judges": {"bodies": ["encoder_head"]},
        "butterfly/attacking": {"sizes": ["small"]},
        "butterfly/curves": {"gammas_enhance": ["0"], "gammas_attack": ["0"], "loss": ["ls"]},
        "butterfly/longer": {"gammas_enhance": ["0"], "longer": 2},
        "butterfly/pictures": {"gammas_enhance": ["0"], "gammas_attack": ["0"]},
        "convex/fooling": {"eps": ["0.1"]},
        "convex/regression": {"models": ["regressor", "autoencoder", "segmenter"], "p": ["2", "inf"]},  # p = 1 is above
        "convex/recipes": {"ways": ["short"]},
        "selfgrad/audit": {"queries": 5, "defences": ["Self gradient"]},
        "selfgrad/schedule": {"longer": 2},
        "selfgrad/bilateral": {"queries": 5},
        "synthesis/attacks": {"datasets": ["digits28"], "models": ["fcnn"]},
    }
    return given | shorter | own.get(exhibit, {})


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_every_exhibit_runs_on_a_gpu(exhibit, workspace, monkeypatch):
    monkeypatch.setitem(devices.MATRIX, "cuda", 64)
    turned_down(monkeypatch)
    with gpu():
        run = runner.run(exhibit, **{**least(exhibit), "device": "cuda"})
    assert len(run.rows)
    assert {result.provenance["device"] for result in run.results} == {"cuda"}


# A move that is missing

MOVES = [
    ("compute.attacks.one_step", "randn(x.shape, generator=generator)", ".to(x)",
     lambda m, model, x, y: m.along(x, m.random_gauss(x, drawn()), 0.1)),
    ("compute.attacks.pgd", "rand(x.shape, generator=generator)", ".to(x)",
     lambda m, model, x, y: m.pgd(model, x, y, eps=0.1, generator=drawn())),
    ("compute.attacks.pgd", "full((len(x),), steps + 1", ", device=x.device",
     lambda m, model, x, y: m.steps_to_fool(model, x, y, eps=0.1, steps=1, alpha=0.1)),
    ("compute.gradients", "arange(f.shape[1] - 1", ", device=y.device", lambda m, model, x, y: m.margins(model, x, y)),
    ("trials.sign", ".permute(0, 1, 3, 4, 2)", ".cpu()", lambda m, model, x, y: m.as_pictures([x], x)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "after", "move", "call"), MOVES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_missing_move_is_noticed(name, after, move, call, convnet):
    """A module is run without one of its moves."""
    whole = import_module(f"inputgrad.{name}")
    source = inspect.getsource(whole)
    assert source.count(after + move) == 1
    module = ModuleType(whole.__name__)
    exec(compile(source.replace(after + move, after), whole.__file__, "exec"), vars(module))
    model, x, y = convnet
    with gpu():
        given = model.to(CUDA), x.to(CUDA), y.to(CUDA)
        call(whole, *given)
        with pytest.raises(Mismatch):
            call(module, *given)


def test_an_exhibit_whose_images_are_not_moved_is_noticed(workspace, monkeypatch):
    monkeypatch.setattr(Job, "test_images", lambda job: (job.data.x_test[:4].float() / 255, job.data.y_test[:4]))
    with gpu(), pytest.raises(Mismatch):
        runner.run("sign/labels", **{**least("sign/labels"), "device": "cuda"})


def test_what_the_bits_hang_on_is_noted():
    with gpu():
        assert set(devices.describe(CUDA)) == {"device", "name", "bfloat16", "cuda", "cudnn", "driver"}
