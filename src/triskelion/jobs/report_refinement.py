"""What every refinement shows after each iteration and leaves at its end, whatever it refines."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from triskelion.data.volume import Mask, Volume
from triskelion.jobs.context import JobContext
from triskelion.jobs.report_maps import N_DIRECTIONS, plot_maps, plot_views

if TYPE_CHECKING:
    from triskelion.imaging.scale import Contrast
    from triskelion.refine.refinement import Refinement
    from triskelion.refine.state import IterationResult
    from triskelion.resolution.curves import FscCurves

NO_EVIDENCE_FACTOR = 1.3
PRECISION_SPREAD = 10
MOST_VIEWS = 500_000  # that pictures and precision by direction are made of
Shown = tuple[Mask, np.ndarray | None]  # on slices of the map: a mask, and a fulcrum (x, y, z) px from the corner voxel


class IterationFigures(NamedTuple):
    """What is kept of an iteration when the next one is done."""

    resolution_A: float
    rotation_change_deg: float  # median, since the iteration before
    shift_change_A: float
    log_likelihood: float  # mean log posterior of a particle, nat
    converged: bool


PLOTTED = IterationFigures._fields[:4]


def summarize_iteration(result: "IterationResult") -> IterationFigures:
    """Return the figures that the plot ``iterations`` shows of an iteration."""
    likelihood = float(result.log_posterior[result.refined].mean())
    return IterationFigures(result.curves.resolution_A(), result.median_step_deg, result.median_step_A, likelihood, result.converged)


def plot_iteration(
    context: JobContext, refinement: "Refinement", result: "IterationResult", history: list[IterationFigures], mask: Mask | None, shown: Shown
) -> None:
    """Plot the newest iteration, the last of ``history``, and keep its map; ``mask`` is the user's behind the FSC, if there is one."""
    from triskelion.maps.sharpen import sharpen
    from triskelion.plots.iterations import collect_iterations
    from triskelion.plots.nonuniform_cut import collect_nonuniform_cut
    from triskelion.plots.posterior_sd import collect_posterior_sd
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import average_map

    number, grid, refined = result.number, refinement.grid, result.refined
    half_a, half_b = (Volume(half, grid.pixel_size_A) for half in result.half_maps)
    average, sharpened = average_map(half_a, half_b), sharpen(half_a, half_b, result.curves, mask)
    context.save_volume(Volume(refinement.domain.put_back(average.array), grid.pixel_size_A), "map", number)
    plot_maps(context, result.curves, average, sharpened.volume, *shown, number)
    if sharpened.guinier is not None:
        context.plot("guinier", sharpened.guinier.as_dict(), number)
    plot_views(context, *list_views(refinement, result), result.sigma2, grid, previous_sigma2=result.previous_sigma2, iteration=number)
    if not refinement.extent.is_fixed:
        context.plot("posterior_sd", collect_posterior_sd(result.rotation_sd_deg[refined], result.position_sd_A[refined]), number)
    if refinement.filter is not None:
        cut_A = Volume(refinement.filter.cut_A, grid.pixel_size_A)
        context.plot("nonuniform_cut", collect_nonuniform_cut(cut_A, shown[0]), number)
    columns = {name: [finite_or_none(getattr(figures, name)) for figures in history] for name in PLOTTED}
    context.plot("iterations", collect_iterations(**columns))


def list_views(refinement: "Refinement", result: "IterationResult") -> tuple[np.ndarray, np.ndarray]:
    """Rotations (v, 3, 3) at which the map was seen, with all symmetric mates, and the precision (v,) of the images there; some of very many."""
    from triskelion.geometry.symmetry import expand_poses

    mates = np.eye(3)[None] if refinement.group is None else refinement.group.rotations
    step = math.ceil(len(result.refined) * len(mates) / MOST_VIEWS)
    rows = result.refined[::step]
    return expand_poses(result.rotations[rows], mates), np.tile(result.precision[rows] * step, len(mates))


