"""Job: two jobs side by side: maps, FSC curves, poses, half-sets and parameters.

Maps are compared as they are, none is moved onto the other; of two grids the one with the larger pixels is taken, both with the same centre: nothing
finer is known of both. The second map may have another scale of grey: it is shown multiplied by the factor that makes it most like the first at low
resolution. Poses are compared particle by particle, up to the symmetry, for the particles that both have.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from triskelion.data.particles import NO_HALF, Particles, join_by_uid
from triskelion.data.volume import Mask, OnGrid, Volume, is_same_grid, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    import numpy as np

    from triskelion.geometry.symmetry import PointGroup
    from triskelion.resolution.curves import FscCurves

MAP_THRESHOLD = 0.5  # of the FSC between two maps, neither of which is a half


class CompareParameters(JobParameters):
    """What compare wants to know."""

    first: str = slot("volume", title="First", help="A job with a map, or a map; its half maps, where it has them, give an FSC curve.")
    second: str = slot("volume", title="Second", help="The job or map to compare it with.")
    mask: str | None = slot(
        "mask",
        title="Mask",
        optional=True,
        help="For all FSC curves, on the grid of either map; slices and shifts are then through and of its centre.",
    )
    first_particles: str | None = slot("particles", title="First particles", optional=True, help="Left out: those of the first job, if it has any.")
    second_particles: str | None = slot(
        "particles", title="Second particles", optional=True, help="Left out: those of the second job, if it has any."
    )
    symmetry: str = parameter("C1", title="Symmetry", help="Point group up to which poses are compared: C1, C4, D7, T, O, I, I1, I3 or I4.")


@dataclass(frozen=True)
class Side:
    """What is known of one of the two."""

    label: str
    volume: Volume
    halves: tuple[Volume, Volume] | None
    particles: Particles | None


def run(parameters: CompareParameters, context: JobContext) -> None:
    """Read both, compare what both have."""
    from triskelion.geometry.symmetry import parse_symmetry

    group = parse_symmetry(parameters.symmetry)
    given = (
        _read_side(context, parameters.first, parameters.first_particles),
        _read_side(context, parameters.second, parameters.second_particles),
    )
    grid = _choose_grid(given[0].volume, given[1].volume)
    sides = first, second = (_bring_to_grid(context, given[0], grid), _bring_to_grid(context, given[1], grid))
    mask = None if parameters.mask is None else _read_mask(context, parameters.mask, given, grid)
    _compare_maps(context, sides, mask, parameters.seed)
    if first.particles is not None and second.particles is not None:
        rows = join_by_uid(first.particles, second.particles)
        context.summarize(n_first=len(first.particles), n_second=len(second.particles), n_shared=len(rows[0]))
        if len(rows[0]):
            shared = first.particles.select(rows[0]), second.particles.select(rows[1])
            _compare_poses(context, shared, _rotations_of(shared, group), mask, first.volume)
            _compare_half_sets(context, *shared)
        else:
            context.warn("the two have no particle in common: poses and half-sets cannot be compared")
    _compare_parameters(context, parameters.first, parameters.second)


def _read_side(context: JobContext, reference: str, particles: str | None) -> Side:
    """Read a map and what belongs to it; what is not there is said in the log, unless it was asked for by name."""
    volume = context.read_volume(reference)
    halves = found = None
    try:
        halves = context.read_volume(reference, "half_a"), context.read_volume(reference, "half_b")
    except InputError as error:
        context.log(f"no half maps, so no FSC curve of its own: {error}")
    if particles is not None:
        found = context.read_particles(particles)
    elif context.read_parameters(reference) is not None:
        try:
            found = context.read_particles(reference.partition(".")[0])
        except InputError as error:
            context.log(f"no particles, so no poses to compare: {error}")
    return Side(reference, volume, halves, found)


def _choose_grid(first: Volume, second: Volume) -> OnGrid:
    """The grid with the larger pixels; of those with the same pixels the smaller one."""
    if abs(first.pixel_size_A - second.pixel_size_A) <= 1e-3 * first.pixel_size_A:
        return min(first, second, key=lambda volume: volume.box_px)
    return max(first, second, key=lambda volume: volume.pixel_size_A)


def _bring_to_grid(context: JobContext, side: Side, grid: OnGrid) -> Side:
    """Resample the maps of a side where they lie on another grid."""
    from triskelion.maps.edit import resample_map

    if is_same_grid(side.volume, grid):
        return side
    context.log(
        f"{side.label} is resampled from {side.volume.box_px} px at {side.volume.pixel_size_A:g} Å/px to {grid.box_px} px at "
        f"{grid.pixel_size_A:g} Å/px: nothing finer than {2 * grid.pixel_size_A:.2f} Å is compared"
    )
    half_maps = None if side.halves is None else (resample_map(side.halves[0], grid), resample_map(side.halves[1], grid))
    return replace(side, volume=resample_map(side.volume, grid), halves=half_maps)


def _read_mask(context: JobContext, reference: str, sides: tuple[Side, Side], grid: OnGrid) -> Mask:
    """Read a mask on the grid of either map, and bring it to ``grid``."""
    from triskelion.maps.edit import resample_map

    mask = context.read_mask(reference)
    if is_same_grid(mask, grid):
        return mask
    if not any(is_same_grid(mask, side.volume) for side in sides):
        require_same_grid(grid, mask, "the maps", "the mask")
    resampled = resample_map(Volume(mask.array, mask.pixel_size_A), grid).array
    return Mask(resampled.clip(0, 1), grid.pixel_size_A)  # its Fourier series swings a little over the edge


def _compare_maps(context: JobContext, sides: tuple[Side, Side], mask: Mask | None, seed: int) -> None:
    """Plot slices and FSC curves; sum up both resolutions, and up to where the maps agree."""
    from triskelion.maps.edit import relative_scale
    from triskelion.masks.automatic import spherical_mask
    from triskelion.plots.compare_fsc import collect_compare_fsc
    from triskelion.plots.compare_maps import collect_compare_maps
    from triskelion.resolution.crossing import find_crossing
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import compute_fsc_curves, fsc

    first, second = sides
    labels = _name_apart(first.label, second.label)
    through = None if mask is None else mask.center_xyz_px
    scale = relative_scale(second.volume, first.volume)
    context.plot("compare_maps", collect_compare_maps(labels, first.volume, second.volume, scale, through_xyz_px=through))
    curves: dict[str, FscCurves] = {
        label: compute_fsc_curves(*side.halves, mask, seed) for label, side in zip(labels, sides, strict=True) if side.halves is not None
    }
    grid = first.volume
    between = fsc(first.volume, second.volume, mask or spherical_mask(grid.box_px, grid.pixel_size_A))
    agree_A = finite_or_none(find_crossing(between, MAP_THRESHOLD).resolution_A(grid.box_px, grid.pixel_size_A))
    halves = {label: (each.curves[each.headline], finite_or_none(each.resolution_A())) for label, each in curves.items()}
    context.plot("compare_fsc", collect_compare_fsc(halves, between, agree_A, grid))
    for name, label in zip(("first", "second"), labels, strict=True):
        if label in curves:
            resolution_A = curves[label].resolution_A()
            context.log(f"{label}: {resolution_A:.2f} Å (FSC of its half maps, {curves[label].headline}, 0.143)")
            context.summarize(**{f"{name}_resolution_A": finite_or_none(resolution_A)})
    agreement = "from the first shells on they do not agree" if agree_A is None else f"the maps agree to {agree_A:.2f} Å"
    context.log(f"{agreement} (FSC between them 0.5); densities of {labels[1]} are shown times {scale:.3g}")
    context.summarize(maps_agree_to_A=agree_A, second_multiplied_by=scale)


def _name_apart(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def _rotations_of(shared: tuple[Particles, Particles], group: "PointGroup") -> "tuple[np.ndarray, np.ndarray]":
    """Rotations of both tables, those of the second at the mates nearest to the first."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.geometry.symmetry import nearest_symmetry_mate

    first, second = (rotvec_to_matrix(particles["rotvec_rad"]) for particles in shared)
    return first, nearest_symmetry_mate(second, first, group)


