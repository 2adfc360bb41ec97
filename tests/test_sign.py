"""The exhibits of `sign` on a linear network, where each step's effect is known."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from inputgrad.ground.checks import InputError
from inputgrad.report.tables import sign
from inputgrad.study import trials
from inputgrad.trials.sign import adversarial, another, labels, runner_up


def job(exhibit, **changed):
    """A job on twelve grey 11x11 images, of four classes that are each one quarter of the pixels."""
    torch.manual_seed(0)
    x = torch.randint(0, 256, (12, 1, 11, 11), dtype=torch.uint8)
    weights = torch.zeros(4, 121)
    for k in range(4):
        weights[k, 30 * k : 30 * (k + 1)] = 1 / 30
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(121, 4, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(weights)
    y = torch.arange(12) % 4
    (trial,) = trials(exhibit, datasets=["digits28"], models=["alexnet"], seeds=[0], images=12, **changed)
    data = SimpleNamespace(classes=4)
    found = SimpleNamespace(trial=trial, data=data, trained=SimpleNamespace(model=net.eval()))
    found.test_images = lambda: (x.float() / 255, y)
    return found


def values(outcome):
    rows = pd.DataFrame(outcome.rows)
    return rows.set_index(["attack", "eps", "reading", "metric"])["value"]


def test_controls_and_pgd_follow_clip_and_label():
    asked = {"eps": ["0.5"], "attacks": ["FGSM"], "attack_loss": ["ce"], "pgd_images": 12}
    true, told = (values(adversarial(job("sign/adversarial", **asked, **c))) for c in ({}, {"label": "predicted"}))
    free = values(adversarial(job("sign/adversarial", **asked, clip=False)))
    for attack in ("FGM-l2", "random sign", "random normal", "PGD"):
        assert (attack, "0.5", "default", "accuracy") in true.index
        assert (attack, "0.5", "label=predicted", "accuracy") in told.index
        assert (attack, "0.5", "clip=False", "accuracy") in free.index
    assert true["PGD", "0.5", "default", "accuracy"] == 0
    assert told["PGD", "0.5", "label=predicted", "accuracy"] > 0  # away from a wrong class, to the true one for some


def test_a_large_step_reaches_the_class_it_is_told():
    found = values(labels(job("sign/labels", eps=["1.0"], attacks=["D-FGSM"])))
    assert set(found.xs("D-FGSM").index.get_level_values("reading")) == {"default", "label=runner_up", "label=other"}
    for reading in ("default", "label=runner_up", "label=other"):
        assert found["D-FGSM", "1.0", reading, "reached"] == 1
        assert found["D-FGSM", "1.0", reading, "reached_behind"] == 1
    assert ("D-FGSM", "1.0", "default", "reached_right") not in found.index


def test_another_class_is_none_of_the_three():
    torch.manual_seed(0)
    logits, y = torch.randn(500, 4), torch.randint(0, 4, (500,))
    drawn = another(logits, y, torch.Generator().manual_seed(0))
    assert not (drawn == logits.argmax(1)).any() and not (drawn == runner_up(logits)).any() and not (drawn == y).any()


def test_three_classes_leave_none_to_draw():
    asked = job("sign/labels", eps=["1.0"])
    asked.data.classes = 3
    with pytest.raises(InputError, match="a data set of 3 classes has no fourth one"):
        labels(asked)


def test_the_table_of_saturation_is_of_cross_entropy_whatever_is_run_first(small_run):
    both, alone = (small_run("sign/adversarial", attack_loss=losses) for losses in (["nll_logits", "ce"], ["ce"]))
    assert sign.saturation(both).frame.equals(sign.saturation(alone).frame)