def calibrate(context: JobContext, refinement: "Refinement", result: "IterationResult") -> "IterationResult":
    """Widen the posteriors of the result by how much they are too narrow, and say so; nothing where nothing was searched."""
    from triskelion.refine.calibration import Calibration, calibrate_posterior

    if refinement.extent.is_fixed:
        return result

    def factors() -> np.ndarray:
        found = calibrate_posterior(refinement, result.covariance)
        return np.array([found.rotation, found.position])

    rotation, position = map(float, refinement.means.shared.settle("calibration", factors))
    context.log(
        f"posterior standard deviations are widened by {np.sqrt(rotation):.2f} (rotation) and {np.sqrt(position):.2f} (position): "
        "as poses differ between the maps of the two halves, and for what both maps have wrong alike"
    )
    context.summarize(posterior_factor_rotation=rotation, posterior_factor_position=position)
    return Calibration(rotation, position).widen_result(result)


def report_contrast(context: JobContext, refinement: "Refinement", contrast: "Contrast | None") -> None:
    """Show the contrast of the particles, and say how far it differs where it was estimated."""
    from triskelion.plots.scale import collect_scale

    context.plot("scale", collect_scale(refinement.inputs.images.particles["contrast"]))
    if contrast is not None:
        context.log(f"contrast of the particles: standard deviation {contrast.spread:.2f}")
        context.summarize(contrast_spread=contrast.spread)


def save_poses(
    context: JobContext, refinement: "Refinement", result: "IterationResult", consensus: tuple[np.ndarray, np.ndarray], **columns: np.ndarray
) -> None:
    """Save the particles at their poses, with the consensus (rotations, shifts in px) that goes with them, and how well the poses are known.

    ``columns`` are more arrays, one row a particle, for ``poses.npz``.
    """
    from triskelion.geometry.rotations import matrix_to_rotvec

    particles, pixel_size_A = refinement.inputs.images.particles, refinement.grid.pixel_size_A
    refined = particles.with_columns(
        rotvec_rad=matrix_to_rotvec(result.rotations),
        shift_A=result.shifts_px * pixel_size_A,
        consensus_rotvec_rad=matrix_to_rotvec(consensus[0]),
        consensus_shift_A=consensus[1] * pixel_size_A,
    )
    context.save_particles(refined)
    units = np.array([1, 1, 1, pixel_size_A, pixel_size_A])
    known = {
        "uid": particles["uid"],
        "rotation_sd_deg": result.rotation_sd_deg,
        "position_sd_A": result.position_sd_A,
        "log_posterior": result.log_posterior,
        "covariance_rad_A": result.covariance * np.outer(units, units),
    }
    context.save_arrays("poses", known | columns)


def doubt_end(converged: bool, n_iterations: int, max_iterations: int) -> list[str]:
    """Say whether a refinement was cut short."""
    if converged or n_iterations < max_iterations:
        return []
    return [f"it was still improving when {max_iterations} iterations were done: clone the job with more max_iterations"]


def doubt_resolution(curves: "FscCurves", begun_at_A: float, begun_with: str, shown_by_it: str) -> list[str]:
    """Say whether a resolution is hardly finer than what the halves had in common from the beginning."""
    resolution_A = curves.resolution_A()
    begun_at_A = max(begun_at_A, 2 * curves.pixel_size_A)  # Nyquist where the low-pass lies beyond it
    if not math.isfinite(resolution_A) or resolution_A * NO_EVIDENCE_FACTOR <= begun_at_A:
        return []
    return [
        f"the resolution, {resolution_A:.1f} Å, is hardly finer than {begun_with}, {begun_at_A:g} Å: by itself it is no evidence that {shown_by_it}"
    ]


def doubt_views(rotations: np.ndarray, precision: np.ndarray) -> list[str]:
    """Say whether directions of the map are seen too rarely, or never."""
    from triskelion.resolution.orientation import half_sphere_directions, posterior_precision

    by_direction = posterior_precision(rotations, precision, half_sphere_directions(N_DIRECTIONS))
    unseen = float((by_direction == 0).mean())
    if unseen:
        return [f"no particle shows {100 * unseen:.1f} % of the directions: the map is empty there"]
    spread = float(by_direction.max() / by_direction.min())
    if spread > PRECISION_SPREAD:
        return [f"the posterior precision differs {spread:.0f}-fold between directions: the particles show some views too rarely"]
    return []
