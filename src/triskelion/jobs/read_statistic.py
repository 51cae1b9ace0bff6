"""Statistics of particles by name: a column of their table, one of poses.npz, a column of the STAR file, or how far their poses changed."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.data.particles import COLUMNS, Particles
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.geometry.symmetry import PointGroup

CHANGES = ("rotation_change_deg", "shift_change_A")
_NAMES_ONLY = ("uid", "image_index", "half_set")  # numbers that order nothing


def read_poses_arrays(context: JobContext, reference: str, particles: Particles) -> dict[str, np.ndarray]:
    """Return what the job behind ``reference`` knows of each of its particles (poses.npz), rows as in ``particles``; empty where it knows nothing."""
    if context.read_parameters(reference) is None:
        return {}
    try:
        arrays = context.read_arrays(reference, "poses")
    except InputError:
        context.log(f"{reference} has no poses.npz: of its particles no more is known than their table holds")
        return {}
    order = np.argsort(arrays["uid"])
    place = np.searchsorted(arrays["uid"][order], particles["uid"])
    rows = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(0, dtype=np.int64)
    if not np.array_equal(arrays["uid"][rows], particles["uid"]):
        raise InputError(f"{reference}: its poses.npz knows not all of its particles: give the job that made them")
    return {name: values[rows] for name, values in arrays.items()}


def find_statistic(particles: Particles, poses: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return the statistic ``name`` of every particle, float64 (n,).

    Raises
    ------
    InputError
        There is no such statistic, with a list of those there are; or a column of the STAR file holds something else than numbers.
    """
    known = {each: values for each, values in poses.items() if values.ndim == 1 and each != "uid"}
    columns = [each for each, (kind, tail, _) in COLUMNS.items() if kind is not np.str_ and not tail and each not in _NAMES_ONLY]
    if name in known:
        return np.asarray(known[name], dtype=np.float64)
    if name in columns:
        return np.asarray(particles[name], dtype=np.float64)
    if name in particles.extra:
        try:
            return np.asarray(particles.extra[name], dtype=np.float64)
        except ValueError:
            raise InputError(f"column {name} holds text, {str(particles.extra[name][0])!r} in its first row: choose one that holds numbers") from None
    there = [*CHANGES, *(each for each in known if each not in CHANGES), *columns, *particles.extra]
    raise InputError(f"the particles have no statistic {name!r}: choose one of {', '.join(there)}")


def measure_changes(
    context: JobContext, particles: Particles, reference: str | None, fulcrum: str | None, group: "PointGroup"
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the rows that have a pose to compare with, and both changes of these, from ``reference`` or from the consensus in the table.

    ``fulcrum`` is x,y,z from the corner voxel; the shift is measured at the box centre where it is left out.
    """
    from triskelion.conventions import corner_px_to_centered_A
    from triskelion.data.particles import join_by_uid
    from triskelion.data.pose_change import at_consensus, measure_pose_change
    from triskelion.jobs.lengths import parse_position_xyz_px

    rows, before = np.arange(len(particles)), at_consensus(particles)
    if reference is not None:
        other = context.read_particles(reference)
        rows, rows_other = join_by_uid(particles, other)
        order = np.argsort(rows)  # as in the table
        rows, rows_other = rows[order], rows_other[order]
        if len(rows) < len(particles):
            context.warn(f"{len(particles) - len(rows)} of {len(particles)} particles are not in {reference}: they are left out")
        if not len(rows):
            raise InputError(f"the particles and {reference} have no particle in common: give a table of the same particles")
        before = other.select(rows_other)
    point_A = None
    if fulcrum is not None:
        optics = particles.optics[particles["optics_group"][0]]
        position = parse_position_xyz_px(fulcrum, optics.pixel_size_A, "fulcrum")
        point_A = corner_px_to_centered_A(position, optics.box_px, optics.pixel_size_A)
    return rows, dict(zip(CHANGES, measure_pose_change(particles.select(rows), before, point_A, group), strict=True))
