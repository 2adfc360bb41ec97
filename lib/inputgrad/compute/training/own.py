"""Networks of the reader's own: built as their names say, given their weights, checked on one batch, never trained."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from inputgrad.catalogue.models import architecture
from inputgrad.catalogue.own import Own, absolute, fingerprint, reason
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.metrics import predict
from inputgrad.compute.models import build
from inputgrad.compute.models.prepared import Prepared, Shift
from inputgrad.ground.checks import InputError, one_of
from inputgrad.ground.paths import data_root

from .checkpoints import EXTRA, OPTIMIZER
from .networks import Trained

BATCH = 8
"""Images of the test set that a network is checked on."""

TOLERANCE = 1e-3
"""Share of the largest logit by which two calls on the same image may differ: rounding, and no more."""


def owned(data: Splits, model: str, device: torch.device, root: str | None = None) -> Trained:
    """The reader's network in evaluation mode, once it has been found to be a classifier of these data.

    Args:
        data: what it is to tell apart.
        model: its name, of a kind that :func:`inputgrad.catalogue.own.parse` knows.
        device: where it is to compute.
        root: the data folder, in which RobustBench keeps its weights.

    Raises:
        InputError: it cannot be built or loaded, or is no such classifier; the sentence says what is wrong.
    """
    own = architecture(model).own
    if own is None:
        raise InputError(f"model {model!r} is one of the catalogue, and no network of the reader's own")
    net = made(own, data, root)
    if own.weights:
        give(net, read(own), own)
    net = net.to(device).float().eval()
    x = data.x_test[:BATCH].to(device).float() / 255
    check(net, x, data.classes, f"{own.label} on {data.name}")
    origin = {"source": own.label, "sha256": fingerprint(own), "modified": False, "whose": "you"}
    return Trained(model=net, checkpoint=Path(own.weights).name, origin=origin)


# Building


def made(own: Own, data: Splits, root: str | None) -> nn.Module:
    """The network as its name says, before it is given the reader's weights."""
    if own.kind == "file":
        return from_file(own, data)
    if own.kind == "timm":
        return from_timm(own, data)
    if own.kind == "robustbench":
        return from_robustbench(own, data, root)
    return build(own.source, shape=data.shape, classes=data.classes)


def from_file(own: Own, data: Splits) -> nn.Module:
    """What the reader's file has by that name: a network, or what is called to build one.

    It is called without arguments, but for ``shape``, ``(C, H, W)``, and ``classes`` where it names these. The file is
    run as the reader's own code, with its folder on the path.

    Raises:
        InputError: the file or the function fails, or what it gives is no ``torch.nn.Module``.
    """
    path = Path(own.source).resolve()
    with importing(path.parent):
        with told(f"{path.name} could not be run"):
            spec = spec_from_file_location(f"inputgrad_own_{path.stem}", path)
            assert spec is not None and spec.loader is not None
            module = sys.modules[spec.name] = module_from_spec(spec)  # where its dataclasses look for it
            spec.loader.exec_module(module)
        found = getattr(module, own.function, None)
        if callable(found) and not isinstance(found, nn.Module):
            with told(f"{own.label} could not build a network"):
                found = found(**asked_for(found, shape=data.shape, classes=data.classes))
    if not isinstance(found, nn.Module):
        raise InputError(f"{own.label} gives a {type(found).__name__}: it must give a torch.nn.Module")
    return found


def asked_for(function: Callable, **offered: Any) -> dict[str, Any]:
    """Those of the arguments offered that a function names."""
    return {name: value for name, value in offered.items() if name in inspect.signature(function).parameters}


