"""A network of the reader's own: what its name says, what it has to be, and what its audit says of it."""

import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inputgrad import study
from inputgrad.catalogue import own
from inputgrad.compute.attacks import peers
from inputgrad.compute.data import load
from inputgrad.compute.training.networks import trained
from inputgrad.compute.training.own import check, from_file, owned
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.report import tables
from inputgrad.study.own import SHOWN
from inputgrad.trials import runner

CPU = torch.device("cpu")
FILE = """
import torch
from torch import nn

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], 8), nn.ReLU(), nn.Linear(8, classes))

def two():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 2))

def softmax():
    return nn.Sequential(build((1, 28, 28), 10), nn.Softmax(1))

def rounded():
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = build((1, 28, 28), 10)
        def forward(self, x):
            return self.net(x.round())
    return Rounded()

def drawn():
    class Drawn(nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, :10] + torch.randn(len(x), 10)
    return Drawn()

def squeezed():
    class Squeezed(nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, 300:310].squeeze()
    return Squeezed()

def batchwise():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 10))

def broken():
    raise ValueError("no such thing")

nothing = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.fixture(scope="module")
def digits():
    return load("digits28")


@pytest.mark.parametrize(("name", "kind", "source", "function", "weights"), [
    ("a/b.py:build", "file", "a/b.py", "build", ""),
    ("a.py:build@w.pt", "file", "a.py", "build", "w.pt"),
    ("timm:resnet18", "timm", "resnet18", "", ""),
    ("robustbench:Standard", "robustbench", "Standard", "", ""),
    ("lenet5@w.safetensors", "catalogue", "lenet5", "", "w.safetensors"),
])  # fmt: skip
def test_a_name_says_what_the_network_is(name, kind, source, function, weights):
    found = own.parse(name)
    assert (found.kind, found.source, found.function, found.weights) == (kind, source, function, weights)
    assert found.name == name


@pytest.mark.parametrize("name", ["lenet5", "nosuch", 3, None])
def test_other_names_are_nobodys_own(name):
    assert own.parse(name) is None


@pytest.mark.parametrize(("given", "said"), [
    ("{file}:two", "gives shape (8, 2) for a batch of shape (8, 1, 28, 28): it must give logits, (8, 10)"),
    ("{file}:softmax", "gives probabilities, rows >= 0 that sum to 1: leave the softmax out, give logits"),
    ("{file}:rounded", "has a gradient with respect to x that is zero for every image"),
    ("{file}:drawn", "gives other logits the second time"),
    ("{file}:squeezed", "gives shape (10,) for a batch of shape (1, 1, 28, 28)"),
    ("{file}:batchwise", "could not be called on a batch of shape (1, 1, 28, 28) in [0, 1] (ValueError: Expected more"),
    ("{file}:broken", "mine.py:broken could not build a network (ValueError: no such thing)"),
    ("{file}:nothing", "mine.py:nothing gives a int: it must give a torch.nn.Module"),
])  # fmt: skip
def test_what_is_no_classifier_is_told_so_on_one_batch(file, digits, given, said):
    with pytest.raises(InputError) as err:
        owned(digits, given.format(file=file), CPU)
    assert said in str(err.value) and "\n" not in str(err.value)


@pytest.mark.parametrize(("given", "said"), [
    ("{file}:biuld", "function of mine.py 'biuld' is unknown: choose from build"),
    ("{file}", "does not say what in the file builds the network: write it as mine.py:build"),
    ("nowhere.py:build", "nowhere.py could not be read"),
    ("{file}:build@{file}", "the name must end in .safetensors"),
    ("{file}:build@none.pt", "is not a file"),
    ("timm:resnet18", "needs timm, which is not installed: pip install -e '.[timm]'"),
])  # fmt: skip
def test_what_is_not_there_is_refused_before_anything_runs(file, given, said, monkeypatch):
    monkeypatch.setattr(own, "installed", lambda package: False)
    with pytest.raises(InputError) as err:
        study.trials("own/audit", datasets=["digits28"], models=[given.format(file=file)])
    assert said in str(err.value) and "\n" not in str(err.value)


NEIGHBOURED = """
from __future__ import annotations

