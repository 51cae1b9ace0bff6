"""What the consensus gives: the grey scale of maps from elsewhere, the noise, images without their background."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from tests.refine.scene import SETTINGS, Scene, atoms, ctf_of, exact_slices, make_means, make_scene, pack_scene, render, true_map

from triskelion.errors import InputError
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.forward import phase_of_shift
from triskelion.imaging.noise import image_noise
from triskelion.imaging.subtraction import predict_images
from triskelion.kernels import cpu
from triskelion.refine import consensus as consensus_module
from triskelion.refine.consensus import Consensus, background_volume, fit_grey_scale, measure_consensus, remove_background, rows_of_halves
from triskelion.refine.shared import SharedRecord

GREY_SCALE = 3.7


@cache
def rigid_scene(noise_sd: float = 0.0) -> Scene:
    """The scene with its head at rest, in its true poses, started from the true map, in the grey scale of the images."""
    scene = make_scene()
    disc, poses = scene.images.disc, scene.body
    signal = render(ctf_of(scene.particles, disc) * exact_slices(np.concatenate([atoms("head"), atoms("body")]), poses, disc), disc)
    pixels = signal + noise_sd * signal.std() * np.random.default_rng(9).standard_normal(signal.shape)
    truth = true_map("head") + true_map("body")
    given = (poses.rotations, poses.shifts_px)
    start = replace(scene.start, **dict(zip(("rotations", "shifts_px"), given, strict=True)), half_maps=(truth, truth.copy()))
    return replace(scene, pixels=pixels, start=replace(start, consensus_rotations=given[0], consensus_shifts_px=given[1]))


def prepare(scene: Scene, shared: SharedRecord | None = None) -> tuple[Consensus, torch.Tensor]:
    """The consensus, and all images without their background."""
    inputs = scene.inputs()
    consensus = measure_consensus(inputs, make_means(shared), "domain")
    residual = torch.zeros_like(scene.images.coefficients)
    for half, filtered in zip(rows_of_halves(scene.start.half_set), consensus.filtered, strict=True):
        for rows, block in inputs.images.blocks(half):
            residual[rows] = remove_background(inputs, rows, block, background_volume(inputs, filtered), cpu)
    return consensus, residual


def test_maps_of_another_grey_scale_are_brought_to_that_of_the_images():
    scene = rigid_scene(noise_sd=2.0)
    volume = prepare_slices((true_map("head") + true_map("body")) / GREY_SCALE, 15)
    sigma2 = image_noise(scene.stream, np.arange(len(scene.particles)))
    for rows in rows_of_halves(scene.start.half_set):
        assert fit_grey_scale(scene.inputs(), rows, volume, sigma2, make_means()) == pytest.approx(GREY_SCALE, rel=0.03)


def test_the_grey_scale_of_the_maps_makes_no_difference():
    scene = make_scene()
    half_a, half_b = scene.start.half_maps
    other = replace(scene, start=replace(scene.start, half_maps=(half_a / np.float32(GREY_SCALE), half_b / np.float32(GREY_SCALE))))
    (one, one_left), (two, two_left) = prepare(scene), prepare(other)
    for ours, theirs in zip(one.half_maps + one.filtered, two.half_maps + two.filtered, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-4 * np.abs(ours).max())
    np.testing.assert_allclose(two.sigma2, one.sigma2, rtol=1e-4)
    assert float((one_left - two_left).abs().max()) < 1e-3 * float(one_left.abs().max())


def test_maps_of_the_opposite_contrast_are_refused():
    scene = make_scene()
    with pytest.raises(InputError, match="dark where the images are bright"):
        prepare(scene.with_pixels(-scene.pixels))


def test_without_noise_only_the_domain_is_left():
    scene = rigid_scene()
    consensus, residual = prepare(scene)
    volume = prepare_slices(consensus.half_maps[0] * scene.domain.mask, 15)
    explained = predict_images(scene.images, volume, scene.body.rotations, scene.body.shifts_px, cpu.slice)
    left, whole = (float((values.abs() ** 2).sum()) for values in (residual - explained, scene.images.coefficients))
    assert left < 0.003 * whole
    # the noise that is seen is this error and no more
    assert (2 * consensus.sigma2[0][scene.images.disc.shell]).mean() * scene.images.coefficients.numel() < 0.006 * whole


def test_images_that_are_left_alone_are_packed_as_they_are():
    scene = make_scene()
    settings = replace(SETTINGS, subtract_background=False)
    sigma2 = measure_consensus(scene.inputs(settings), make_means(), "domain").sigma2
    packed = pack_scene(scene, settings)
    expected = scene.images.weighted(scene.images.coefficients, sigma2)
    back = phase_of_shift(packed.disc, packed.offsets_px, packed.scale)
    got = packed.weighted(np.arange(len(packed)), sigma2)
    torch.testing.assert_close(got.b * back, expected.b, rtol=1e-4, atol=1e-4 * float(expected.b.abs().max()))
    torch.testing.assert_close(got.weight, expected.weight)


def test_premultiplied_images_weigh_as_much_as_others():
    """X' = C X with noise C n and the same sigma2: the same b and W, background and grey scale included."""
    scene, multiplied = make_scene(), make_scene().premultiplied()
    shared = SharedRecord()
    plain, residual = prepare(scene, shared)
    other, other_residual = prepare(multiplied, SharedRecord(shared.settled))
    one, two = scene.images.weighted(residual, plain.sigma2), multiplied.images.weighted(other_residual, other.sigma2)
    torch.testing.assert_close(two.weight, one.weight)
    torch.testing.assert_close(two.b, one.b, rtol=1e-4, atol=1e-4 * float(one.b.abs().max()))
    # and the noise found by itself is that of the images before they were multiplied
    np.testing.assert_allclose(prepare(multiplied)[0].sigma2[0, 2:], plain.sigma2[0, 2:], rtol=0.15)


def test_a_sample_says_what_all_images_say(monkeypatch):
    """Grey scale and noise of a third of the images, whatever the order of the table."""
    scene = make_scene(300)
    everything = measure_consensus(scene.inputs(), make_means(), "domain")
    monkeypatch.setattr(consensus_module, "SAMPLE", 100)
    some = measure_consensus(scene.inputs(), make_means(), "domain")
    shuffled = measure_consensus(scene.shuffled(np.random.default_rng(1).permutation(300)).inputs(), make_means(), "domain")
    assert not np.array_equal(some.sigma2, everything.sigma2)
    np.testing.assert_allclose(some.sigma2[0, 2:], everything.sigma2[0, 2:], rtol=0.15)
    np.testing.assert_allclose(shuffled.sigma2, some.sigma2, rtol=1e-5)
    for ours, theirs, of_some in zip(everything.half_maps, shuffled.half_maps, some.half_maps, strict=True):
        assert np.linalg.norm(of_some) == pytest.approx(np.linalg.norm(ours), rel=0.1)
        np.testing.assert_allclose(theirs, of_some, atol=1e-5 * np.abs(of_some).max())
