"""A GPU that is only pretended: values are computed on the CPU, and every tensor knows where it would lie.

What says so is a mark on the tensor's storage, which views, ``detach``, ``Parameter.data`` and the wrappers of
``torch.func`` share. Each call of torch's Python interface is held to the rules that CUDA has for mixing devices.
"""

from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
NESTS = (list, tuple, dict)

ANYWHERE = {"to", "type_as", "copy_", "__set__", "_has_compatible_shallow_copy_type"}
"""Calls that take tensors of different devices: they copy, or put one tensor in the place of another."""

TOGETHER = {"cat", "concat", "stack", "hstack", "vstack", "matmul", "__matmul__", "mm", "bmm", "addmm_", "linear"}
"""Calls to which a tensor without dimensions is not a mere number."""


class Mismatch(Exception):
    """What CUDA would refuse. No ``RuntimeError``, so that nobody takes it for another failure."""


def storage(t):
    """The storage of a tensor, below whatever ``torch.func`` wraps it in."""
    while torch._C._functorch.is_functorch_wrapped_tensor(t):
        t = torch._C._functorch.get_unwrapped(t)
    return t.untyped_storage()


def where(t):
    """The device that a tensor pretends to lie on."""
    return getattr(storage(t), "pretended", CPU)


class PretendedGPU(TorchFunctionMode):
    """Inside the block ``"cuda"`` is a device like another."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name == "__get__":
            return read(func, args[0])
        if name == "_parse_to":  # what ``Module.to`` was asked for
            return func(*args, **kwargs)
        looked_at = args[:1] if name == "__deepcopy__" else args  # what follows is all that was copied before it
        given = leaves([looked_at, kwargs])
        tensors = [v for v in given if isinstance(v, Tensor)]
        home = home_of(name, args, kwargs, tensors)
        refuse(name, given, tensors, args, kwargs, home)
        if "device" in kwargs:
            kwargs["device"] = CPU
        if any(isinstance(v, torch.device) for v in given):
            args = [CPU if isinstance(v, torch.device) else v for v in args]
        elif name == "to" and len(args) > 1 and isinstance(args[1], str):
            args = (args[0], CPU, *args[2:])
        out = (Tensor.cpu if name == "cuda" else func)(*args, **kwargs)
        if isinstance(out, Tensor):
            return placed(out, home, tensors)
        for part in leaves(out):
            if isinstance(part, Tensor):
                placed(part, home, [])
        return out


def leaves(value):
    """What is in nested lists, tuples and dictionaries, as a list."""
    if not isinstance(value, NESTS):
        return [value]
    found = []
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, NESTS):
            found += leaves(part)
        else:
            found.append(part)
    return found


def read(getter, owner):
    """A property of a tensor; a gradient lies where its tensor does."""
    attribute = getattr(getter.__self__, "__name__", "")
    if attribute == "device":
        return where(owner)
    if attribute in ("is_cuda", "is_cpu"):
        return where(owner).type == attribute.removeprefix("is_")
    value = getter(owner)
    return placed(value, where(owner), []) if attribute == "grad" and value is not None else value


def home_of(name, args, kwargs, tensors):
    """Where the result of a call lies: on the device asked for, else where the tensors are."""
    if name in ("cpu", "cuda"):
        return CPU if name == "cpu" else CUDA
    asked = [v for v in (*args, kwargs.get("device")) if isinstance(v, torch.device)]
    named = kwargs.get("device") or (args[1] if name == "to" and len(args) > 1 else None)
    if isinstance(named, str):
        asked = [torch.device(named)]
    if name in ("to", "type_as") and len(args) > 1 and isinstance(args[1], Tensor):
        asked = [where(args[1])]
    if asked:
        return CUDA if asked[0].type == "cuda" else CPU
    if name in ("tensor", "as_tensor"):
        return where(args[0]) if isinstance(args[0], Tensor) else CPU
    return CUDA if any(where(t) == CUDA for t in tensors) else CPU


def refuse(name, given, tensors, args, kwargs, home):
    """Raise Mismatch where CUDA would refuse a call."""
    if name in ("numpy", "__array__") and where(args[0]) == CUDA:
        raise Mismatch("a CUDA tensor cannot become an array: copy it with .cpu() first")
    for generator in given:
        if isinstance(generator, torch.Generator) and generator.device.type != home.type:
            raise Mismatch(f"{name}: a generator on {generator.device} cannot draw on {home}")
    if name in ANYWHERE:
        return
    if name in ("__getitem__", "__setitem__", "index_put_"):
        tensors = indexed(*args)
    elif name not in TOGETHER:
        in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
        written = [kwargs.get("out"), *(tensors[:1] if in_place else [])]
        tensors = [t for t in tensors if t.ndim or where(t) == CUDA or any(t is w for w in written)]
    if len({where(t) for t in tensors}) > 1:
        raise Mismatch(f"{name}: tensors on two devices, {[(str(where(t)), tuple(t.shape)) for t in tensors]}")


def indexed(x, index, value=None):
    """The tensors of ``x[index]``, or of ``x[index] = value``, that must share a device."""
    indices = [i for i in leaves([index]) if isinstance(i, Tensor)]
    far = [i for i in indices if where(i) == CUDA]  # one on the CPU finds its way to any tensor
    return [x, *far, *([value] if indices and isinstance(value, Tensor) and value.ndim else [])]  # else it is copied


def placed(out, home, inputs):
    """``out``, marked; a copy where it shares the storage of a tensor that lies elsewhere."""
    if where(out) != home:
        if any(storage(out) is storage(t) for t in inputs):
            out = out.clone()
        storage(out).pretended = home
    return out


@contextmanager
def gpu():
    """This process believes that it has a GPU."""
    answers = {
        "is_available": True, "is_bf16_supported": True, "synchronize": None, "reset_peak_memory_stats": None,
        "max_memory_allocated": 2**20, "get_device_name": "a pretended GPU", "is_current_stream_capturing": False,
    }  # fmt: skip
    told = patch.multiple(torch.cuda, **{name: lambda *_, found=found, **__: found for name, found in answers.items()})
    cudnn = patch("torch.backends.cudnn.version", lambda: 0)
    streams = patch("torch.accelerator.is_available", lambda: False)  # optimisers would ask for one
    with told, cudnn, streams, PretendedGPU():
        yield CUDA
