"""Job: how domains move: hinge axes, amplitudes, correlations between domains, movies, from several local refinements.

Turns are counted from the consensus poses that each refinement ended with, or, better, from the poses of the body refined by itself: the
consensus of a domain follows the other domains a little, and errors of it are in all domains alike, which looks like motion that they have in
common. Poses are taken as the images alone ask for them; what errors of poses add to the variance is subtracted.

Movies are maps: a domain turned about its fulcrum along each of its axes, from -2 to 2 standard deviations, the rest of the map at rest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.refine.fulcrum import FulcrumEstimate
    from triskelion.refine.motion import DomainTurns, FreePoses, Motion

FARTHEST_SD = 2.0


class DomainMotionParameters(JobParameters):
    """What domain_motion wants to know."""

    domains: tuple[str, ...] = slot("particles", title="Domains", help="Local refinements, one of each domain, of the same particles: J8,J12.")
    reference: str | None = slot(
        "particles",
        title="Reference",
        optional=True,
        help="Local refinement of what the domains move against, the body. Left out: the consensus poses of each domain.",
    )
    names: tuple[str, ...] | None = parameter(None, title="Names", help="What the domains are called: head,foot. Left out, their jobs.")
    volume: str | None = slot(
        "volume", title="Map", optional=True, help="Map to show axes on and to make movies of: a composite map, or the consensus. Without, no movies."
    )
    frames: int = parameter(5, title="Frames", ge=0, le=99, help="Maps of a movie; 0 for none.")


@dataclass(frozen=True)
class Domain:
    """One domain as its refinement left it; shifts are about the box centre."""

    name: str
    mask: Mask
    particles: Particles
    poses: "FreePoses"  # with calibrated covariances
    shifts_A: np.ndarray
    covariance_rad_A: np.ndarray  # (n, 5, 5) as the posterior has it


def run(parameters: DomainMotionParameters, context: JobContext) -> None:
    """Read poses, estimate, show, make movies."""
    from triskelion.refine.motion import estimate_motion

    names = parameters.names or tuple(reference.partition(".")[0] for reference in parameters.domains)
    if len(names) != len(parameters.domains) or len(set(names)) != len(names):
        raise InputError(f"got {len(names)} names ({', '.join(names)}) for {len(parameters.domains)} domains: give each domain a name of its own")
    domains = [_read_domain(context, job, name) for job, name in zip(parameters.domains, names, strict=True)]
    for other in domains[1:]:
        require_same_grid(domains[0].mask, other.mask, f"the mask of {domains[0].name}", f"that of {other.name}")
    body = None if parameters.reference is None else _read_domain(context, parameters.reference, "reference")
    motion = estimate_motion([_turns_of(domain, body) for domain in domains], parameters.seed)
    fulcra = [_estimate_fulcrum(domain, body, parameters.seed) for domain in domains]
    _report(context, names, motion, fulcra, domains[0].mask, body is not None)
    volume = None if parameters.volume is None else context.read_volume(parameters.volume)
    _plot(context, domains, motion, fulcra, volume)
    if volume is not None and parameters.frames:
        _make_movies(context, domains, motion, fulcra, volume, parameters.frames)


def _read_domain(context: JobContext, reference: str, name: str) -> Domain:
    """Read a local refinement: poses without the prior, and the particles they are of."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.refine.motion import FreePoses

    job = reference.partition(".")[0]
    free, particles, mask = context.read_arrays(job, "free_poses"), context.read_particles(reference), context.read_mask(job)
    _, rows, order = np.intersect1d(free["uid"], particles["uid"], return_indices=True)
    covariance, widened_by = free["covariance_rad_A"][rows], float(free["posterior_factors"][0])
    poses = FreePoses(free["uid"][rows], rotvec_to_matrix(free["rotvec_rad"][rows]), widened_by * covariance[:, :3, :3])
    return Domain(name, mask, particles.select(order), poses, free["shift_A"][rows], covariance)


def _turns_of(domain: Domain, body: Domain | None) -> "DomainTurns":
    """Turns against the body where it was refined, else against the consensus, whose errors are not known."""
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.refine.motion import FreePoses, measure_turns

    half_set = domain.particles["half_set"]
    if body is None:
        consensus = rotvec_to_matrix(domain.particles["consensus_rotvec_rad"])
        return measure_turns(domain.poses, FreePoses(domain.poses.uid, consensus, np.zeros((len(consensus), 3, 3))), half_set)
    rows, of_body = join_by_uid(domain.particles, body.particles)
    return measure_turns(domain.poses.take(rows), body.poses.take(of_body), half_set[rows])


def _estimate_fulcrum(domain: Domain, body: Domain | None, seed: int) -> "FulcrumEstimate":
    """The point that stays at rest in the body, or in the consensus.

    Covariances are those of the posterior, not widened: what maps have wrong alike is not independent of the motion, as an error by chance is.
    """
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.refine.domain import Domain as DomainFrame
    from triskelion.refine.fulcrum import PoseErrors, suggest_fulcrum

    pixel_size_A, particles, mask = domain.mask.pixel_size_A, domain.particles, domain.mask
    if body is None:
        rows = np.arange(len(particles))
        at_rest = rotvec_to_matrix(particles["consensus_rotvec_rad"]), particles["consensus_shift_A"]
    else:
        rows, of_body = join_by_uid(particles, body.particles)
        at_rest = body.poses.rotations[of_body], body.shifts_A[of_body]
    units = np.array([1, 1, 1, pixel_size_A, pixel_size_A])
    errors = PoseErrors(domain.covariance_rad_A[rows] / np.outer(units, units), DomainFrame.of_mask(mask, mask.center_xyz_px).center_xyz_px)
    moved = domain.poses.rotations[rows], domain.shifts_A[rows] / pixel_size_A
    return suggest_fulcrum(*moved, at_rest[0], at_rest[1] / pixel_size_A, errors, seed)


