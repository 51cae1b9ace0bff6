"""What an image says, against the weights of a reconstruction, which reads the images."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import make_scene

from triskelion.data.images import ArrayImages
from triskelion.imaging.forward import load_images
from triskelion.imaging.precision import measure_precision
from triskelion.kernels import cpu
from triskelion.maps.reconstruct import reconstruct_halves


def test_it_is_the_weight_of_the_image_in_a_reconstruction():
    scene = make_scene(n=60)
    particles = scene.particles.with_columns(contrast=np.random.default_rng(2).uniform(0.5, 1.5, 60))
    stream = replace(scene.stream, particles=particles)
    poses = scene.body.rotations, scene.body.shifts_px
    _, sigma2, precision = reconstruct_halves(stream, particles["half_set"], *poses, cpu, lambda steps: None)
    assert measure_precision(particles, stream.grid, stream.disc, sigma2) == pytest.approx(precision, rel=1e-5)
    assert precision.std() > 0.1 * precision.mean()


def test_coefficients_beyond_the_nyquist_frequency_of_a_file_say_nothing():
    scene = make_scene(n=4)
    coarse = tuple(replace(group, pixel_size_A=2 * group.pixel_size_A, box_px=group.box_px // 2) for group in scene.particles.optics)
    particles, stream = scene.particles.with_optics(coarse), scene.stream
    sigma2 = np.ones((len(coarse), stream.grid.box_px))
    images = load_images(particles, ArrayImages(scene.pixels[:, ::2, ::2]), stream.grid, stream.disc)
    expected = images.power().mean(1).numpy()
    assert measure_precision(particles, stream.grid, stream.disc, sigma2) == pytest.approx(expected, rel=1e-5)
    assert (expected < 0.5 * measure_precision(scene.particles, stream.grid, stream.disc, sigma2)).all()
