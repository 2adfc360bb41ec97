"""Random distortions of training images through which gradients flow back to the images [smooth, Sec. 5.1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from inputgrad.ground.checks import one_of, whole

KINDS = ("none", "elastic", "affine")

SIGMA, ALPHA = 4.0, 34.0
"""Elastic distortion, in pixels: standard deviation of the blur, and factor of what it leaves (Simard et al. 2003)."""

ANGLE, ZOOM = 10.0, 0.1
"""Affine distortion: largest rotation in degrees, either way, and largest relative change of size, either way."""


def augment(x: Tensor, kind: str, generator: torch.Generator, share: int = 8) -> Tensor:
    """Distorted images; differentiable with respect to ``x``, linear in it, and different at every call.

    torchvision distorts a whole batch in the same way, so each draw is shared by ``share`` consecutive images: pass a
    shuffled batch. Mirror images are drawn for each image. What comes from outside an image is 0.

    Args:
        x: images, ``(B, C, H, W)``, of any range.
        kind: ``"none"``; ``"elastic"``, random displacements of about 1.4 pixels (standard deviation of each
            coordinate), for digits; ``"affine"``, a rotation by at most 10 degrees, a zoom of at most 10 per cent and
            the mirror image of every other one, for photographs. Both interpolate bilinearly.
        generator: on the CPU; all draws come from it, so that the same seed gives the same images on any device.
        share: how many consecutive images share a draw, at least 1.

    Returns:
        Images shaped like ``x``; ``x`` itself for ``"none"``.

    Raises:
        InputError: an unknown kind, or ``share`` below 1.
    """
    one_of("augment", kind, KINDS)
    whole("share", share, least=1)
    if kind == "none" or not len(x):
        return x
    with torch.autocast(x.device.type, enabled=False), torch.autocast("cpu", enabled=False):  # it would round the grids
        return {"elastic": elastic, "affine": affine}[kind](x, generator, share)


def elastic(x: Tensor, generator: torch.Generator, share: int) -> Tensor:
    """Each group of ``share`` images drawn on rubber and pulled about (Simard, Steinkraus and Platt 2003, Sec. 2)."""
    height, width = x.shape[-2:]
    groups = x.split(share)
    pixel = torch.tensor([2 / width, 2 / height])  # the edges of an image are at -1 and 1
    fields = (displacements(len(groups), height, width, generator) * pixel).to(x)
    return torch.cat([tv.elastic(part, field[None]) for part, field in zip(groups, fields, strict=True)])


def displacements(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    r"""Smooth random displacements in pixels, ``(n, H, W, 2)``, the horizontal one first.

    :math:`\alpha\, G_\sigma * u` with u uniform in [-1, 1]. Each has mean 0 and, away from the edges, a standard
    deviation of about :math:`\alpha / (2 \sigma \sqrt{3\pi})`: 1.4 pixels.
    """
    u = 2 * torch.rand(n, 2, height, width, generator=generator) - 1
    kernel = [2 * min(round(4 * SIGMA), side - 1) + 1 for side in (width, height)]
    return ALPHA * tv.gaussian_blur(u, kernel, [SIGMA, SIGMA]).permute(0, 2, 3, 1)


def affine(x: Tensor, generator: torch.Generator, share: int) -> Tensor:
    """Each group of ``share`` images turned and zoomed about its centre, and a random half of all images mirrored."""
    mirrored = (torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5).to(x.device)
    turns, zooms = 2 * torch.rand(2, math.ceil(len(x) / share), generator=generator) - 1
    parts = torch.where(mirrored, tv.horizontal_flip(x), x).split(share)
    return torch.cat([
        tv.affine(part, ANGLE * turn, [0, 0], 1 + ZOOM * zoom, [0, 0], InterpolationMode.BILINEAR)
        for part, turn, zoom in zip(parts, turns.tolist(), zooms.tolist(), strict=True)
    ])  # fmt: skip
