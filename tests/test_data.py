import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from inputgrad.catalogue import datasets
from inputgrad.catalogue.datasets import DATASETS, check_name, fingerprint
from inputgrad.compute import data
from inputgrad.compute.data import readers
from inputgrad.ground.checks import InputError


@pytest.mark.parametrize("name", ["digits28", "digits32", "digits100"])
def test_embedded_sets_have_the_catalogued_shape_and_content(name):
    loaded, source = data.load(name), DATASETS[name]
    assert loaded.x_train.shape == (source.train, *source.shape)
    assert loaded.x_test.shape == (source.test, *source.shape)
    assert loaded.x_train.dtype == torch.uint8
    assert loaded.y_train.dtype == torch.int64
    assert set(loaded.y_train.tolist()) == set(loaded.y_test.tolist()) == set(range(source.classes))
    assert loaded.digest == source.digest


def test_digits_of_training_and_test_are_apart():
    from inputgrad.catalogue.digits import digits

    parts = digits()
    train, test = ({x.tobytes() for x in parts[split][0]} for split in ("train", "test"))
    assert not train & test


def test_colours_tell_nothing_about_the_class():
    loaded = data.load("digits32")
    means = loaded.x_train.float().mean((2, 3))
    by_class = torch.stack([means[loaded.y_train == k].mean(0) for k in range(10)])
    assert (by_class.max(0).values - by_class.min(0).values).max() < 0.75 * means.std(0).min()


def test_content_digest_ignores_order_but_not_labels():
    x = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 4)).astype(np.uint8)
    y = np.arange(6)
    order = np.array([3, 1, 5, 0, 2, 4])
    assert readers.content_digest(x, y) == readers.content_digest(x[order], y[order])
    assert readers.content_digest(x, y) != readers.content_digest(x, y[::-1])


def test_an_archive_of_ones_own(tiny):
    loaded = data.load("tiny", root=tiny)
    assert loaded.shape == (1, 12, 12)
    assert loaded.classes == 2
    assert len(loaded.x_test) == 20


def test_resizing(tiny):
    loaded = data.load("tiny", root=tiny, size=24)
    assert loaded.shape == (1, 24, 24)
    assert abs(loaded.x_train.float().mean() - data.load("tiny", root=tiny).x_train.float().mean()) < 1


def test_an_image_folder(tmp_path):
    for split, n in (("train", 3), ("test", 2)):
        for k, name in enumerate(("dark", "light")):
            (tmp_path / "mine" / split / name).mkdir(parents=True)
            for i in range(n):
                image = Image.new("RGB", (20 + i, 16), (k * 200, 10, 10))
                image.save(tmp_path / "mine" / split / name / f"{i}.png")
    loaded = data.load("mine", root=tmp_path)
    assert loaded.x_train.shape == (6, 3, 16, 16)
    assert loaded.y_test.tolist() == [0, 0, 1, 1]
    assert loaded.x_train[-1, 0].float().mean() == 200


def test_an_archive_that_is_not_what_its_name_says(tmp_path, tiny):
    (tiny / "tiny.npz").rename(tiny / "mnist.npz")
    with pytest.raises(InputError, match=r"mnist in .*: expected arrays of .*60000.* found"):
        data.load("mnist", root=tiny)


def test_content_that_differs_is_refused(monkeypatch):
    from dataclasses import replace

    monkeypatch.setitem(DATASETS, "digits28", replace(DATASETS["digits28"], digest="0" * 64))
    with pytest.raises(InputError, match="the content sum is .*, expected 000"):
        data.load("digits28")