def _report(
    context: JobContext, names: tuple[str, ...], motion: "Motion", fulcra: "list[FulcrumEstimate]", grid: Mask, is_against_body: bool
) -> None:
    """Save the figures, say them in words."""
    from triskelion.plots.encode import round_numbers
    from triskelion.refine.motion import is_correlated

    middle, rows = box_center_px(grid.box_px), []
    for name, domain, fulcrum in zip(names, motion.domains, fulcra, strict=True):
        place = fulcrum.fulcrum_xyz_px + middle
        widths = ", ".join(f"{size:.1f} ± {sd:.1f}" for size, sd in zip(domain.amplitude_deg, domain.amplitude_sd_deg, strict=True))
        about = ",".join(f"{x:.1f}" for x in place)
        noise = f"noise of {domain.noise_deg.mean():.1f}° removed"
        context.log(f"{name}: turns by {widths}° (standard deviations about its principal axes, {noise}) about {about} px")
        rows.append({
            "name": name,
            "axes_xyz": round_numbers(domain.axes),
            "amplitude_deg": round_numbers(domain.amplitude_deg),
            "amplitude_sd_deg": round_numbers(domain.amplitude_sd_deg),
            "noise_deg": round_numbers(domain.noise_deg),
            "fulcrum_xyz_px": round_numbers(place),
            "fulcrum_sd_A": round_numbers(fulcrum.sd_xyz_px * grid.pixel_size_A),
        })  # fmt: skip
    pairs = [(first, second) for second in range(len(names)) for first in range(second)]
    for first, second in pairs:
        value, sd = motion.strongest(first, second)
        if is_correlated(value, sd):
            context.log(f"{names[first]} and {names[second]} move together: correlation {value:.2f} ± {sd:.2f} between two of their axes")
        else:
            context.log(f"{names[first]} and {names[second]}: no correlation beyond chance (largest {value:.2f} ± {sd:.2f})")
    if pairs and not is_against_body:
        context.warn(
            "turns are counted from the consensus poses, whose errors are not known and which follow the domains a little: "
            "correlations of less than 0.2 mean nothing; give the local refinement of the body as reference"
        )
    figures = {"correlation": round_numbers(motion.correlation), "correlation_sd": round_numbers(motion.correlation_sd)}
    context.save_json("motion", {"n_particles": len(motion.uid), "domains": rows, **figures})
    turns = {name: domain.turns_deg for name, domain in zip(names, motion.domains, strict=True)}
    context.save_arrays("turns", {"uid": motion.uid, **{f"{name}_deg": values for name, values in turns.items()}})
    context.summarize(n_particles=len(motion.uid), **{f"{row['name']}_deg": row["amplitude_deg"] for row in rows})


def _plot(context: JobContext, domains: list[Domain], motion: "Motion", fulcra: "list[FulcrumEstimate]", volume: Volume | None) -> None:
    from triskelion.plots.motion_axes import collect_motion_axes
    from triskelion.plots.motion_correlations import collect_motion_correlations
    from triskelion.plots.motion_histograms import collect_motion_histograms

    names = [domain.name for domain in domains]
    context.plot("motion_histograms", collect_motion_histograms(names, motion.domains))
    if len(domains) > 1:
        context.plot("motion_correlations", collect_motion_correlations(names, motion.correlation, motion.correlation_sd))
    if volume is not None:
        require_same_grid(volume, domains[0].mask, "the map", "the masks of the domains")
        places = [fulcrum.fulcrum_xyz_px + box_center_px(volume.box_px) for fulcrum in fulcra]
        context.plot("motion_axes", collect_motion_axes(volume, names, [domain.mask for domain in domains], motion.domains, places))


def _make_movies(
    context: JobContext, domains: list[Domain], motion: "Motion", fulcra: "list[FulcrumEstimate]", volume: Volume, n_frames: int
) -> None:
    """Save ``motion_head_axis1_frame1.mrc`` and so on."""
    from triskelion.refine.motion import motion_frames

    steps = np.linspace(-FARTHEST_SD, FARTHEST_SD, n_frames) if n_frames > 1 else np.zeros(1)
    with context.progress(3 * len(domains) * n_frames, "movies") as bar:
        for domain, moves, fulcrum in zip(domains, motion.domains, fulcra, strict=True):
            for number, (axis, amplitude_deg) in enumerate(zip(moves.axes, moves.amplitude_deg, strict=True), start=1):
                shown = motion_frames(volume, domain.mask, fulcrum.fulcrum_xyz_px, axis, steps * amplitude_deg)
                for frame, moved in enumerate(shown, start=1):
                    context.save_volume(moved, f"motion_{domain.name}_axis{number}_frame{frame}")
                    bar.advance()


JOB = JobType("domain_motion", "Hinge axes, amplitudes and correlations of domains", DomainMotionParameters, run, {})
