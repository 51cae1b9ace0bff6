"""Of images whose model is known, subtraction leaves what was not subtracted."""

from dataclasses import replace

import numpy as np
import pytest
from tests.refine.scene import (
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
from triskelion.imaging.forward import Grid, ImageSet, load_images
from triskelion.imaging.subtraction import predict_images, subtract_projections
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