def test_a_truncated_archive(tiny):
    whole = (tiny / "tiny.npz").read_bytes()
    (tiny / "tiny.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"tiny\.npz: expected a complete \.npz archive, found a damaged file"):
        data.load("tiny", root=tiny)


def test_an_archive_without_an_array(tmp_path):
    np.savez(tmp_path / "half.npz", x_train=np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(InputError, match="y_train, x_test, y_test not found"):
        data.load("half", root=tmp_path)


def test_images_that_are_not_bytes(tmp_path):
    np.savez(tmp_path / "f.npz", **{k: np.zeros((2, 4, 4)) for k in readers.ARRAYS})
    with pytest.raises(InputError, match="expected uint8 images .* found float64"):
        data.load("f", root=tmp_path)


def test_counts_that_differ(tmp_path):
    np.savez(
        tmp_path / "c.npz", x_train=np.zeros((3, 4, 4), np.uint8), y_train=np.zeros(2, np.uint8),
        x_test=np.zeros((1, 4, 4), np.uint8), y_test=np.zeros(1, np.uint8),
    )  # fmt: skip
    with pytest.raises(InputError, match="the train split has 3 images but 2 labels"):
        data.load("c", root=tmp_path)


def test_an_unknown_name_names_the_closest():
    with pytest.raises(InputError, match="dataset 'mnits' is unknown: choose from .*did you mean 'mnist'"):
        data.load("mnits")


def test_a_name_is_no_path(tiny):
    (tiny / "sub").mkdir()
    shutil.copy(tiny / "tiny.npz", tiny / "sub")
    for name in ("sub/tiny", f"{tiny}/tiny", "sub/../tiny"):
        with pytest.raises(InputError, match="is unknown: choose from"):
            check_name(name, tiny)
    assert check_name("tiny", tiny) == "tiny"


def test_an_image_moved_to_another_class_is_another_state_of_the_data(tmp_path):
    image = tmp_path / "mine" / "train" / "a" / "1.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"picture")
    before = fingerprint("mine", tmp_path)
    (tmp_path / "mine" / "train" / "b").mkdir()
    image.rename(tmp_path / "mine" / "train" / "b" / "1.png")
    assert fingerprint("mine", tmp_path) != before


def test_without_network_the_sentence_says_what_to_put_where(tmp_path, monkeypatch):
    import torchvision

    def offline(*arguments, **options):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nno route")

    monkeypatch.setattr(torchvision.datasets, "MNIST", offline)
    with pytest.raises(
        InputError,
        match="mnist is not in .*or not whole.*could not be downloaded.*put MNIST/raw/train-images-idx3-ubyte.gz.* there, or mnist.npz",
    ):
        data.fetch("mnist", root=tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("MNIST", ("data", (5, 28, 28), "targets")),
        ("CIFAR10", ("data", (5, 32, 32, 3), "targets")),
        ("SVHN", ("data", (5, 3, 32, 32), "labels")),
    ],
)
def test_torchvision_arrays_become_channels_first(name, content, tmp_path, monkeypatch):
    import torchvision

    class Fake:
        def __init__(self, root, download, train=None, split=None):
            setattr(self, content[0], np.zeros(content[1], np.uint8))
            setattr(self, content[2], list(range(5)))

    source = next(s for s in DATASETS.values() if s.torchvision == name)
    monkeypatch.setattr(torchvision.datasets, name, Fake)
    x_train, y_train, *_ = readers.read_torchvision(source, tmp_path, download=False)
    assert x_train.shape == (5, *source.shape)
    assert y_train.tolist() == [0, 1, 2, 3, 4]


def test_present(tiny):
    assert datasets.present("digits28")
    assert datasets.present("tiny", str(tiny))
    assert not datasets.present("mnist", str(tiny))


def test_data_sets_and_networks_are_called_what_the_papers_call_them():
    from inputgrad.catalogue.models import MODELS
    from inputgrad.report import cells
    from inputgrad.study import STUDY

    printed = pd.concat([cells.of_paper(key) for key in STUDY])
    unfound = {"ImageNet-10", "ImageNet-50"}  # of classes that the paper does not name
    assert set(printed["dataset"]) - {source.label for source in DATASETS.values()} == unfound
    assert set(printed["model"]) <= {network.label for network in MODELS.values()}
