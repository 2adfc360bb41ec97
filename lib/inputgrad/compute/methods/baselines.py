"""What the Smooth Gradient Method is compared with: FGSM training, and a penalty on the input gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.choices import BASELINES
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.norms import norm
from inputgrad.compute.training.steps import autocast, descend
from inputgrad.ground import checks

from .distortion import augment
from .hardening import CONTROL, Hardened, Hardening, Sets, augmentation, gradient_now, learned

PASSES = 2
"""How often a baseline takes the gradient of an image in one step: once for the input and once for the weights."""


@dataclass(frozen=True)
class Baseline:
    """One way to harden a network, of a given strength.

    Attributes:
        method: ``"FGSM training"`` steps each image by ``strength`` along the sign of its gradient, in evaluation mode,
            and trains on that alone; ``"gradient penalty"`` adds ``strength`` times the squared l2 norm of each image's
            own input gradient to its loss.
        strength: of the step, in units of the network's input; or the factor of the penalty.

    Raises:
        InputError: an unknown method, or a strength that is not above 0.
    """

    method: str
    strength: float

    def __post_init__(self) -> None:
        checks.one_of("baseline", self.method, BASELINES)
        checks.positive("strength", self.strength)


def of_equal_cost(recipe: Recipe) -> Recipe:
    """The recipe with as many gradients of images as one pass a step would take: half of the epochs, at least one."""
    return replace(recipe, epochs=max(1, recipe.epochs // PASSES))


def trained_with(
    data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device, baseline: Baseline
) -> Hardened:
    """The network of a baseline, trained by ``recipe`` from the control's initialisation; as ``hardening.hardened``."""
    told = {"baseline": [baseline.method, baseline.strength]}
    return learned(
        data, model, recipe, seed, device, told, lambda net, sets: AgainstSteps(net, sets, recipe, seed, baseline)
    )


class AgainstSteps(Hardening):
    r"""Training of a baseline on images that stay.

    FGSM training: :math:`E = \mathrm{mean}\, L(x + \varepsilon\, \mathrm{sign}(\nabla_x L(x)))`. Gradient penalty:
    :math:`E = \mathrm{mean}\,(L(x) + \mu \lVert\nabla_x L(x)\rVert_2^2)`, which for a small
    :math:`\mu = \bar\lambda` is to first order the loss of an image moved once:
    :math:`L(x + \bar\lambda\nabla_x L(x))`.
    """

    def __init__(self, net: nn.Module, sets: Sets, recipe: Recipe, seed: int, baseline: Baseline) -> None:
        super().__init__(net, sets, recipe, seed, CONTROL)
        self.baseline = baseline

    def step(self, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One step of the weights; the sum of the losses that they went down."""
        x, y, strength = self.clean[chosen], self.y[chosen], self.baseline.strength
        penalised = self.baseline.method == "gradient penalty"
        if not penalised:
            x = x + strength * gradient_now(self.net, x, y, "sum").sign()
        x = x.detach().requires_grad_(penalised)
        with autocast(x.device, self.recipe.precision):
            logits = self.net(augment(x, augmentation(self.recipe, x), generator))
            own = F.cross_entropy(logits, y, reduction="none")
        if penalised:
            (g,) = torch.autograd.grad(own.sum(), x, create_graph=True)
            own = own + strength * norm(g, 2).square()
        loss = own.mean()
        descend(self.optimizers["net"], loss)
        return {"loss": loss.detach() * len(chosen)}
