"""The attacks of other libraries, called as their users would, and judged alike: by what they asked within a budget.

Counting follows AttackBench (Cina et al. 2025): a wrapper around the network sees every image that goes forward and
every gradient that comes back, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from pyautoattack.autopgd_base import APGDAttack
from torch import Tensor, nn

from inputgrad.compute.device import kept_generators
from inputgrad.compute.gradients import frozen

from .pgd import pgd

INSIDE = 1e-6
"""By how much rounding may carry an image out of the ball or the box."""


class Counted(nn.Module):
    """A network that counts what it is asked, and notes which images some point within the budget fooled.

    A point counts that lies in the ball and the box, and is asked before more than ``budget`` gradients an image have
    come back. Only calls with all the images at once are looked at, so that each row is known to be of its image.

    Args:
        model: the network, in evaluation mode.
        x: the images that are attacked, ``(B, C, H, W)``; all of them are classified right.
        y: their labels, ``(B,)``.
        eps: radius of the l-infinity ball, in units of ``x``.
        budget: gradients an image.
    """

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, *, eps: float, budget: int) -> None:
        super().__init__()
        self.model, self.x, self.y, self.eps, self.budget = model, x, y, eps, budget
        self.fooled = torch.zeros_like(y, dtype=torch.bool)
        self.asked, self.returned = 0, 0

    def forward(self, z: Tensor) -> Tensor:
        """The network's logits, ``(B, K)``."""
        logits = self.model(z)
        self.asked += len(z)
        if self.returned <= self.budget * len(self.x):
            self.judge(z.detach(), logits.detach())
        if logits.requires_grad:
            logits.register_hook(self.came_back)
        return logits

    def came_back(self, gradient: Tensor) -> None:
        """Count the gradients of a batch."""
        self.returned += len(gradient)

    def judge(self, z: Tensor, logits: Tensor) -> None:
        """Note the images that these points fool."""
        if z.shape == self.x.shape:
            near = (z - self.x).abs().flatten(1).amax(1) <= self.eps + INSIDE
            flat = z.flatten(1)
            box = (flat.amin(1) >= -INSIDE) & (flat.amax(1) <= 1 + INSIDE)
            self.fooled |= near & box & (logits.argmax(1) != self.y)

    @property
    def gradients(self) -> float:
        """Gradients that came back, an image."""
        return self.returned / len(self.x)

    @property
    def forwards(self) -> float:
        """Forward passes, an image."""
        return self.asked / len(self.x)


Peer = Callable[[nn.Module, Tensor, Tensor, float, int, int], object]
"""``(model, x, y, eps, gradients, seed)``: runs an attack that asks for so many gradients an image."""


def step(eps: float, gradients: int) -> float:
    """The step size that every PGD here takes, that of :func:`pgd`."""
    return 2.5 * eps / gradients


