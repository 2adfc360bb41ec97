"""Bilateral adversarial training: images and labels are perturbed (Wang, Zhang 2019), which `selfgrad` quotes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inputgrad.compute.attacks.pgd import EPS, drawn_within
from inputgrad.compute.gradients import Classifier, input_gradient, rivals_alone
from inputgrad.compute.norms import UNIT, into

from .defences import Defence

BETA, GAMMA = 9.0, 0.01
"""How many times the largest of the other classes the true one has in a perturbed label, and what keeps the most
confusing class above zero there: as in the authors' script for CIFAR-10."""


@dataclass(frozen=True)
class Bilateral(Defence):
    """Training on one step towards the most confusing class, and on labels that give that class the smallest part.

    The class and the label are of the image before the step; both, and the step, are of the network in evaluation mode.

    Attributes:
        beta, gamma: as in :func:`adversarial_labels`.
    """

    steps: int = 1
    beta: float = BETA
    gamma: float = GAMMA

    def perturbed(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch of training images, each one step towards the class it is most easily taken for, and soft labels."""
        net.eval()
        with torch.no_grad():
            logits = net(x).float()
        x_adv = step_towards(net, x, most_confusing(logits, y), generator)
        net.train()
        return x_adv, adversarial_labels(logits, y, self.beta, self.gamma)


def most_confusing(logits: Tensor, y: Tensor) -> Tensor:
    """The likeliest of the wrong classes, ``(B,)``."""
    return rivals_alone(logits, y).argmax(1)


def step_towards(model: Classifier, x: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
    """One signed step of length ``EPS`` down the loss at ``target``, from a random point of each image's ball.

    Args:
        model: ``x`` in [0, 1], ``(B, C, H, W)``, to logits.
        target: the classes to go to, ``(B,)``.
        generator: draws the point; of the CPU.

    Returns:
        Images inside the l-infinity ball of radius ``EPS`` and [0, 1], shaped like ``x``.
    """
    low, high = into(x - EPS, UNIT), into(x + EPS, UNIT)
    start = (x + drawn_within(x, EPS, generator)).clamp(low, high)
    return (start - EPS * input_gradient(model, start, target).sign()).clamp(low, high)


def adversarial_labels(logits: Tensor, y: Tensor, beta: float = BETA, gamma: float = GAMMA) -> Tensor:
    r"""The labels of (Wang, Zhang 2019, Sec. 4.1): probabilities of the classes, ``(B, K)``.

    The wrong classes share in proportion to :math:`v_k - v_{k^*} + \gamma`, with :math:`v_k = -\log p_k` and
    :math:`k^*` the most confusing of them, which gets least. The true class has ``beta`` times the largest of them, as
    in the authors' script. Of the logits differences alone matter: :math:`v_k - v_{k^*} = z_{k^*} - z_k`.
    """
    best = rivals_alone(logits, y).amax(1, keepdim=True)
    part = (best - logits + gamma).scatter(1, y[:, None], 0.0)
    own = beta * part.amax(1, keepdim=True)
    return part.scatter(1, y[:, None], own) / (part.sum(1, keepdim=True) + own)
