"""Job: some of the particles: chosen by a statistic, by how far their poses changed, or drawn at random.

A statistic is a column of the table (`contrast`, `defocus_u_A`, or one of the STAR file that this program does not use, `rlnCtfMaxResolution`),
what a refinement knows of each particle (`log_posterior`, `rotation_sd_deg`, `position_sd_A`), or a change of pose (`rotation_change_deg`,
`shift_change_A`). With `n_particles` so many are then drawn of those that stay. Particles keep their half-sets. Where a share or a number of them
is kept, each half-set is ranked by itself, so that both keep their shares; a range takes what lies in it, and a warning follows where the halves
then differ by more than chance. No statistic proves a particle bad: refine the subset and a random one of the same size, and `compare`.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import model_validator

from triskelion.data.particles import HALF_A, HALF_B, Particles
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.jobs.keep_rule import KeepRule

Poses = dict[str, np.ndarray]  # arrays of poses.npz, one row a particle


class SubsetParameters(JobParameters):
    """What subset wants to know."""

    particles: str = slot("particles", title="Particles", help="Particles to choose from.")
    by: str | None = parameter(None, title="Statistic", help="What to choose by: contrast, log_posterior, rotation_sd_deg, rotation_change_deg ...")
    keep: str | None = parameter(None, title="Keep", help="What stays: 'best 80%', 'highest 5000', 'lowest 10%', or a range: 0.7..1.3, ..4.")
    n_particles: int | None = parameter(None, title="Particles", ge=2, help="So many are drawn at random of those that stay; left out, all stay.")
    reference: str | None = slot(
        "particles", title="Reference", optional=True, help="Poses from which changes are counted; left out, the consensus poses in the table."
    )
    fulcrum: str | None = parameter(
        None,
        title="Fulcrum",
        help="x,y,z from the corner voxel, in px or, with an A behind, in Å: where shifts are measured; left out, the box centre.",
    )
    symmetry: str = parameter("C1", title="Symmetry", help="Point group up to which poses are compared: C1, C4, D7, T, O, I.")

    @model_validator(mode="after")
    def _want_something(self) -> "SubsetParameters":
        if (self.by is None) != (self.keep is None):
            raise ValueError("by and keep belong together: by=contrast keep='best 80%'")
        if self.by is None and self.n_particles is None:
            raise ValueError("all particles would stay: give by and keep, or n_particles")
        return self


def run(parameters: SubsetParameters, context: JobContext) -> None:
    """Choose, draw, save."""
    from triskelion.data.subsets import draw_subsets, half_sets_differ
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.jobs.read_statistic import read_poses_arrays
    from triskelion.plots.viewing_directions import collect_viewing_directions

    particles = context.read_particles(parameters.particles)
    n_all = len(particles)
    poses = read_poses_arrays(context, parameters.particles, particles)
    if parameters.by is not None and parameters.keep is not None:
        particles, poses = _choose(parameters, parameters.by, parameters.keep, context, particles, poses)
    if parameters.n_particles is not None:
        rows = draw_subsets(particles, parameters.n_particles, 1, parameters.seed)[0]
        particles, poses = _take(particles, poses, rows)
        context.log(f"{len(rows)} particles drawn with seed {parameters.seed}")
    n_a, n_b = (len(particles.rows_of_half(half)) for half in (HALF_A, HALF_B))
    context.log(f"{len(particles)} of {n_all} particles stay: {n_a} in half-set a, {n_b} in half-set b")
    if half_sets_differ(particles):
        context.warn(
            f"the half-sets have {n_a} and {n_b} particles, which differ by more than chance: their maps will be unequally good; "
            "'best' and 'lowest' with a share keep them balanced"
        )
    context.plot("viewing_directions", collect_viewing_directions(rotvec_to_matrix(particles["rotvec_rad"])))
    context.save_particles(particles)
    if poses:
        context.save_arrays("poses", poses)
    context.summarize(n_particles=len(particles), n_left_out=n_all - len(particles), n_half_a=n_a, n_half_b=n_b)


def _choose(parameters: SubsetParameters, by: str, keep: str, context: JobContext, particles: Particles, poses: Poses) -> tuple[Particles, Poses]:
    """Keep particles by a statistic, and show where the cut is."""
    from triskelion.data.subsets import keep_between, keep_extreme
    from triskelion.geometry.symmetry import parse_symmetry
    from triskelion.jobs.keep_rule import parse_keep
    from triskelion.jobs.read_statistic import CHANGES, find_statistic, measure_changes
    from triskelion.plots.subset import collect_subset

    rule = parse_keep(keep, by)
    known = poses
    if by in CHANGES and (by not in poses or parameters.reference is not None or parameters.fulcrum is not None):
        group = parse_symmetry(parameters.symmetry)
        compared, known = measure_changes(context, particles, parameters.reference, parameters.fulcrum, group)
        particles, poses = _take(particles, poses, compared)
    elif parameters.reference is not None or parameters.fulcrum is not None:
        raise InputError(f"reference and fulcrum are for changes of poses, but by is {by}: give {' or '.join(CHANGES)}, or leave them out")
    values = find_statistic(particles, known, by)
    _warn_of_missing(context, by, values)
    if rule.highest is None:
        rows = keep_between(values, *rule.between)
    else:
        rows = keep_extreme(particles, values, rule.count(len(particles)), highest=rule.highest)
    if not len(rows):
        raise InputError(f"no particle is left: {by} runs from {np.nanmin(values):.4g} to {np.nanmax(values):.4g}, keep is {keep}")
    cuts = _find_cuts(rule, values, rows)
    context.plot("subset", collect_subset(values, rows, by, keep, cuts))
    context.log(f"{by}: {keep} keeps {len(rows)} of {len(particles)} particles, from {values[rows].min():.4g} to {values[rows].max():.4g}")
    return _take(particles, poses, rows)


def _take(particles: Particles, poses: Poses, rows: np.ndarray) -> tuple[Particles, Poses]:
    return particles.select(rows), {name: values[rows] for name, values in poses.items()}


def _find_cuts(rule: "KeepRule", values: np.ndarray, rows: np.ndarray) -> list[float]:
    """Where the cuts are: those that were given, or the last value that stayed."""
    if rule.highest is None:
        return [end for end in rule.between if math.isfinite(end)]
    return [float(values[rows].min() if rule.highest else values[rows].max())]


def _warn_of_missing(context: JobContext, by: str, values: np.ndarray) -> None:
    missing = int((~np.isfinite(values)).sum())
    if missing == len(values):
        raise InputError(f"no particle has a value of {by}: choose another statistic")
    if missing:
        context.warn(f"{missing} of {len(values)} particles have no value of {by}: they are left out")
    elif np.ptp(values) == 0:
        context.warn(f"{by} is {values[0]:.4g} for all particles: it tells none from the others")


JOB = JobType("subset", "Choose particles by a statistic, by pose change or at random", SubsetParameters, run, {"particles": "particles"})
