"""Of images whose model is known, subtraction leaves what was not subtracted."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import (
    ATOM_SIGMA_PX,
    BOX_PX,
    OPTICS,
    PIXEL_A,
    atoms,
    ctf_of,
    domain_of_head,
    draw_poses,
    exact_slices,
    hinge_head,
    make_particles,
    mask_of_particle,
    render,
    true_map,
)

from triskelion.data.images import ArrayImages
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.aberrations import antisymmetric_phase
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid, ImageSet, load_images
from triskelion.imaging.stream import ImageStream
from triskelion.imaging.subtraction import PixelSubtraction, predict_images, subtract_projections
from triskelion.kernels import cpu

N = 20
DISC = fourier_disc(BOX_PX)
BODY = draw_poses(N, 3)
HEAD = hinge_head(BODY, 6.0, 3)
CONTRAST = np.linspace(0.7, 1.3, N)


def power(coefficients) -> float:
    return float(np.linalg.norm(np.asarray(coefficients)) ** 2)


def make_images(premultiplied: bool = False) -> tuple[ImageSet, np.ndarray, np.ndarray]:
    """Noise-free images of head and body, and what each contributes to them."""
    particles = make_particles(BODY, 3, (replace(OPTICS, ctf_premultiplied=premultiplied),), contrast=CONTRAST)
    gain = ctf_of(particles, DISC) ** (2 if premultiplied else 1) * CONTRAST[:, None]
    head, body = (gain * exact_slices(atoms(name), poses, DISC) for name, poses in (("head", HEAD), ("body", BODY)))
    return load_images(particles, ArrayImages(render(head + body, DISC)), Grid(BOX_PX, PIXEL_A), DISC), head, body


@pytest.mark.parametrize("premultiplied", [False, True])
def test_the_head_is_what_is_left_of_the_image_without_the_body(premultiplied):
    images, head, body = make_images(premultiplied)
    volume = prepare_slices(true_map("body"), int(DISC.shell[-1]))
    left = subtract_projections(images, volume, BODY.rotations, BODY.shifts_px, cpu.slice)
    assert power(left.numpy() - head) < 0.002 * power(body)


def test_domain_and_background_add_up_to_the_particle():
    """1 - M and M: nothing is taken twice, nothing is left; the domain turns about its own centre and is put where it was."""
    images, _, _ = make_images()
    domain, last = domain_of_head(), int(DISC.shell[-1])
    whole = (true_map("head") + true_map("body")) * mask_of_particle()
    centers = (BODY.rotations @ domain.center_xyz_px)[:, :2] + BODY.shifts_px
    at_centre = prepare_slices(domain.cut(whole * domain.mask, BOX_PX), last)
    head = predict_images(images, at_centre, BODY.rotations, centers, cpu.slice)
    others = (prepare_slices(array, last) for array in (whole * (1 - domain.mask), whole))
    background, particle = (predict_images(images, volume, BODY.rotations, BODY.shifts_px, cpu.slice) for volume in others)
    assert power((head + background - particle).numpy()) < 0.002 * power(particle.numpy())
    assert power(head.numpy()) > 0.05 * power(particle.numpy())


OTHER_GROUPS = {
    "the same": {},
    "larger box": {"box_px": 44},
    "smaller box": {"box_px": 27},
    "finer pixels": {"pixel_size_A": 0.8 * PIXEL_A, "box_px": 40},
    "coarser pixels": {"pixel_size_A": 1.13 * PIXEL_A, "box_px": 30},
    "premultiplied": {"pixel_size_A": 0.9 * PIXEL_A, "box_px": 36, "ctf_premultiplied": True},
    "odd aberrations": {"odd_zernike": (5.0, -8.0, 300.0, 0.0, 0.0, -400.0), "beam_tilt_xy_mrad": (1.0, -0.5)},
}


def subtraction_in_pixels(group) -> tuple[PixelSubtraction, np.ndarray, np.ndarray]:
    """Noise-free images of head and body in a group's own pixels, and what each contributes, by explicit sums."""
    particles = make_particles(BODY, 3, (group,), contrast=CONTRAST)
    finer, disc = PIXEL_A / group.pixel_size_A, fourier_disc(group.box_px)
    ctf = compute_ctf(particles, np.arange(N), group.box_px, group.pixel_size_A, disc.kx, disc.ky).numpy()
    extent_A = group.box_px * group.pixel_size_A
    gain = (
        ctf ** (2 if group.ctf_premultiplied else 1)
        * CONTRAST[:, None]
        * np.exp(1j * antisymmetric_phase(group, disc.kx / extent_A, disc.ky / extent_A))
    )
    in_own_px = lambda poses: replace(poses, shifts_px=poses.shifts_px * finer)
    # the projection of a density, whose values do not depend on pixels, counts the reference's pixels along the view
    head, body = (
        render(gain / finer * exact_slices(atoms(name) * finer, in_own_px(poses), disc, ATOM_SIGMA_PX * finer), disc)
        for name, poses in (("head", HEAD), ("body", BODY))
    )
    images = ImageStream(particles, ArrayImages((head + body).astype(np.float32)), Grid(BOX_PX, PIXEL_A), DISC)
    volume = prepare_slices(true_map("body"), int(DISC.shell[-1]))
    return PixelSubtraction(images, (volume, volume), BODY.rotations, BODY.shifts_px, cpu.slice), head, body


@pytest.mark.parametrize("changes", OTHER_GROUPS.values(), ids=OTHER_GROUPS)
def test_in_pixels_the_head_is_what_is_left_whatever_the_group(changes):
    subtraction, head, body = subtraction_in_pixels(replace(OPTICS, **changes))
    (rows, pixels, removed), *others = subtraction.blocks(np.arange(N))
    assert not others
    np.testing.assert_array_equal(rows, np.arange(N))
    assert power(pixels - removed - head) < 0.003 * power(body)
    assert power(head) > 0.05 * power(body)


@pytest.mark.parametrize("changes", [{}, {"pixel_size_A": 0.9 * PIXEL_A, "box_px": 36, "ctf_premultiplied": True}])
def test_in_pixels_is_the_same_as_on_the_fly(changes):
    """What local refinement sees of the subtracted images is what it would have subtracted itself."""
    subtraction, _, _ = subtraction_in_pixels(replace(OPTICS, **changes))
    images, poses = subtraction.images, (BODY.rotations, BODY.shifts_px)
    left = replace(images, source=ArrayImages(images.source.read(np.arange(N)) - subtraction.project(np.arange(N))))
    on_the_fly = subtract_projections(images.load(np.arange(N)), subtraction.volumes[0], *poses, cpu.slice).numpy()
    assert power(left.load(np.arange(N)).coefficients.numpy() - on_the_fly) < 1e-4 * power(on_the_fly)


def test_added_back_the_image_is_what_it_was():
    subtraction, _, _ = subtraction_in_pixels(replace(OPTICS, box_px=44))
    _, pixels, removed = next(subtraction.blocks(np.arange(N)))
    np.testing.assert_allclose((pixels - removed) + removed, pixels, atol=1e-6 * np.abs(pixels).max())


def test_each_half_set_loses_the_projections_of_its_own_map():
    subtraction, _, body = subtraction_in_pixels(OPTICS)
    nothing = prepare_slices(np.zeros_like(true_map("body")), int(DISC.shell[-1]))
    removed = replace(subtraction, volumes=(subtraction.volumes[0], nothing)).project(np.arange(N))
    half_set = subtraction.images.particles["half_set"]
    assert not removed[half_set == 1].any()
    assert power(removed[half_set == 0] - body[half_set == 0]) < 0.003 * power(body[half_set == 0])
