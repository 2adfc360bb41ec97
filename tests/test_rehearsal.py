"""SVHN and STL-10, which the project has never held: made files of their format go the whole way to the papers' tables.

All but the download is rehearsed: torchvision reads the files, the trials of `paper` run on them with fewer images and
thinner networks, and every cell that a paper prints for the data set finds its number.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torchvision
from scipy.io import savemat

from inputgrad.catalogue.datasets import DATASETS
from inputgrad.catalogue.models import MODELS
from inputgrad.compute import models
from inputgrad.compute.training import checkpoints
from inputgrad.record import results
from inputgrad.report import cells
from inputgrad.study.butterfly_scales import DECODERS, ENCODERS, FOUR
from inputgrad.study.selfgrad import DEFENCES
from inputgrad.trials import butterfly_networks, runner
from small import turned_down

TRAIN, TEST = 10, 10


def svhn(root, draw):
    """Its two ``.mat`` files: images ``(32, 32, 3, N)``, labels of which 10 is the digit 0."""
    for split, n in (("train", TRAIN), ("test", TEST)):
        images = draw.integers(0, 256, (32, 32, 3, n), dtype=np.uint8)
        savemat(root / f"{split}_32x32.mat", {"X": images, "y": 1 + np.arange(n)[:, None] % 10})


def stl10(root, draw):
    """Its folder of bytes: images column by column, labels that count from 1."""
    folder = root / "stl10_binary"
    folder.mkdir()
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"), encoding="utf-8")
    for split, n in (("train", TRAIN), ("test", TEST)):
        draw.integers(0, 256, (n, 3, 96, 96), dtype=np.uint8).tofile(folder / f"{split}_X.bin")
        (1 + np.arange(n, dtype=np.uint8) % 10).tofile(folder / f"{split}_y.bin")


MADE = {"svhn": svhn, "stl10": stl10}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder of made files, whose sums torchvision does not ask for; results and networks go beside it.

    Trainings are short; the four large networks are a small one under their names, and ImageNet's weights, a download
    as well, are drawn.
    """
    root, draw = tmp_path_factory.mktemp("rehearsal"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        for name, make in MADE.items():
            make(root, draw)
            patch.setitem(DATASETS, name, replace(DATASETS[name], train=TRAIN, test=TEST))
        for kind in (torchvision.datasets.SVHN, torchvision.datasets.STL10):
            patch.setattr(kind, "download", lambda self: None)
            patch.setattr(kind, "_check_integrity", lambda self: True)
        patch.setattr(results, "SCRATCH", root / "scratch")
        patch.setattr(checkpoints, "CHECKPOINTS", root / "checkpoints")
        patch.setattr(butterfly_networks, "obtained", lambda names: True)
        patch.setattr(butterfly_networks, "torchvision_net", lambda name, *, weights, **k: models.build(name, **k))
        small = MODELS["resnet18_imagenet"]
        for name in FOUR:
            patch.setitem(MODELS, name, replace(small, name=name, label=MODELS[name].label))
        patch.setitem(ENCODERS, "paper", {"small": ("resnet50", WIDTH), "large": ("resnet101", WIDTH)})
        patch.setitem(DECODERS, "paper", (16, 8, 8, 8))
        turned_down(patch)
        yield root


WIDTH = 0.0625
RECIPE = {"epochs": 1, "images": TRAIN, "batch": 10, "width": WIDTH}
GAME = {"game": {"epochs": 1, "batch": 10}, "loss": ["ls"], "d_train": ["head"], "objective": ["game"], "budget": None}
ASKED = {
    ("svhn", "sign"): {"adversarial": {"pgd_images": 4}, "cooperative": {}},
    ("svhn", "selfgrad"): {
        "defences": {"models": ["wrn10_2"], "defences": list(DEFENCES[:4])},
        "bilateral": {"models": ["wrn10_2"], "queries": 2, "targets": 1},
    },
    ("stl10", "butterfly"): {"enhancing": GAME, "attacking": {**GAME, "uap_images": 4, "passes": 1}},
}
"""The exhibits whose tables have cells of the data set, and what keeps them short."""


@pytest.mark.parametrize(("dataset", "paper"), ASKED)
def test_every_printed_cell_of_the_data_set_finds_its_number(dataset, paper, folder):
    ours = []
    for name, shorter in ASKED[dataset, paper].items():
        run = runner.run(
            f"{paper}/{name}", profile="paper", datasets=[dataset], seeds=[0], images=4, recipe=RECIPE, device="cpu",
            data_root=str(folder), **shorter,
        )  # fmt: skip
        ours.append(cells.of_run(run))
    printed = cells.of_paper(paper)
    printed = printed[printed["dataset"] == DATASETS[dataset].label]
    beside = cells.compare(printed, pd.concat(ours, ignore_index=True))
    missing = beside[beside["word"] == "not run"]
    assert len(beside) and missing.empty, missing[cells.IDENTITY].to_string()
