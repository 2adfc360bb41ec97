"""The tensors in a file of published weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inputgrad.catalogue.published import Weights


def tensors(weights: Weights, raw: bytes) -> dict[str, Tensor]:
    """The tensors at their places in a data file, in torch's layout, by the names of our layers."""
    out = {}
    for name, place in weights.places.items():
        values = np.frombuffer(raw, "<f4", int(np.prod(place.shape)), place.offset).reshape(place.shape)
        if len(place.shape) == 4:
            values = values.transpose(3, 2, 0, 1)  # (out, in, H, W)
        elif name == weights.flattened[0]:
            values = channels_first(values, weights.flattened[1]).T
        else:
            values = values.T
        out[name] = torch.from_numpy(np.array(values, np.float32, order="C"))
    return out


def channels_first(values: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Rows ``(H * W * C, N)`` that stand in the order (H, W, C), in torch's order (C, H, W)."""
    return values.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(values.shape)
