"""The tensors in a file of published weights."""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor

from inputgrad.catalogue.published import Packaged, Weights


def tensors(weights: Weights | Packaged, raw: bytes) -> dict[str, Tensor]:
    """The tensors of a file in torch's layout, by the names of our layers."""
    if isinstance(weights, Packaged):
        found = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
        return {f"body.{name}": tensor for name, tensor in found.items()}
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