from dataclasses import dataclass

from neighbour import WIDTH
from torch import nn

@dataclass
class Net:
    width: int = WIDTH

def build():
    return nn.Linear(1, Net().width)
"""


def test_each_file_has_the_modules_of_its_own_folder(digits, tmp_path):
    for name, width in (("one", 3), ("two", 5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.py").write_text(NEIGHBOURED)
        (tmp_path / name / "neighbour.py").write_text(f"WIDTH = {width}")
    built = [from_file(own.parse(f"{tmp_path / name}/net.py:build"), digits) for name in ("one", "two")]
    assert [net.out_features for net in built] == [3, 5] and "neighbour" not in sys.modules


def test_what_is_installed_below_the_folder_is_not_forgotten(digits, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "installed_once.py").write_text("")
    (tmp_path / "net.py").write_text("import installed_once\nfrom torch import nn\nbuild = nn.Flatten()")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    from_file(own.parse(f"{tmp_path}/net.py:build"), digits)
    assert sys.modules.pop("installed_once")


def test_an_own_network_names_its_data_and_is_never_trained(file):
    mine = [f"{file}:build"]
    with pytest.raises(InputError, match="mine.py:build is your own: say on which data"):
        study.trials("own/audit", models=mine)
    with pytest.raises(InputError, match="is your own and is never trained"):
        study.trials("own/audit", models=mine, datasets=["digits28"], recipe={"epochs": 1})
    with pytest.raises(
        InputError, match="smooth/hardening trains its networks in a way of its own: yours can be used in"
    ):
        study.trials("smooth/hardening", models=mine, datasets=["digits28"])


def test_another_state_of_the_file_is_another_network(file):
    of = lambda: study.trials("own/audit", datasets=["digits28"], models=[f"{file}:build"])[0].key  # noqa: E731
    before = of()
    file.write_text(FILE + "\n# changed\n")
    assert of() != before == before


def test_weights_of_the_reader_are_given_to_the_network(file, digits, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(), nn.Linear(8, 10))
    for path in (tmp_path / "w.pt", tmp_path / "w.safetensors"):
        save_file(net.state_dict(), path) if path.suffix == ".safetensors" else torch.save(net.state_dict(), path)
        found = owned(digits, f"{file}:build@{path}", CPU)
        x = torch.rand(4, 1, 28, 28)
        assert torch.equal(found.model(x), net(x)) and not found.model.training
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "wrapped.pt")
    assert torch.equal(owned(digits, f"{file}:build@{tmp_path / 'wrapped.pt'}", CPU).model(x), net(x))
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(InputError, match="are not those of mine.py:build"):
        owned(digits, f"{file}:build@{tmp_path / 'other.pt'}", CPU)
    (tmp_path / "junk.pt").write_bytes(b"no archive")
    with pytest.raises(InputError, match="could not be read as tensors alone"):
        owned(digits, f"{file}:build@{tmp_path / 'junk.pt'}", CPU)


def test_a_file_of_weights_runs_no_code(file, digits, tmp_path):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"w": Runs()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="could not be read as tensors alone"):
        owned(digits, f"{file}:build@{tmp_path / 'evil.pt'}", CPU)
    assert not (tmp_path / "ran").exists()


def test_timm_and_robustbench_are_asked_by_name(digits, monkeypatch):
    """Stubs of the two packages, that say what they were asked for."""
    asked = []
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    def create_model(name, **options):
        asked.append((name, options))
        return net

    data = SimpleNamespace(resolve_data_config=lambda options, model: {"mean": (0.5,), "std": (0.25,)})
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(list_models=lambda: ["small"], create_model=create_model,
                                                             data=data))  # fmt: skip
    found = owned(digits, "timm:small", CPU).model
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(found(x), net((x - 0.5) / 0.25), atol=1e-5) and asked == [("small", {"pretrained": True})]
    with pytest.raises(InputError, match="network of timm 'smal' is unknown"):
        owned(digits, "timm:smal", CPU)
    monkeypatch.setattr(sys.modules["timm"], "list_models", lambda: [f"wide{n}" for n in range(2000)] + ["small"])
    with pytest.raises(
        InputError, match=r"choose from 2,001, among them small, \w+, \w+, \w+, \w+; did you mean 'small'"
    ):
        owned(digits, "timm:smal", CPU)

    def load_model(name, folder, dataset, threat):
        raise OSError("no way out")

    monkeypatch.setitem(sys.modules, "robustbench", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "robustbench.utils", SimpleNamespace(load_model=load_model))
    with pytest.raises(InputError, match=r"its file of weights is looked for as .*robustbench/digits28/Linf/Any.pt"):
        owned(digits, "robustbench:Any", CPU)


def test_a_good_classifier_passes(digits):
    net = trained(digits, "lenet5", SHOWN.override({"epochs": 1}), 0, CPU).model
    check(net, digits.x_test[:8].float() / 255, 10, "LeNet-5")


@pytest.fixture
def audited(file, workspace):
    """An audit of a network on the embedded digits, beside foolbox."""
    pytest.importorskip("foolbox")
    return runner.run("own/audit", datasets=["digits28"], models=[f"{file}:build"], images=12, queries=20,
                      libraries=["foolbox"], gradients=5, device="cpu")  # fmt: skip


def test_an_audit_has_every_attack_and_a_verdict(audited):
    rows = audited.rows
    worst = rows[(rows["attack"] == "worst of all") & (rows["metric"] == "accuracy")]["value"].item()
    under = rows[(rows["metric"] == "accuracy") & ~rows["attack"].str.contains("over eps")]
    assert under["value"].min() == worst and len(under) > 8
    text = tables.audit.verdict(audited)._repr_html_()
    assert "mine.py:build on digits28: no verdict, smoke only checks that everything runs" in text
    asked = rows[rows["metric"].str.startswith("gradients")]["value"]
    assert len(asked) >= 2 and (asked <= 5 + 1e-6).all()


def test_an_audit_of_a_readers_network_is_nobodys_record(audited):
    assert audited.results[0].path.is_relative_to(results.SCRATCH)
    assert not results.recorded("own/audit") and "own/audit" not in study.EXHIBITS


def test_only_points_inside_the_ball_and_the_budget_count():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]))
    x, y = torch.tensor([[[[0.6, 0.5], [0.5, 0.5]]]]), torch.tensor([0])
    fooling, far = torch.tensor([[[[0.5, 0.6], [0.5, 0.5]]]]), torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    for z, budget, counts in ((fooling, 1, True), (far, 1, False)):
        counted = peers.Counted(model, x, y, eps=0.11, budget=budget)
        counted(z)
        assert bool(counted.fooled) is counts and (counted.forwards, counted.gradients) == (1, 0)
    late = peers.Counted(model, x, y, eps=0.11, budget=1)
    for _ in range(2):
        point = x.clone().requires_grad_()
        late(point).sum().backward()
    late(fooling)
    assert late.gradients == 2 and not late.fooled


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("inputgrad.catalogue.peers.installed", lambda package: False)
    with pytest.raises(
        InputError, match="libraries 'art' is not installed: pip install -e '.\\[bench\\]', or leave it out"
    ):
        runner.run("own/audit", libraries=["art"])
    with pytest.raises(InputError, match="libraries"):
        study.trials("own/audit", libraries=["foolbix"])


def test_without_libraries_a_trial_is_what_it_was():
    plain, asked = (study.trials("synthesis/attacks", **given)[0] for given in ({}, {"libraries": ["foolbox"]}))
    assert "libraries" not in plain.settings and asked.settings["libraries"] == ["foolbox"] and plain.key != asked.key