def _compare_poses(
    context: JobContext, shared: tuple[Particles, Particles], rotations: "tuple[np.ndarray, np.ndarray]", mask: Mask | None, grid: Volume
) -> None:
    """Plot and sum up angles between the poses, and distances between the images of the mask's or box's centre."""
    import numpy as np

    from triskelion.conventions import corner_px_to_centered_A
    from triskelion.geometry.fulcrum import image_of_point
    from triskelion.geometry.rotations import rotation_difference_deg
    from triskelion.plots.compare_poses import collect_compare_poses

    point_A = np.zeros(3) if mask is None else corner_px_to_centered_A(mask.center_xyz_px, grid.box_px, grid.pixel_size_A)
    places = [image_of_point(rotation, particles["shift_A"], point_A) for rotation, particles in zip(rotations, shared, strict=True)]
    angle_deg, shift_A = rotation_difference_deg(*rotations), np.linalg.norm(places[1] - places[0], axis=1)
    about = "box centre" if mask is None else "mask centre"
    context.plot("compare_poses", collect_compare_poses(angle_deg, shift_A, about=about))
    context.save_arrays("pose_differences", {"uid": shared[0]["uid"], "angle_deg": angle_deg, "shift_A": shift_A})
    figures = {
        "angle_median_deg": float(np.median(angle_deg)),
        "angle_p90_deg": float(np.percentile(angle_deg, 90)),
        "shift_median_A": float(np.median(shift_A)),
        "shift_p90_A": float(np.percentile(shift_A, 90)),
    }
    context.summarize(**figures)
    context.log(
        f"{len(angle_deg)} shared particles: poses {figures['angle_median_deg']:.2f}° apart (median; 90 % within {figures['angle_p90_deg']:.2f}°), "
        f"the {about} {figures['shift_median_A']:.2f} Å (90 % within {figures['shift_p90_A']:.2f} Å)"
    )


