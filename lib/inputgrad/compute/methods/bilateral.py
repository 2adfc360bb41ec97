"""Bilateral adversarial training: images and labels are perturbed (Wang, Zhang 2019), which `selfgrad` quotes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.compute.attacks.pgd import EPS, drawn_within
from inputgrad.compute.gradients import Classifier, input_gradient, rivals_alone
from inputgrad.compute.norms import UNIT, into

from .defences import Defence

BETA, GAMMA = 9.0, 0.01
"""How many times the largest of the other classes the true one has in a perturbed label, and what keeps the most
confusing class above zero there: the defaults of the authors' script."""


@dataclass(frozen=True)
class Bilateral(Defence):
    """Training on one step towards the most confusing class, and on labels that give that class the smallest part.

    Classes and labels are those that the network gives the image before the step, in evaluation mode, as does the
    step's gradient.
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


def step_towards(model: Classifier, x: Tensor, target: Tensor, generator: torch.Generator, eps: float = EPS) -> Tensor:
    """One signed step of length ``eps`` down the loss at ``target``, from a random point of each image's ball.

    Args:
        model: ``x`` in [0, 1], ``(B, C, H, W)``, to logits.
        target: the classes to go to, ``(B,)``.
        generator: draws the point; of the CPU.
        eps: radius of the ball in l-infinity, in units of ``x``.

    Returns:
        Images inside ball and [0, 1], shaped like ``x``.
    """
    low, high = into(x - eps, UNIT), into(x + eps, UNIT)
    start = (x + drawn_within(x, eps, generator)).clamp(low, high)
    return (start - eps * input_gradient(model, start, target).sign()).clamp(low, high)


def adversarial_labels(logits: Tensor, y: Tensor, beta: float = BETA, gamma: float = GAMMA) -> Tensor:
    r"""The labels that Wang and Zhang (2019, Sec. 4.1) train on: probabilities of the classes, ``(B, K)``.

    With :math:`v_k = -\log p_k` the loss at each class, the wrong classes share a mass in proportion to
    :math:`v_k - \min_{j \ne y} v_j + \gamma`: least goes to the most confusing one. The true class keeps the rest,
    which is ``beta`` times what the largest of them gets.
    """
    wrong = F.one_hot(y, logits.shape[1]) == 0
    loss = -logits.log_softmax(1)
    least = loss.masked_fill(~wrong, torch.inf).amin(1, keepdim=True)
    weight = (loss - least + gamma) * wrong
    share = weight / weight.sum(1, keepdim=True)
    taken = 1 / (1 + beta * share.amax(1, keepdim=True))
    return torch.where(wrong, taken * share, 1 - taken)
