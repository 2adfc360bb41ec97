"""Shared by all tests: a linear classifier whose optimum is known, small networks, and a command line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads sleep: tests may share their cores
ROOT = Path(__file__).resolve().parents[1]

LONG = ("book", "device", "runner", "butterfly", "figures", "pages", "butterfly_parts", "rehearsal", "synthesis",
        "method", "imagenet", "charts", "explorer", "summaries")  # fmt: skip
"""Files that take ten seconds or more, the longest first; xdist hands files out whole, in the order of collection."""


def pytest_collection_modifyitems(items):
    """Long files first, so that no process is left alone with one at the end; within a file nothing moves."""
    rank = {f"test_{name}": i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def chromium():
    """A browser, driven by Playwright; for tests with the marker ``browser``."""
    import browser

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser")
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=browser.CHROMIUM, args=["--no-sandbox"])
        except playwright.Error as err:
            pytest.skip(f"no Chromium: {err.message.splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def linear():
    """``(model, x, y)``: logits ``Wx + b`` on eight 1x4x4 images away from the edges of the box."""
    import torch

    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(16, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(3, 16, generator=generator))
        layer.bias.copy_(torch.randn(3, generator=generator))
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
    x = 0.4 + 0.2 * torch.rand(8, 1, 4, 4, generator=generator)
    return model, x, torch.arange(8) % 3


@pytest.fixture
def convnet():
    """``(model, x, y)``: a small convolutional network with batch norm and max-pooling, in eval mode."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 5)
    )  # fmt: skip
    return model.eval(), torch.rand(8, 1, 8, 8), torch.arange(8) % 5


@pytest.fixture
def counting():
    """Wraps a model: ``plain`` and ``graph`` list the images of each call, ``returned`` those of each backward pass."""
    import torch

    class Counting(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model, self.plain, self.graph, self.returned = model, [], [], []

        def forward(self, x):
            logits = self.model(x)
            if logits.requires_grad:
                self.graph.append(len(x))
                logits.register_hook(lambda gradient: self.returned.append(len(gradient)))
            else:
                self.plain.append(len(x))
            return logits

        @property
        def work(self):
            """How many forward and backward passes there were."""
            return len(self.plain) + len(self.graph), len(self.returned)

    return Counting


@pytest.fixture
def tiny(tmp_path):
    """A data folder with one small archive of our own, ``tiny.npz``: 12x12 grey squares, bright or dark by class."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 60), ("test", 20)):
        y = np.arange(n) % 2
        arrays[f"x_{split}"] = (rng.integers(0, 60, (n, 12, 12)) + 150 * y[:, None, None]).astype(np.uint8)
        arrays[f"y_{split}"] = y.astype(np.uint8)
    np.savez(tmp_path / "tiny.npz", **arrays)
    return tmp_path


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Results and checkpoints of this test go to a folder of its own."""
    from inputgrad.compute.training import checkpoints
    from inputgrad.record import results

    monkeypatch.setattr(results, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(results, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / "checkpoints")
    return tmp_path


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that every process of this run of the tests has in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def small_run(shared):
    """``small_run(exhibit, **changes)``: an exhibit at a scale of seconds.

    The study's own cache is what tests share: no trial is computed and no network trained twice, whoever asks.
    """
    from inputgrad.compute.training import checkpoints
    from inputgrad.record import results
    from inputgrad.trials import runner
    from small import parameters, turned_down

    def run(exhibit, **changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(results, "SCRATCH", shared / "scratch")
            patch.setattr(checkpoints, "CHECKPOINTS", shared / "checkpoints")
            turned_down(patch)
            return runner.run(exhibit, **{**parameters(exhibit), **changes})

    return run


@pytest.fixture
def every_epoch(monkeypatch):
    """A partial checkpoint after every epoch, however fast."""
    from inputgrad.compute.training import loop

    monkeypatch.setattr(loop, "PARTIAL_EVERY", 0.0)


@pytest.fixture
def command(tmp_path):
    """Run ``python -m inputgrad ...`` as a user would; scratch results and checkpoints go elsewhere."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        env = {
            **os.environ,
            "INPUTGRAD_CHECKPOINTS": str(tmp_path / "checkpoints"),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        return subprocess.run(
            [sys.executable, "-m", "inputgrad", *arguments],
            capture_output=True,
            text=True,
            env=env,
            cwd=ROOT,
            check=False,
        )

    return run