def ours(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """PGD of this package from a random start."""
    return pgd(model, x, y, eps=eps, steps=gradients, generator=torch.Generator().manual_seed(seed))


def pyautoattack_apgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """APGD of its authors' library, on the cross-entropy; one gradient before its first step."""
    attack = APGDAttack(model, n_iter=gradients - 1, loss="ce", norm="Linf", eps=eps, seed=seed, device=x.device)
    return attack.perturb(x, y)


def foolbox_pgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """LinfPGD of foolbox."""
    from foolbox import PyTorchModel  # type: ignore[attr-defined]
    from foolbox.attacks import LinfPGD

    attack = LinfPGD(steps=gradients, abs_stepsize=step(eps, gradients), random_start=True)
    return attack(PyTorchModel(model, bounds=(0, 1), device=x.device), x, y, epsilons=eps)[1]


def art_classifier(model: nn.Module, x: Tensor) -> object:
    """The network as the adversarial-robustness-toolbox takes it."""
    from art.estimators.classification import PyTorchClassifier

    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    kind = "gpu" if x.device.type == "cuda" else "cpu"
    shape = tuple(x.shape[1:])
    return PyTorchClassifier(model, nn.CrossEntropyLoss(), shape, classes, clip_values=(0, 1), device_type=kind)


def art_pgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> np.ndarray:
    """ProjectedGradientDescent of the adversarial-robustness-toolbox."""
    from art.attacks.evasion import ProjectedGradientDescent

    attack = ProjectedGradientDescent(
        art_classifier(model, x), eps=eps, eps_step=step(eps, gradients), max_iter=gradients, num_random_init=1,
        batch_size=len(x), verbose=False,
    )  # fmt: skip
    return attack.generate(x.cpu().numpy(), y.cpu().numpy())


def art_apgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> np.ndarray:
    """AutoProjectedGradientDescent of the adversarial-robustness-toolbox, on the classifier's own loss."""
    from art.attacks.evasion import AutoProjectedGradientDescent

    attack = AutoProjectedGradientDescent(
        art_classifier(model, x), norm=np.inf, eps=eps, eps_step=eps / 4, max_iter=gradients, nb_random_init=1,
        batch_size=len(x), loss_type=None, verbose=False,
    )  # fmt: skip
    return attack.generate(x.cpu().numpy(), y.cpu().numpy())


def torchattacks_pgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """PGD of torchattacks."""
    import torchattacks

    return torchattacks.PGD(model, eps=eps, alpha=step(eps, gradients), steps=gradients, random_start=True)(x, y)


def torchattacks_apgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """APGD of torchattacks, on the cross-entropy."""
    import torchattacks

    return torchattacks.APGD(model, norm="Linf", eps=eps, steps=gradients - 1, n_restarts=1, seed=seed)(x, y)


def adv_lib_pgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """``pgd_linf`` of the adversarial-library."""
    from adv_lib.attacks import pgd_linf

    return pgd_linf(model, x, y, eps, steps=gradients, absolute_step_size=step(eps, gradients))


def adv_lib_apgd(model: nn.Module, x: Tensor, y: Tensor, eps: float, gradients: int, seed: int) -> Tensor:
    """``apgd`` of the adversarial-library, on the cross-entropy."""
    from adv_lib.attacks import apgd

    return apgd(model, x, y, eps, float("inf"), n_iter=gradients - 1, loss_function="ce")


OURS: dict[str, Peer] = {"PGD of this study": ours, "APGD of pyautoattack": pyautoattack_apgd}
"""What stands beside them at the same budget."""

ATTACKS_OF: dict[str, dict[str, Peer]] = {
    "foolbox": {"PGD of foolbox": foolbox_pgd},
    "art": {"PGD of art": art_pgd, "APGD of art": art_apgd},
    "torchattacks": {"PGD of torchattacks": torchattacks_pgd, "APGD of torchattacks": torchattacks_apgd},
    "adv-lib": {"PGD of adv-lib": adv_lib_pgd, "APGD of adv-lib": adv_lib_apgd},
}
"""The attacks of each library by the names that tables have for them."""


@dataclass(frozen=True)
class Asked:
    """What came of an attack: which images it fooled within its budget, ``(B,)`` bool, and what it asked an image."""

    fooled: Tensor
    gradients: float
    forwards: float


def asked(attack: Peer, model: nn.Module, x: Tensor, y: Tensor, *, eps: float, gradients: int, seed: int) -> Asked:
    """Run an attack on images that are classified right; the global generator is put back as it was.

    Args:
        attack: of :data:`OURS` or :data:`ATTACKS_OF`.
        model, x, y, eps: as in :class:`Counted`.
        gradients: an image, the budget.
        seed: of random starts.
    """
    counted = Counted(model, x, y, eps=eps, budget=gradients).eval()
    numpy_state = np.random.get_state()
    with kept_generators(x.device), frozen(model):
        torch.manual_seed(seed)
        np.random.seed(seed)
        found = attack(counted, x, y, eps, gradients, seed)
    np.random.set_state(numpy_state)
    cost = counted.gradients, counted.forwards
    with torch.no_grad():  # what it returns, which it may not have asked about
        z = torch.as_tensor(np.asarray(found) if isinstance(found, np.ndarray) else found).to(x)
        counted(z)
    return Asked(counted.fooled, *cost)
