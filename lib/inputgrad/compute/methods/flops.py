"""Counting arithmetic, operation by operation, wherever it happens: forward, backward, and backward of backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class CountedOperations(TorchDispatchMode):
    """Inside the block, ``total`` grows by the floating-point operations of every convolution and matrix product.

    With torch's own formulas; its ``FlopCounterMode`` cannot look inside ``torch.autograd.grad``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: tuple, args: tuple = (), kwargs: dict | None = None) -> object:
        """Run one operation and count it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=out)
        return out


def flops(work: Callable[[], object]) -> int:
    """The floating-point operations of one call of ``work``, a product and a sum counted as two."""
    with torch.enable_grad(), CountedOperations() as counted:
        work()
    return counted.total