@contextmanager
def importing(folder: Path) -> Iterator[None]:
    """Inside the block modules are looked for in this folder first; those of it are forgotten after the block.

    A module of the same name in another reader's folder is thus another module. What is installed somewhere below the
    folder, as in a checkout's ``.venv``, is none of its modules and stays: much cannot be imported twice.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        installed = [place for place in map(Path, sys.path) if folder in place.resolve().parents]
        for name in set(sys.modules) - before:
            file = Path(getattr(sys.modules[name], "__file__", None) or "/").resolve()
            if file.is_relative_to(folder) and not any(file.is_relative_to(place.resolve()) for place in installed):
                del sys.modules[name]


@contextmanager
def told(what: str) -> Iterator[None]:
    """Whatever fails in the block is told in one sentence that begins with ``what``.

    Raises:
        InputError: something failed that is not told so yet.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as err:
        raise InputError(f"{what} ({type(err).__name__}: {reason(err)})") from err


def from_timm(own: Own, data: Splits) -> nn.Module:
    """A network of timm behind its own normalisation: with the weights timm has for it, or for the reader's with none.

    Raises:
        InputError: timm knows none of that name, or its weights could not be fetched.
    """
    timm = package(own)
    if ":" not in own.source:  # a hub's own names are not listed
        one_of("network of timm", own.source.split(".")[0], timm.list_models())
    with told(f"timm could not build {own.source!r}"):
        if not own.weights:
            try:
                net = timm.create_model(own.source, pretrained=True)
            except (OSError, RuntimeError) as err:
                raise InputError(
                    f"timm could not fetch the weights of {own.source!r} ({reason(err)}): download them elsewhere, "
                    f"and name the file, as timm:{own.source}@FILE.safetensors"
                ) from err
        else:
            net = timm.create_model(own.source, pretrained=False, num_classes=data.classes, in_chans=data.shape[0])
        settings = timm.data.resolve_data_config({}, model=net)
    mean, std = (tuple(settings[name])[: data.shape[0]] for name in ("mean", "std"))
    return Prepared(Shift(mean, tuple(1 / s for s in std)), net)


THREATS = ("Linf", "L2", "corruptions")
"""The kinds of attack that RobustBench sorts its networks by; ``robustbench:L2/NAME`` names one that is not Linf."""


def from_robustbench(own: Own, data: Splits, root: str | None) -> nn.Module:
    """A network of RobustBench, which brings its own normalisation, from its weights in the data folder or its hub.

    Raises:
        InputError: it has none of that name for these data, or its weights are not there and could not be fetched.
    """
    load_model = package(own, "robustbench.utils").load_model
    threat, _, name = own.source.rpartition("/")
    threat = threat or "Linf"
    if threat not in THREATS:
        raise InputError(f"model {own.name!r}: RobustBench has {', '.join(THREATS)}, as in robustbench:L2/NAME")
    folder = Path(absolute(str(data_root(root)))) / "robustbench"
    place = folder / data.name / threat / f"{name}.pt"
    try:
        return load_model(name, str(folder), data.name, threat)
    except (KeyError, ValueError) as err:
        raise InputError(
            f"RobustBench has no network {name!r} for {data.name} and {threat} ({type(err).__name__}: {reason(err)})"
        ) from err
    except Exception as err:
        raise InputError(
            f"RobustBench could not load {name!r} ({type(err).__name__}: {reason(err)}): its file of weights is looked "
            f"for as {place}; put it there"
        ) from err


def package(own: Own, module: str = "") -> Any:
    """The package that a network is taken from.

    Raises:
        InputError: it cannot be imported.
    """
    with told(f"model {own.name!r} needs {own.kind}, which could not be imported"):
        return import_module(module or own.kind)


# Weights


def read(own: Own) -> dict[str, Tensor]:
    """The tensors in a reader's file by name; no code in it is run.

    Raises:
        InputError: it cannot be read, or has none.
    """
    path = Path(own.weights)
    try:
        if path.suffix == ".safetensors":
            return unwrapped(load_file(path), path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, EOFError) as err:
        raise InputError(f"weights {path} could not be read ({reason(err)})") from err
    except Exception as err:  # pickle's, of what is more than tensors, and torch's of what is no archive
        raise InputError(
            f"weights {path} could not be read as tensors alone ({type(err).__name__}): save them with "
            "torch.save(net.state_dict(), FILE)"
        ) from err
    return unwrapped(found, path)


WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
"""Under which names training scripts keep the weights beside other things."""


