"""Job: the same job with different parameters, over a grid of them, on subsets of the particles: which settings are best, and is it more than chance?

``base`` is a job, which is run again, or a job type. ``fixed`` and ``vary`` are ``name=value`` and ``name=value,value,...``, as often as wanted;
where values themselves hold commas, semicolons go between them; paths are relative to the project. A slot's name and a dot before a parameter
mean the job that fills this slot, which is then run first, once for each of its settings. So masks are made from one mask base and tried with

    triskelion run series --base local_refinement --fixed particles=J1 --fixed volume=J2 --fixed mask=volume_tools
        --fixed mask.volume=J5 --vary mask.dilation_px=3,5,7 --vary mask.soft_padding_px=10,17

or, where J8 is a local refinement with a mask made by volume_tools, with ``--base J8`` and the same two ``--vary``.

All settings run on the same subsets. They are compared by the mean of the corrected FSC over one band of frequencies, inside what the masks of all
runs have in common, and are said to differ only where they differ by more than chance does between subsets. Between neighbours on the grid, the
median angle between their poses is given. Every run is a job of the project; a series that was killed goes on after its last run. On a slurm lane
runs are the tasks of an array, side by side.
"""

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import field_validator

from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.subsets import draw_subsets
from triskelion.data.volume import Mask
from triskelion.errors import InputError, JobError
from triskelion.jobs.context import JobContext
from triskelion.jobs.registry import job_type
from triskelion.jobs.series_grid import Settings, Step, build_step, join_items, list_points, list_values, parse_settings, write_items
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.resolution.curves import FscCurves
    from triskelion.resolution.settings_test import SettingsTest


class SeriesParameters(JobParameters):
    """What series wants to know."""

    base: str = parameter(title="Base", help="The job to run again (J8), or a job type: local_refinement.")
    vary: tuple[str, ...] = parameter(title="Vary", help="What is varied: rotation_extent_deg=10,20,30; more than one make a grid.")
    fixed: tuple[str, ...] = parameter((), title="Fixed", help="Other parameters and inputs of the base: volume=J2.")
    particles: str | None = slot("particles", title="Particles", optional=True, help="Left out: those of the base.")
    n_particles: int | None = parameter(None, title="Particles in a subset", ge=10, help="Left out, all are shared out among the repeats.")
    repeats: int = parameter(2, title="Repeats", ge=1, le=20, help="Subsets that every setting runs on; with one, chance cannot be told.")
    fsc_mask: str | None = slot(
        "mask", title="FSC mask", optional=True, help="One mask for the FSC of all; left out, what the masks of all runs have in common."
    )
    band_coarse_A: float | None = parameter(
        None, title="Band from", unit="Å", gt=0, help="Coarse end of the band of the FSC; left out, 3 times the median resolution of all runs."
    )
    band_fine_A: float | None = parameter(None, title="Band to", unit="Å", gt=0, help="Fine end of it; left out, 0.75 times the same.")

    @field_validator("vary", "fixed", mode="before")
    @classmethod
    def _read_items(cls, given: Any) -> Any:
        """Take a dictionary, or text that the command line split at commas."""
        if isinstance(given, dict):
            return write_items(given)
        return join_items([given] if isinstance(given, str) else list(given))


@dataclass(frozen=True)
class Run:
    """One job of the series: setting and subset by number, its name (None where it failed), and what came of it."""

    setting: int
    subset: int
    job: str | None
    curves: "FscCurves | None" = None
    particles: Particles | None = None


def run(parameters: SeriesParameters, context: JobContext) -> None:
    """Run all settings on all subsets, compare, report."""
    varied, fixed = parse_settings(parameters.vary, "vary"), parse_settings(parameters.fixed, "fixed")
    twice = sorted(set(varied) & set(fixed))
    if twice or not varied:
        raise InputError(f"{twice[0]} is both fixed and varied: give it once" if twice else "a series wants something to vary: vary=dilation_px=3,5")
    points = list_points(varied)
    subsets = _save_subsets(parameters, context, fixed)
    grid = [[_make_step(parameters, context, {**fixed, **point}, subset) for point in points] for subset in subsets]
    runs = _run_all(context, grid)
    mask = _common_mask(parameters, context, runs)
    _report(parameters, context, varied, points, [_read_run(parameters, context, each, mask) for each in runs])


def _make_step(parameters: SeriesParameters, context: JobContext, settings: Settings, particles: str) -> Step:
    """Check one point of the grid before anything is run."""
    step = build_step(parameters.base, {**settings, "particles": particles}, context.read_parameters)
    step.check()
    missing = [name for name in ("half_a", "half_b") if name not in job_type(step.job_type).outputs]
    if missing:
        raise InputError(f"{step.job_type} makes no half maps, by which settings are compared: give the job that uses what it makes as base")
    return step


