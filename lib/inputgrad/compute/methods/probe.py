"""What a frozen network's features are worth: a classifier fitted on them to the minimum."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def probe(
    h: Tensor, y: Tensor, classes: int, *, hidden: int = 0, decay: float = 1e-3, steps: int = 200, seed: int = 0
) -> nn.Module:
    """A classifier of standardised features, fitted by L-BFGS to least cross-entropy plus decay.

    Args:
        h: features, ``(N, F)``.
        y: labels, ``(N,)``.
        classes: number of classes.
        hidden: units of a hidden ReLU layer; 0 for a linear classifier, whose minimum is the only one.
        decay: weight of the mean square of each layer's rows of weights.
        steps: of L-BFGS, at most.
        seed: of the first weights.

    Returns:
        ``(B, F)`` -> logits ``(B, classes)``.
    """
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.Linear(hidden or h.shape[1], classes)]
    if hidden:
        layers = [nn.Linear(h.shape[1], hidden), nn.ReLU(), *layers]
    net = nn.Sequential(Standardised(h), *layers).to(h.device)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        rows = [layer.weight.square().sum(1).mean() for layer in layers if isinstance(layer, nn.Linear)]
        loss = F.cross_entropy(net(h), y) + decay * sum(rows)
        loss.backward()
        return loss

    optimizer.step(closure)
    return net.eval()


class Standardised(nn.Module):
    """Features with the mean and the scale of those it is made from, ``(N, F)``, taken out."""

    mean: Tensor
    scale: Tensor

    def __init__(self, h: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", h.mean(0))
        self.register_buffer("scale", h.std(0).clamp(min=1e-6))

    def forward(self, h: Tensor) -> Tensor:
        """``(B, F)`` -> ``(B, F)``."""
        return (h - self.mean) / self.scale