def unwrapped(found: object, path: Path) -> dict[str, Tensor]:
    """The weights among what a file holds.

    Raises:
        InputError: it holds none.
    """
    if isinstance(found, Mapping):
        for name in WRAPPERS:
            if isinstance(found.get(name), Mapping):
                found = found[name]
                break
    tensors = {k: t for k, t in found.items() if isinstance(t, Tensor)} if isinstance(found, Mapping) else {}
    if not tensors:
        raise InputError(f"weights {path} holds no tensors by name: save them with torch.save(net.state_dict(), FILE)")
    return tensors


def give(net: nn.Module, tensors: Mapping[str, Tensor], own: Own) -> None:
    """Give a network these weights: all of them, by their names, with or without ``DataParallel``'s prefix.

    Raises:
        InputError: they are those of another network.
    """
    inner = net.body if isinstance(net, Prepared) and own.kind == "timm" else net
    wanted = inner.state_dict()
    given = {name if name in wanted else name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    given = {k: t for k, t in given.items() if k in wanted or not k.startswith((EXTRA, OPTIMIZER))}
    try:
        inner.load_state_dict(given)
    except RuntimeError as err:
        raise InputError(f"weights {own.weights} are not those of {own.label} ({reason(err)})") from err


# One batch


def check(net: Classifier, x: Tensor, classes: int, called: str) -> None:
    """Refuse what is no classifier in the sense of every attack here: logits out, a gradient back, the same twice.

    Args:
        net: the network, in evaluation mode.
        x: some images in [0, 1], ``(B, C, H, W)``.
        classes: how many the data have.
        called: the network and the data, as a sentence names them.

    Raises:
        InputError: the first thing that is wrong, and what to do.
    """
    f = logits_of(net, x, classes, called)
    if bool((f >= 0).all()) and torch.allclose(f.sum(1), torch.ones_like(f[:, 0]), atol=1e-4):
        raise InputError(f"{called} gives probabilities, rows >= 0 that sum to 1: leave the softmax out, give logits")
    largest = float(f.abs().max())
    for part, what in ((x, "the second time"), (x[:1], "alone than in a batch")):
        apart = float((logits_of(net, part, classes, called) - f[: len(part)]).abs().max())
        if not apart <= TOLERANCE * largest:
            raise InputError(
                f"{called} gives other logits {what} (by {apart:.2g}, the largest is {largest:.2g}): in evaluation "
                "mode nothing may be drawn, nor taken from the batch"
            )
    check_gradient(net, x, f.argmax(1), called)


def logits_of(net: Classifier, x: Tensor, classes: int, called: str) -> Tensor:
    """What a network gives for ``x``, ``(B, classes)``; the arguments are those of :func:`check`.

    Raises:
        InputError: it cannot be called on ``x``, or what it gives are no logits.
    """
    size = f"a batch of shape {tuple(x.shape)}"
    with told(f"{called} could not be called on {size} in [0, 1]"):
        f = predict(net, x)
    wanted = (len(x), classes)
    if not isinstance(f, Tensor) or tuple(f.shape) != wanted:
        found = f"shape {tuple(f.shape)}" if isinstance(f, Tensor) else f"a {type(f).__name__}"
        raise InputError(f"{called} gives {found} for {size}: it must give logits, {wanted}, one for each class")
    if not f.is_floating_point() or not f.isfinite().all():
        raise InputError(f"{called} gives values that are no finite numbers: it must give logits")
    return f


def check_gradient(net: Classifier, x: Tensor, y: Tensor, called: str) -> None:
    """Refuse a network without a gradient with respect to ``x``, or with one that is nothing.

    Raises:
        InputError: naming which.
    """
    with told(f"{called} has no gradient with respect to x; is something in it done in numpy, or under no_grad?"):
        g = input_gradient(net, x, y, loss="nll_logits")
    if not g.isfinite().all():
        raise InputError(f"{called} has a gradient with respect to x that is not finite")
    if not g.any():
        raise InputError(
            f"{called} has a gradient with respect to x that is zero for every image: no attack that follows it can "
            "say anything; is x rounded, or are the logits constant?"
        )
