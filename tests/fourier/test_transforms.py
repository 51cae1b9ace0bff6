"""Transforms against their definition; the same bits from any number of threads."""

import numpy as np
import pytest
import torch

from triskelion.fourier.slices import prepare_slices
from triskelion.fourier.transforms import fourier_to_image, fourier_to_volume, image_to_fourier, volume_to_fourier


@pytest.mark.parametrize("box_px", [8, 9])
def test_the_origin_is_voxel_n_2_and_sums_are_ortho(box_px):
    """One voxel, at (z, y, x) = c + (1, -2, 3): a plane wave of amplitude n^(-d/2)."""
    volume = torch.zeros((box_px,) * 3, dtype=torch.float64)
    c = box_px // 2
    volume[c + 1, c - 2, c + 3] = 1
    signed, half = np.fft.fftfreq(box_px, 1 / box_px), np.arange(box_px // 2 + 1)
    phase = signed[:, None, None] * 1 + signed[None, :, None] * -2 + half[None, None, :] * 3
    expected = np.exp(-2j * np.pi * phase / box_px)
    np.testing.assert_allclose(volume_to_fourier(volume).numpy(), expected / box_px**1.5, atol=1e-12)
    np.testing.assert_allclose(image_to_fourier(volume[c + 1]).numpy(), expected[0] / box_px, atol=1e-12)


@pytest.mark.parametrize("box_px", [8, 9])
def test_there_and_back(box_px):
    volumes = torch.randn((2, *[box_px] * 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(fourier_to_volume(volume_to_fourier(volumes), box_px), volumes)
    torch.testing.assert_close(fourier_to_image(image_to_fourier(volumes), box_px), volumes)


@pytest.mark.parametrize("box_px", [32, 48])
def test_the_number_of_threads_makes_no_difference(box_px):
    volume = torch.randn((box_px,) * 3, generator=torch.Generator().manual_seed(1))
    before, results = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        transform = volume_to_fourier(volume)
        results.append((transform, fourier_to_volume(transform, box_px), prepare_slices(volume, box_px // 2 - 1).cube))
    torch.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)