def _save_subsets(parameters: SeriesParameters, context: JobContext, fixed: Settings) -> list[str]:
    """Draw the subsets and save them; return their files."""
    given = parameters.particles or fixed.get("particles")
    if given is None:
        made_with = context.read_parameters(parameters.base) if parameters.base not in fixed else None
        given = None if made_with is None else made_with.get("particles")
    if given is None:
        raise InputError("a series wants particles: give particles=J1, or a base that has some")
    particles = context.read_particles(given)
    n_particles = parameters.n_particles or len(particles) // parameters.repeats
    files = []
    for number, rows in enumerate(draw_subsets(particles, n_particles, parameters.repeats, parameters.seed), start=1):
        context.save_particles(particles.select(rows), f"subset_{number}")
        files.append(str(context.folder / f"subset_{number}.star"))
    context.log(f"{len(files)} subsets of {n_particles} of {len(particles)} particles")
    return files


def _run_all(context: JobContext, grid: list[list[Step]]) -> list[Run]:
    """Run what has not been run, all that is ready at once, so that a lane may do it side by side; a run that fails is left out."""
    steps = [step for of_subset in grid for step in of_subset]
    stored = context.load_checkpoint() or {}
    ended: dict[str, str | JobError] = {}
    ended.update(zip(stored.get("described", np.array([])).tolist(), stored.get("jobs", np.array([])).tolist(), strict=True))
    with context.progress(len(steps), "series") as bar:
        bar.advance(n_over := _count_over(steps, ended))
        while ready := {job.described: job for step in steps for job in step.find_next(ended)}:
            jobs = list(ready.values())
            for number, outcome in context.run_children([(job.job_type, job.parameters) for job in jobs]):
                ended[jobs[number].described] = outcome
                made = {described: name for described, name in ended.items() if isinstance(name, str)}
                context.save_checkpoint({"described": np.array(list(made)), "jobs": np.array(list(made.values()))})
                bar.advance(_count_over(steps, ended) - n_over)
                n_over = _count_over(steps, ended)
    return _collect_runs(context, grid, ended)


def _count_over(steps: list[Step], ended: dict[str, str | JobError]) -> int:
    return sum(step.look_up(ended) is not None for step in steps)


def _collect_runs(context: JobContext, grid: list[list[Step]], ended: dict[str, str | JobError]) -> list[Run]:
    """Give each run its job; warn of those that failed."""
    runs = []
    for subset, steps in enumerate(grid):
        for setting, step in enumerate(steps):
            outcome = step.look_up(ended)
            if isinstance(outcome, JobError):
                context.warn(f"setting {setting + 1} failed on subset {subset + 1}: {outcome}")
            runs.append(Run(setting, subset, outcome if isinstance(outcome, str) else None))
    return runs


def _common_mask(parameters: SeriesParameters, context: JobContext, runs: list[Run]) -> Mask | None:
    """The mask of the FSC: one that was given, or what the masks of all runs have in common, None where they have none.

    Each inside its own mask, the smallest one would look best, as it has the least noise inside.
    """
    if parameters.fsc_mask is not None:
        return context.read_mask(parameters.fsc_mask)
    common: Mask | None = None
    for each in runs:
        if each.job is not None and "mask" in _outputs_of(context, each.job):
            mask = context.read_mask(each.job)
            common = mask if common is None else Mask(np.minimum(common.array, mask.array), mask.pixel_size_A)
    return common


def _outputs_of(context: JobContext, job: str) -> list[str]:
    made_by = context.read_parameters(job)
    return [] if made_by is None else list(job_type(made_by["job_type"]).outputs)


def _read_run(parameters: SeriesParameters, context: JobContext, done: Run, mask: Mask | None) -> Run:
    """Read poses and half maps of a run, and compute its FSC."""
    from triskelion.resolution.fsc import compute_fsc_curves

    if done.job is None:
        return done
    half_a, half_b = (context.read_volume(done.job, name) for name in ("half_a", "half_b"))
    particles = context.read_particles(done.job) if "particles" in _outputs_of(context, done.job) else None
    return replace(done, curves=compute_fsc_curves(half_a, half_b, mask, parameters.seed), particles=particles)


