"""The networks of `butterfly`: classifiers, encoders, and the external data that they are pretrained on."""

from __future__ import annotations

from functools import cache, lru_cache

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import data
from inputgrad.compute.data import Splits
from inputgrad.compute.models.imagenet import NAMES as WITH_WEIGHTS
from inputgrad.compute.models.imagenet import torchvision_net, with_imagenet_weights
from inputgrad.compute.training.networks import Trained, trained, untrained
from inputgrad.ground.checks import InputError
from inputgrad.study.butterfly import FINE_TUNED, SCRATCH
from inputgrad.study.butterfly_scales import external_of

from .job import Job

ANOTHER = 1000
"""Added to the seed for the second network that perturbations are tried on, and for the pretraining of [B]."""


@lru_cache(maxsize=1)
def loaded(name: str, root: str | None, size: int) -> Splits:
    """A second data set at the size of the first."""
    return data.load(name, root=root, size=size)


def external(job: Job) -> str:
    """The data set that encoders are pretrained on, ``"imagenet"`` or ``"none"``.

    Where it is the study that would have ImageNet's weights, and they are not to be had, nothing is pretrained; the
    reading of every row says so.
    """
    s = job.trial.settings
    own = external_of(job.trial.dataset, s["external"])
    wanted = (job.trial.model, *(name for name, _ in s["encoders"].values()))
    return "none" if own == "imagenet" and s["external"] is None and not obtained(wanted) else own


@cache
def obtained(names: tuple[str, ...]) -> bool:
    """Are ImageNet's weights of these networks at hand, or can they be downloaded? Says why not, once."""
    try:
        for name in names:
            with_imagenet_weights(name, classes=1000)
    except InputError as err:
        print(f"{err}. Nothing is pretrained: this is a run with external='none'.")
        return False
    return True


def pretrained(job: Job, model: str, width: float, seed: int) -> Trained:
    """A network that has learned from the external data.

    Raises:
        InputError: external images of another number of channels, or ImageNet's weights of a network that has none.
    """
    name, shape = external(job), job.data.shape
    if name == "none":
        return untrained(model, shape=shape, classes=job.data.classes, width=width, seed=seed, device=job.device)
    if name == "imagenet":
        if model not in WITH_WEIGHTS:
            raise InputError(
                f"external 'imagenet' has weights of {', '.join(WITH_WEIGHTS)}, but not of {model}: name a data set "
                "in its place, or 'none'"
            )
        net = torchvision_net(model, shape=shape, classes=1000, width=width, weights="imagenet")
        return Trained(model=net.to(job.device).eval(), checkpoint=f"imagenet-{model}")
    images = loaded(name, job.root, shape[-1])
    if images.shape != shape:
        raise InputError(
            f"external {name!r} has images of {images.shape[0]} channels, but {job.trial.dataset} of {shape[0]}: name "
            "another data set, or 'none'"
        )
    recipe = Recipe(**{**job.trial.settings["pretraining"], "width": width})
    return trained(images, model, recipe, seed, job.device)


def encoder(job: Job, size: str) -> Trained:
    """The network whose features a generator of this size starts from."""
    model, width = job.trial.settings["encoders"][size]
    return pretrained(job, model, width, job.trial.seed)


def suffix(job: Job, size: str) -> str:
    """What the paper puts behind *Proposed*: the depth of the encoder; ours are small and large."""
    model, _ = job.trial.settings["encoders"][size]
    return {"resnet50": "50", "resnet101": "101"}.get(model, size)


def from_scratch(job: Job, size: str) -> Trained:
    """An encoder of this size that has learned nothing."""
    model, width = job.trial.settings["encoders"][size]
    shape, classes = job.data.shape, job.data.classes
    return untrained(model, shape=shape, classes=classes, width=width, seed=job.trial.seed, device=job.device)


def recipe_of(job: Job) -> Recipe:
    """How the trial's classifier is trained."""
    return Recipe(**job.trial.settings["recipe"])


def fine_tuned(job: Job) -> Trained:
    """[B]: the trial's classifier, but its training on the target data begins where the external data left it.

    It is pretrained with a seed of its own, so that no encoder or judge begins at the weights it began at.
    """
    recipe = recipe_of(job)
    start = pretrained(job, job.trial.model, recipe.width, job.trial.seed + ANOTHER)
    return trained(job.data, job.trial.model, recipe, job.trial.seed, job.device, start=start)


def victim(job: Job) -> tuple[str, Trained]:
    """The classifier that is attacked: [B], or [A] where nothing is pretrained; with its name."""
    return (SCRATCH, job.trained) if external(job) == "none" else (FINE_TUNED, fine_tuned(job))
