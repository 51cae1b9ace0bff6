"""What the consensus gives: the grey scale of maps from elsewhere, the noise, images without their background."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from tests.refine.scene import Scene, atoms, ctf_of, exact_slices, make_scene, render, true_map

from triskelion.data.images import ArrayImages
from triskelion.errors import InputError
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.forward import load_images
from triskelion.imaging.noise import image_noise
from triskelion.imaging.subtraction import predict_images
from triskelion.kernels import cpu
from triskelion.refine.consensus import fit_grey_scale, prepare_consensus, rows_of_halves
from triskelion.refine.reference import domain_slices
from triskelion.refine.shared import SharedRecord

GREY_SCALE = 3.7


@cache
def rigid_scene(noise_sd: float = 0.0) -> Scene:
    """The scene with its head at rest, in its true poses, started from the true map, in the grey scale of the images."""
    scene = make_scene()
    disc, poses = scene.images.disc, scene.body
    signal = render(ctf_of(scene.particles, disc) * exact_slices(np.concatenate([atoms("head"), atoms("body")]), poses, disc), disc)
    pixels = signal + noise_sd * signal.std() * np.random.default_rng(9).standard_normal(signal.shape)
    images = load_images(scene.particles, ArrayImages(pixels), scene.images.grid, disc)
    truth = true_map("head") + true_map("body")
    given = (poses.rotations, poses.shifts_px)
    start = replace(scene.start, **dict(zip(("rotations", "shifts_px"), given, strict=True)), half_maps=(truth, truth.copy()))
    return replace(scene, images=images, start=replace(start, consensus_rotations=given[0], consensus_shifts_px=given[1]))


def prepare(scene: Scene, shared: SharedRecord | None = None):
    return prepare_consensus(scene.images, scene.start, scene.domain, True, cpu, shared or SharedRecord(), "domain")


def test_maps_of_another_grey_scale_are_brought_to_that_of_the_images():
    scene = rigid_scene(noise_sd=2.0)
    volume = prepare_slices((true_map("head") + true_map("body")) / GREY_SCALE, 15)
    for rows in rows_of_halves(scene.start.half_set):
        found = fit_grey_scale(scene.images, scene.start, rows, volume, image_noise(scene.images), cpu)
        assert found == pytest.approx(GREY_SCALE, rel=0.03)


def test_the_grey_scale_of_the_maps_makes_no_difference():
    scene = make_scene()
    half_a, half_b = scene.start.half_maps
    other = replace(scene, start=replace(scene.start, half_maps=(half_a / np.float32(GREY_SCALE), half_b / np.float32(GREY_SCALE))))
    one, two = prepare(scene), prepare(other)
    for ours, theirs in zip(one.half_maps, two.half_maps, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-4 * np.abs(ours).max())
    np.testing.assert_allclose(two.sigma2, one.sigma2, rtol=1e-4)
    assert float((one.residual - two.residual).abs().max()) < 1e-3 * float(one.residual.abs().max())


def test_maps_of_the_opposite_contrast_are_refused():
    scene = make_scene()
    half_a, half_b = scene.start.half_maps
    images = replace(scene.images, coefficients=-scene.images.coefficients)
    with pytest.raises(InputError, match="dark where the images are bright"):
        prepare(replace(scene, images=images, start=replace(scene.start, half_maps=(half_a, half_b))))


def test_without_noise_only_the_domain_is_left():
    scene = rigid_scene()
    consensus = prepare(scene)
    centers = (scene.body.rotations @ scene.domain.center_xyz_px)[:, :2] + scene.body.shifts_px
    volume = domain_slices(consensus.half_maps[0], scene.domain, 15)
    rows = np.arange(len(scene.images))
    explained = predict_images(scene.images, rows, volume, scene.body.rotations, centers, cpu.slice)
    left, whole = (float((values.abs() ** 2).sum()) for values in (consensus.residual - explained, scene.images.coefficients))
    assert left < 0.003 * whole
    # the noise that is seen is this error and no more
    assert (2 * consensus.sigma2[0][scene.images.disc.shell]).mean() * scene.images.coefficients.numel() < 0.006 * whole


def test_images_that_are_left_alone_stay():
    scene = make_scene()
    consensus = prepare_consensus(scene.images, scene.start, scene.domain, False, cpu, SharedRecord(), "domain")
    torch.testing.assert_close(consensus.residual, scene.images.coefficients)


def test_premultiplied_images_weigh_as_much_as_others():
    """X' = C X with noise C n and the same sigma2: the same b and W, background and grey scale included."""
    scene = make_scene()
    shared = SharedRecord()
    plain = prepare(scene, shared)
    multiplied = replace(
        scene.images, coefficients=scene.images.coefficients * scene.images.ctf, premultiplied=np.ones(len(scene.images), dtype=bool)
    )
    other = prepare(replace(scene, images=multiplied), SharedRecord(shared.settled))
    one, two = scene.images.weighted(plain.residual, plain.sigma2), multiplied.weighted(other.residual, other.sigma2)
    torch.testing.assert_close(two.weight, one.weight)
    torch.testing.assert_close(two.b, one.b, rtol=1e-4, atol=1e-4 * float(one.b.abs().max()))
    # and the noise found by itself is that of the images before they were multiplied
    np.testing.assert_allclose(prepare(replace(scene, images=multiplied)).sigma2[0, 2:], plain.sigma2[0, 2:], rtol=0.15)
