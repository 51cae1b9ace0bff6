"""Were these half maps made from these half-sets? The noise of an image is in the map of its own half, and in that only."""

import numpy as np

from triskelion.errors import InputError
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.comparison import compare_with_projections
from triskelion.imaging.noise import image_noise
from triskelion.imaging.stream import spread_rows
from triskelion.kernels.interface import Kernels
from triskelion.refine.consensus import rows_of_halves
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import Inputs

SAMPLE = 250  # of each half: of a hundred particles the answer is plain already
SWAPPED_Z = -5.0
UNRELATED_Z = 3.0


def half_set_agreement(inputs: Inputs, kernels: Kernels) -> float:
    """Return by how many standard errors images of half a resemble half map a more than b, and those of half b the other way round.

    Signal is in both maps alike, so their difference holds noise alone: with D = V_a - V_b, z = (sum over a of Re sum conj(P D) b - the same
    over b) / sqrt(sum W |P D|²). It is large where maps and half-sets belong together, about 0 where the maps were made from
    other half-sets, and negative where the two are swapped.
    """
    images, start = inputs.images, inputs.start
    halves = [spread_rows(rows, start.uid, SAMPLE) for rows in rows_of_halves(start.half_set)]
    n = min(len(rows) for rows in halves)
    halves = [rows[:n] for rows in halves]
    sigma2 = image_noise(images, np.sort(np.concatenate(halves)))
    difference = prepare_slices((start.half_maps[0] - start.half_maps[1]) * start.particle_mask, int(images.disc.shell[-1]))
    more = spread = 0.0
    for sign, sample in zip((1.0, -1.0), halves, strict=True):
        for rows, block in images.blocks(sample):
            poses = start.consensus_rotations[rows], start.consensus_shifts_px[rows]
            cross, power = compare_with_projections(block, difference, *poses, sigma2, kernels)
            more, spread = more + sign * float(cross.sum()), spread + float(power.sum())
    return more / np.sqrt(spread) if spread > 0 else 0.0


def check_half_sets(shared: SharedRecord, inputs: Inputs, kernels: Kernels) -> str | None:
    """Return a warning where the half maps show no sign of having been made from the half-sets of the particles.

    Raises
    ------
    InputError
        The two half-sets are swapped.
    """
    z = float(shared.settle_by_first("half_set_agreement", lambda: half_set_agreement(inputs, kernels)))
    if z < SWAPPED_Z:
        raise InputError(
            f"the images of half-set a are in half map b, and the other way round ({-z:.0f} standard errors): swap half_a and half_b of the volume, "
            "or give the particles that it was reconstructed from"
        )
    if z < UNRELATED_Z:
        return (
            f"the half maps do not seem to be made from the half-sets of these particles ({z:.1f} standard errors, wanted {UNRELATED_Z:g} or more): "
            "if they were made from other half-sets of the same particles, the halves are not independent beyond the initial low-pass; "
            "reconstruct these particles and refine from that"
        )
    return None
