"""The grey scale is found without poses, whatever it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import draw_poses
from tests.refine.test_global_search import make_grid, make_posterior

from triskelion.kernels.interface import FourierVolume
from triskelion.refine.grey_scale import search_grey_scale


@pytest.mark.parametrize("too_large", [1e-3, 0.5, 20.0])
def test_the_scale_of_a_map_is_found_without_poses(too_large):
    posterior = make_posterior(draw_poses(60, 48), 3.0)
    scaled = replace(posterior, volume=FourierVolume(posterior.volume.cube * too_large, posterior.volume.padding))
    factor = search_grey_scale(scaled, make_grid(step_deg=15.0))
    assert factor * too_large == pytest.approx(1, abs=0.1)


def test_noise_alone_leaves_little_of_the_map():
    posterior = make_posterior(draw_poses(60, 49), 3.0)
    shape, rng = posterior.images.b.shape, np.random.default_rng(50)
    noise = torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))
    images = replace(posterior.images, b=3.0 * noise * posterior.images.weight.sqrt())
    assert 0 < search_grey_scale(replace(posterior, images=images), make_grid(step_deg=15.0)) < 0.5
