"""What jobs about one domain start from: half maps, mask, fulcrum and consensus poses, read and checked against one another."""

import re
from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px, centered_A_to_corner_px, corner_px_to_centered_A, reverse_axes
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_position_xyz_px
from triskelion.jobs.read_images import open_stream
from triskelion.jobs.spec import JobParameters, parameter, slot

if TYPE_CHECKING:
    from triskelion.refine.domain import Domain
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Inputs, Settings, Start


MASK_AT_EDGE = 0.5  # on the outermost voxels of the box, from which on more than a soft edge is cut
INSIDE = 0.5  # of the particle's mask
FAR_A = 30.0  # from the particle: a fulcrum is at an interface, or near it


class DomainParameters(JobParameters):
    """What every job about one domain wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles with poses and half-sets; refinement starts from these poses.")
    volume: str = slot("volume", title="Volume", help="A job with half maps of the whole particle.")
    mask: str = slot("mask", title="Mask", help="Soft mask of the domain to refine; everything outside it is background.")
    consensus: str | None = slot(
        "particles",
        title="Consensus poses",
        optional=True,
        help="Particles at whose poses the background is subtracted; left out, the consensus poses that the particles carry.",
    )
    fulcrum: str = parameter(
        "mask_center",
        title="Fulcrum",
        unit="px",
        help="Point about which the domain turns: mask_center, box_center, x,y,z from the corner voxel (249.5,250.1,253.3A is read as Å), "
        "or a job that found one, as J12.",
    )


def read_inputs(parameters: DomainParameters, context: JobContext, particles: Particles, settings: "Settings", shared: "SharedRecord") -> "Inputs":
    """Read what the slots refer to, for these particles; images are read when they are asked for.

    Raises
    ------
    InputError
        Particles, half maps, mask and fulcrum do not belong together.
    DataError
        Particles have no half-sets.
    """
    from triskelion.refine.domain import Domain

    particles.require_half_sets()
    half_a, half_b, mask = read_maps(context, parameters.volume, parameters.mask)
    _require_inside_box(mask)
    domain = Domain.of_mask(mask, read_fulcrum(context, parameters.fulcrum, mask))
    consensus = None if parameters.consensus is None else match_particles(context.read_particles(parameters.consensus), particles)
    return make_inputs(context, particles, (half_a, half_b), domain, settings, shared, consensus)


def make_inputs(
    context: JobContext,
    particles: Particles,
    halves: tuple[Volume, Volume],
    domain: "Domain",
    settings: "Settings",
    shared: "SharedRecord",
    consensus: Particles | None = None,
) -> "Inputs":
    """Put together what is refined from: ``consensus`` holds the poses of the same rows at which the background is subtracted, where they differ."""
    from triskelion.imaging.forward import Grid
    from triskelion.refine.state import Inputs

    grid = Grid(halves[0].box_px, pixel_size_of_images(halves[0], particles))
    start = _make_start(particles, consensus, halves, domain.mask, shared)
    _warn_of_far_fulcrum(context, domain, start.particle_mask, grid.pixel_size_A)
    return Inputs(open_stream(context, particles, grid), start, domain, settings)


def read_maps(context: JobContext, volume: str, mask_reference: str) -> tuple[Volume, Volume, Mask]:
    """Read half maps and mask; raise InputError unless they lie on one grid and the half maps are two."""
    half_a, half_b = (context.read_volume(volume, name) for name in ("half_a", "half_b"))
    mask = context.read_mask(mask_reference)
    require_same_grid(half_a, half_b, "half map a", "half map b")
    require_same_grid(half_a, mask, "the half maps", "the mask")
    if np.array_equal(half_a.array, half_b.array):
        raise InputError("half map a and half map b are the same map: give the two that were reconstructed from the two half-sets")
    return half_a, half_b, mask


def _require_inside_box(mask: Mask) -> None:
    """Raise InputError where a mask reaches the faces of the box: the domain is cut there, in the map and in the images."""
    faces = [np.take(mask.array, (0, -1), axis=axis).max() for axis in range(3)]
    if max(faces) > MASK_AT_EDGE:
        axis = "zyx"[int(np.argmax(faces))]
        raise InputError(
            f"the mask touches the edge of the box along {axis} (value {max(faces):.2f} there): extract the particles in a larger box, "
            "or make the mask smaller"
        )


def _warn_of_far_fulcrum(context: JobContext, domain: "Domain", particle_mask: np.ndarray, pixel_size_A: float) -> None:
    points = np.argwhere(particle_mask > INSIDE) - box_center_px(len(particle_mask)) - reverse_axes(domain.fulcrum_xyz_px)
    distance_A = float(np.sqrt((points**2).sum(1).min())) * pixel_size_A
    if distance_A > FAR_A:
        context.warn(
            f"the fulcrum lies {distance_A:.0f} Å outside the particle: domains turn about a point where they touch; "
            "check that it is counted x,y,z from the corner voxel, in px"
        )


def _make_start(
    particles: Particles, consensus: Particles | None, halves: tuple[Volume, Volume], mask: np.ndarray, shared: "SharedRecord"
) -> "Start":
    """Poses to start from, poses and half maps of the consensus."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.state import Start
    from triskelion.resolution.fsc import average_map

    pixel_size_A = pixel_size_of_images(halves[0], particles)
    given = particles if consensus is None else consensus
    names = ("consensus_rotvec_rad", "consensus_shift_A") if consensus is None else ("rotvec_rad", "shift_A")
    # made from both half maps, so it is a shared quantity; in bytes, to be recorded cheaply
    loose = shared.settle_by_first("particle_mask", lambda: np.rint(particle_mask(average_map(*halves)).array * 255).astype(np.uint8))
    return Start(
        uid=particles["uid"],
        half_set=particles["half_set"],
        rotations=rotvec_to_matrix(particles["rotvec_rad"]),
        shifts_px=particles["shift_A"] / pixel_size_A,
        consensus_rotations=rotvec_to_matrix(given[names[0]]),
        consensus_shifts_px=given[names[1]] / pixel_size_A,
        half_maps=(halves[0].array, halves[1].array),
        particle_mask=np.maximum(loose.astype(np.float32) / 255, mask),
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


def read_fulcrum(context: JobContext, text: str, mask: Mask) -> np.ndarray:
    """Return the fulcrum that ``text`` writes, or that the job which it names has found; px of the mask's grid from the corner voxel, shape (3,).

    Raises
    ------
    InputError
        It is not a position, lies outside the box, or the job has found none.
    """
    if not re.fullmatch(r"J\d+", text):
        return fulcrum_xyz_px(text, mask)
    found = context.read_summary(text) or {}
    if not {"fulcrum_xyz_px", "box_px", "pixel_size_A"} <= set(found):
        raise InputError(f"{text} has found no fulcrum: give a job fulcrum or estimate_fulcrum that is completed, or x,y,z")
    from_center_A = corner_px_to_centered_A(found["fulcrum_xyz_px"], found["box_px"], found["pixel_size_A"])
    typed = ",".join(f"{value:.2f}" for value in centered_A_to_corner_px(from_center_A, mask.box_px, mask.pixel_size_A))
    context.log(f"fulcrum of {text}: {typed} px")
    return fulcrum_xyz_px(typed, mask)


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
