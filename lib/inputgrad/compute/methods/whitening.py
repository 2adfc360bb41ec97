"""Whitening of colour images: each to zero mean and unit variance, then ZCA [smooth, Sec. 5.1]."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

CHUNK = 1000
"""How many images are in double precision at a time."""

SMALLEST = 1e-6
"""Standard deviations below it count as none; that of any 8-bit image which is not constant is larger."""


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the standard deviation of each image, ``(N, ...)`` -> two of ``(N, 1)``; 1 for a constant image."""
    flat = x.flatten(1)
    mean, std = flat.mean(1, keepdim=True), flat.std(1, correction=0, keepdim=True)
    return mean, torch.where(std > SMALLEST, std, 1.0)


def standardised(x: Tensor) -> Tensor:
    """Each image with mean 0 and variance 1, ``(N, ...)`` -> ``(N, D)``; a constant one becomes zeros."""
    mean, std = moments(x)
    return (x.flatten(1) - mean) / std


@dataclass(frozen=True, eq=False)
class Whitening:
    r"""Zero-phase whitening with the covariance of the training images.

    .. math:: z = (s - \mu)\, W, \qquad W = U \mathrm{diag}\big(1 / \sqrt{S + \varepsilon}\big) U^\top

    with s the standardised image as a row of D = C H W values, :math:`\mu` and :math:`U \mathrm{diag}(S) U^\top` the
    mean and the covariance of the standardised training images. A direction of variance S is left with variance
    :math:`S / (S + \varepsilon)`. Whitened images have no box: their values are of the order of 1, on both sides of 0.

    Attributes:
        mean: :math:`\mu`, ``(D,)``, float32.
        matrix: W, ``(D, D)``, float32, symmetric.
        inverse: of W, ``(D, D)``, float32, symmetric.
        standardise: whether each image is first brought to mean 0 and variance 1.
    """

    mean: Tensor
    matrix: Tensor
    inverse: Tensor
    standardise: bool = True

    @classmethod
    def fit(cls, x: Tensor, eps: float = 0.1, standardise: bool = True) -> Whitening:
        """The whitening of these training images, computed in double precision on their device.

        Args:
            x: training images, ``(N, C, H, W)`` in [0, 1].
            eps: added to each variance, above 0; 0.1 in the authors' code, for standardised images.
            standardise: bring each image to mean 0 and variance 1 first.

        Raises:
            InputError: eps is not above 0, or there are no images.
        """
        if checks.number("eps", eps) == 0:
            raise InputError("eps 0 is not allowed: directions without variance need a value above 0")
        if x.ndim != 4 or not len(x):
            raise InputError(f"whitening needs a batch of images (N, C, H, W): got {tuple(x.shape)}")
        rows = standardised if standardise else lambda part: part.flatten(1)
        chunks = x.split(CHUNK)
        mean = sum((rows(part.double()).sum(0) for part in chunks), start=torch.zeros(())) / len(x)
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=x.device)
        for part in chunks:
            centred = rows(part.double()) - mean
            covariance.addmm_(centred.T, centred, alpha=1 / len(x))
        values, vectors = torch.linalg.eigh(covariance)
        root = (values.clamp(min=0) + eps).sqrt()
        matrix, inverse = (vectors / root) @ vectors.T, (vectors * root) @ vectors.T
        return cls(mean.float(), matrix.float(), inverse.float(), standardise)

    def __call__(self, x: Tensor) -> Tensor:
        """Images ``(N, C, H, W)`` in [0, 1] -> whitened images, the same shape, float32.

        Raises:
            InputError: the images are not of the size that the whitening was made for.
        """
        self.fits(x)
        z = torch.empty(x.shape, device=x.device)
        for part, out in zip(x.split(CHUNK), z.split(CHUNK), strict=True):
            s = (standardised(part.double()) if self.standardise else part.flatten(1)).float()
            out.copy_(((s - self.mean.to(x.device)) @ self.matrix.to(x.device)).view_as(part))
        return z

    def invert(self, z: Tensor) -> Tensor:
        """Whitened images ``(N, C, H, W)`` -> standardised images, the same shape, float32.

        An image's own mean and standard deviation are not in ``z``: they cannot come back.

        Raises:
            InputError: as for a call.
        """
        return self.linear(z) + self.mean.to(z.device).view(1, *z.shape[1:])

    def linear(self, delta: Tensor) -> Tensor:
        """Perturbations of whitened images -> those of standardised images, the same shape, float32; no mean is added.

        Times an image's standard deviation (:func:`moments`) they are in the units of its pixels.

        Raises:
            InputError: as for a call.
        """
        self.fits(delta)
        return (delta.flatten(1).float() @ self.inverse.to(delta.device)).view_as(delta)

    def pictures(self, z: Tensor) -> Tensor:
        """Whitened images -> pictures for showing: inverted, each from its own minimum and maximum to [0, 1].

        Raises:
            InputError: as for a call.
        """
        s = self.invert(z)
        low, high = s.amin((1, 2, 3), keepdim=True), s.amax((1, 2, 3), keepdim=True)
        return (s - low) / torch.where(high > low, high - low, 1.0)

    def fits(self, x: Tensor) -> None:
        """Raise InputError unless ``x`` is a batch of images as large as the whitening's."""
        if x.ndim != 4 or x.shape[1:].numel() != len(self.mean):
            raise InputError(f"images {tuple(x.shape)} do not fit a whitening of {len(self.mean)} values an image")
