"""What jobs about one domain start from: half maps, mask, fulcrum and consensus poses, read and checked against one another."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_position_xyz_px
from triskelion.jobs.read_images import open_stream

if TYPE_CHECKING:
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Settings, Start


def read_inputs(
    context: JobContext,
    particles: Particles,
    consensus: str | None,
    volume: str,
    mask_reference: str,
    fulcrum: str,
    settings: "Settings",
    shared: "SharedRecord",
) -> "tuple[Mask, Inputs]":
    """Read what the slots ``consensus``, ``volume`` and ``mask_reference`` refer to; images are read when they are asked for.

    Raises
    ------
    InputError
        Particles, half maps, mask and fulcrum do not belong together.
    DataError
        Particles have no half-sets.
    """
    from triskelion.imaging.forward import Grid
    from triskelion.refine.domain import Domain
    from triskelion.refine.state import Inputs

    particles.require_half_sets()
    half_a, half_b = (context.read_volume(volume, name) for name in ("half_a", "half_b"))
    mask = context.read_mask(mask_reference)
    require_same_grid(half_a, half_b, "half map a", "half map b")
    require_same_grid(half_a, mask, "the half maps", "the mask")
    grid = Grid(half_a.box_px, pixel_size_of_images(half_a, particles))
    domain = Domain.of_mask(mask, fulcrum_xyz_px(fulcrum, mask))
    matched = None if consensus is None else match_particles(context.read_particles(consensus), particles)
    start = _make_start(particles, matched, (half_a, half_b), mask, shared)
    return mask, Inputs(open_stream(context, particles, grid), start, domain, settings)


def _make_start(particles: Particles, consensus: Particles | None, halves: tuple[Volume, Volume], mask: Mask, shared: "SharedRecord") -> "Start":
    """Poses to start from, poses and half maps of the consensus."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.state import Start
    from triskelion.resolution.fsc import average_map

    pixel_size_A = pixel_size_of_images(halves[0], particles)
    given = particles if consensus is None else consensus
    names = ("consensus_rotvec_rad", "consensus_shift_A") if consensus is None else ("rotvec_rad", "shift_A")
    # made from both half maps, so it is a shared quantity; in bytes, to be recorded cheaply
    loose = shared.settle("particle_mask", lambda: np.rint(particle_mask(average_map(*halves)).array * 255).astype(np.uint8))
    return Start(
        uid=particles["uid"],
        half_set=particles["half_set"],
        rotations=rotvec_to_matrix(particles["rotvec_rad"]),
        shifts_px=particles["shift_A"] / pixel_size_A,
        consensus_rotations=rotvec_to_matrix(given[names[0]]),
        consensus_shifts_px=given[names[1]] / pixel_size_A,
        half_maps=(halves[0].array, halves[1].array),
        particle_mask=np.maximum(loose.astype(np.float32) / 255, mask.array),
    )


def pixel_size_of_images(half_a: Volume, particles: Particles) -> float:
    """Pixel size of the optics group that the half maps were made on: headers of maps are rounded, and images must not be rescaled for that."""
    sizes = [group.pixel_size_A for group in particles.optics]
    same = [size for size in sizes if abs(size - half_a.pixel_size_A) <= 1e-3 * size]
    if not same:
        raise InputError(
            f"the half maps have {half_a.pixel_size_A:g} Å/px, the particles {', '.join(f'{size:g}' for size in sizes)} Å/px: "
            "give half maps that were reconstructed from these particles"
        )
    return same[0]


def fulcrum_xyz_px(text: str, mask: Mask) -> np.ndarray:
    """Read a fulcrum as people write it: mask_center, box_center or x,y,z; px from the corner voxel, shape (3,)."""
    if text == "mask_center":
        return mask.center_xyz_px
    if text == "box_center":
        return np.full(3, float(box_center_px(mask.box_px)))
    fulcrum = np.array(parse_position_xyz_px(text, mask.pixel_size_A, "fulcrum"))
    if (fulcrum < 0).any() or (fulcrum > mask.box_px - 1).any():
        raise InputError(
            f"the fulcrum {text} lies outside the box of {mask.box_px} px ({mask.box_px * mask.pixel_size_A:g} Å): "
            "it is counted x,y,z from the corner voxel, in px, or in Å with an A behind"
        )
    return fulcrum


def match_particles(consensus: Particles, particles: Particles) -> Particles:
    """Return the rows of ``consensus`` in the order of ``particles``."""
    mine, theirs = join_by_uid(particles, consensus)
    if len(mine) != len(particles):
        raise InputError(
            f"{len(particles) - len(mine)} of {len(particles)} particles are not among the {len(consensus)} consensus particles: "
            "give the table they were selected from"
        )
    order = np.empty(len(particles), dtype=np.int64)
    order[mine] = theirs
    return consensus.select(order)