def _report(parameters: SeriesParameters, context: JobContext, varied: Settings, points: list[Settings], runs: list[Run]) -> None:
    """Compare, save table and picture, name the best."""
    from triskelion.plots.encode import round_number, round_numbers
    from triskelion.plots.series import collect_series
    from triskelion.resolution.settings_test import choose_band_A, compare_settings, score_curves

    shape = len(points), parameters.repeats
    scores, resolution = np.full(shape, np.nan), np.full(shape, np.nan)
    curves = {(each.setting, each.subset): each.curves for each in runs if each.curves is not None}
    if not curves:
        raise InputError("all runs of the series failed: see its warnings")
    for place, each in curves.items():
        resolution[place] = each.resolution_A()
    band_A = choose_band_A(resolution, next(iter(curves.values())).pixel_size_A, parameters.band_coarse_A, parameters.band_fine_A)
    for place, each in curves.items():
        scores[place] = score_curves(each, band_A)
    test, agreement = compare_settings(scores), _compare_neighbours(varied, points, runs)
    rows = [
        {**points[each.setting], "subset": each.subset + 1, "job": each.job or "failed",
         "resolution_A": round_number(resolution[each.setting, each.subset]), "mean_fsc": round_number(scores[each.setting, each.subset])}
        for each in runs
    ]  # fmt: skip
    _save_table(context, rows)
    found = {"band_A": list(band_A), "mean_fsc": round_numbers(test.means), "settings_sd": round_number(test.settings_sd),
             "chance_sd": round_number(test.chance_sd), "probability": round_number(test.probability), "best": points[test.best],
             "as_good": [points[i] for i in np.flatnonzero(test.as_good)], "pose_agreement": agreement}  # fmt: skip
    context.save_json("series", {"varied": {name: list_values(text) for name, text in varied.items()}, "runs": rows, **found})
    values = {name: list_values(text) for name, text in varied.items()}
    context.plot("series", collect_series(values, resolution, scores, test.as_good, test.best, agreement))
    _say_what_is_best(context, points, test, resolution, band_A)
    context.summarize(resolution_A=round_number(float(np.nanmean(resolution[test.best]))), best=_name(points[test.best]), n_runs=len(curves))


def _compare_neighbours(varied: Settings, points: list[Settings], runs: list[Run]) -> list[dict[str, Any]]:
    """Median angle between the poses of settings that are one step apart in one parameter, over the subsets."""
    from triskelion.geometry.common_rotation import pose_agreement_deg
    from triskelion.geometry.rotations import rotvec_to_matrix

    lengths = [len(list_values(text)) for text in varied.values()]
    places = np.arange(len(points)).reshape(lengths)
    pairs = [pair for axis in range(len(lengths)) for pair in zip(*(np.moveaxis(places, axis, 0)[end].ravel() for end in (np.s_[:-1], np.s_[1:])))]
    tables = {(each.setting, each.subset): each.particles for each in runs if each.particles is not None}
    found = []
    for first, second in pairs:
        angles = []
        for subset in {subset for _, subset in tables}:
            one, other = tables.get((int(first), subset)), tables.get((int(second), subset))
            if one is not None and other is not None:
                rows = join_by_uid(one, other)
                rotations = [rotvec_to_matrix(table["rotvec_rad"][row]) for table, row in zip((one, other), rows, strict=True)]
                angles.append(pose_agreement_deg(*rotations))
        if angles:
            found.append({"first": int(first), "second": int(second), "angle_deg": round(float(np.mean(angles)), 4)})
    return found


def _save_table(context: JobContext, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    context.save_text("series.csv", text.getvalue())


def _name(point: Settings) -> str:
    return ", ".join(f"{name}={value}" for name, value in point.items())


def _say_what_is_best(context: JobContext, points: list[Settings], test: "SettingsTest", resolution: np.ndarray, band_A: tuple[float, float]) -> None:
    """Name the best with its reason; say so when differences are noise."""
    mean_A = float(np.nanmean(resolution[test.best]))
    band = f"from {band_A[0]:.1f} to {band_A[1]:.1f} Å"
    context.log(f"best: {_name(points[test.best])}, with the highest mean corrected FSC {band}, {test.means[test.best]:.3f} ({mean_A:.2f} Å)")
    others = [_name(points[i]) for i in np.flatnonzero(test.as_good) if i != test.best]
    if test.is_noise is None:
        if len(points) > 1:
            context.warn("every setting ran on one subset, so chance cannot be told from a difference: give repeats=2 or more")
    elif test.is_noise:
        context.warn(
            f"differences between settings are noise: their mean FSC varies by {test.settings_sd:.4f}, by chance it would by {test.chance_sd:.4f} "
            f"(p = {test.probability:.2f}); any of them will do, or take more particles"
        )
    else:
        context.log(
            f"settings differ by more than chance: their mean FSC varies by {test.settings_sd:.4f}, by chance it would by {test.chance_sd:.4f} "
            f"(p = {test.probability:.2g}); " + (f"as good as the best: {'; '.join(others)}" if others else "no other is as good as the best")
        )


JOB = JobType("series", "Try settings of a job over a grid, and tell the best from chance", SeriesParameters, run, {}, starts_jobs=True)
