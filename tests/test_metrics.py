import pytest
import torch

from inputgrad.compute.metrics import correct, paired_difference, perceptibility


def test_perceptibility_of_rows_worked_by_hand():
    x = torch.full((2, 1, 16, 16), 0.5)
    x_adv = x.clone()
    x_adv[0, 0, 0, 0] += 0.3
    measured = perceptibility(x, x_adv)
    assert measured["l2"].tolist() == pytest.approx([0.3, 0])
    assert measured["linf"].tolist() == pytest.approx([0.3, 0])
    assert measured["l0"].tolist() == pytest.approx([1 / 256, 0])
    assert measured["psnr"][0].item() == pytest.approx(10 * torch.log10(torch.tensor(256 / 0.09)).item(), abs=1e-3)
    assert measured["psnr"][1].item() == pytest.approx(100)
    assert measured["ssim"][1].item() == pytest.approx(1)


def test_one_image_has_one_value_each():
    assert all(v.shape == (1,) for v in perceptibility(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)).values())


def test_correct():
    assert correct(torch.tensor([[1.0, 2.0], [2.0, 1.0]]), torch.tensor([1, 1])).tolist() == [True, False]


def test_a_paired_difference_by_hand():
    before = torch.tensor([True] * 60 + [False] * 40)
    after = torch.cat([~before[:5], before[5:70], ~before[70:]])  # 5 lost, 30 gained
    mean, low, high = paired_difference(before, after)
    variance = (35 - 25**2 / 100) / 99
    assert mean == pytest.approx(25) and high - mean == pytest.approx(1.96 * 100 * (variance / 100) ** 0.5)
    assert mean - low == pytest.approx(high - mean)
    assert paired_difference(before, before) == (0, 0, 0)