def _compare_half_sets(context: JobContext, first: Particles, second: Particles) -> None:
    """Say whether the particles are in the same half-sets."""
    n, halves = len(first), (first["half_set"], second["half_set"])
    if any((half == NO_HALF).any() for half in halves):
        context.log("half-sets: not given for all shared particles")
        return
    n_other = int((halves[0] != halves[1]).sum())
    context.summarize(n_in_other_half=n_other)
    if n_other == 0:
        context.log(f"half-sets: all {n} shared particles are in the same ones")
    elif n_other == n:
        context.warn(f"half-sets: all {n} shared particles are in the other ones, a and b are swapped")
    else:
        context.warn(
            f"half-sets: {n_other} of {n} shared particles are in the other ones, so a half map of one job holds noise of both halves of the other: "
            "do not refine one from the half maps of the other"
        )


def _compare_parameters(context: JobContext, first: str, second: str) -> None:
    """List the parameters in which the two jobs differ."""
    given = [context.read_parameters(reference) for reference in (first, second)]
    if given[0] is None or given[1] is None:
        context.log("parameters: only jobs have them, these are files")
        return
    names = list(dict.fromkeys([*given[0], *given[1]]))
    different = [(name, given[0].get(name), given[1].get(name)) for name in names if given[0].get(name) != given[1].get(name)]
    context.save_json("parameters", {"different": [{"name": name, "first": one, "second": other} for name, one, other in different]})
    lines = [f"{name}: {one} | {other}" for name, one, other in different]
    context.log("\n  ".join([f"parameters that differ ({first} | {second}):", *lines]) if lines else "parameters: no difference")
    context.summarize(different_parameters=", ".join(name for name, _, _ in different) or "none")


JOB = JobType("compare", "Compare two jobs: maps, FSC curves, poses, parameters", CompareParameters, run, {})
