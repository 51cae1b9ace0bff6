"""Job: simulate particles whose domains hinge on the body, with the truth beside them."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter

if TYPE_CHECKING:
    import numpy as np

    from triskelion.data.particles import Particles
    from triskelion.simulate.assembly import Assembly
    from triskelion.simulate.experiment import Experiment

PHANTOM_DOMAINS = ("head", "body", "foot", "arm")  # head first: where a slot wants a mask, the job means mask_head
MODEL_HINGE_DEG = 7.0  # of the domains of an atomic model that hinge_deg does not name


class SimulateParameters(JobParameters):
    """What simulate wants to know."""

    n_particles: int = parameter(1500, title="Particles", help="Number of particle images.", ge=2, le=1_000_000)
    box_px: int = parameter(96, title="Box", unit="px", help="Edge of the images and maps.", ge=8, le=1024)
    pixel_size_A: float = parameter(4.2, title="Pixel size", unit="Å", help="Edge of a pixel.", gt=0, le=50)
    snr: float = parameter(0.05, title="SNR", help="Variance of the signal over that of the noise, over the whole box.", gt=0, le=1e6)
    model: Path | None = parameter(None, title="Atomic model", help="PDB or mmCIF file; left out: the built-in phantom.")
    domains: str = parameter("", title="Domains", help="Chains of each domain of the model, as head=A,B;foot=C; the chains not named make the body.")
    symmetry: str = parameter(
        "C1",
        title="Symmetry",
        help="Point group of the built-in phantom: C1, C4, D2, T, O, I. Any but C1 gives a rigid particle of one domain, the body.",
    )
    hinge_deg: str = parameter(
        "",
        title="Hinges",
        unit="°",
        help="Standard deviation of each domain's rotation about its fulcrum, per axis, as head=7;arm=10. "
        "Domains not named: foot 3, head 7, arm 10 in the phantom, 7 in a model.",
    )
    hinge_scale: float = parameter(1.0, title="Hinge scale", help="Multiplies every hinge; 0 makes the particle rigid.", ge=0, le=10)
    pose_error_deg: float = parameter(1.5, title="Angle error", unit="°", help="Root mean square error of the given orientations.", ge=0, le=180)
    pose_error_px: float = parameter(1.0, title="Shift error", unit="px", help="Root mean square error of the given shifts.", ge=0, le=100)
    contrast_spread: float = parameter(0.0, title="Contrast spread", help="Standard deviation of the particles' contrast about 1.", ge=0, le=1)
    contrast: Literal["bright", "dark"] = parameter("bright", title="Contrast", help="Whether protein is bright or dark in the images.")
    n_optics_groups: int = parameter(
        1,
        title="Optics groups",
        advanced=True,
        help="With 2, every other image has smaller pixels in a larger box of the same extent.",
        ge=1,
        le=2,
    )
    float16: bool = parameter(False, title="Half precision", help="Write the images as 16-bit numbers.")


def run(parameters: SimulateParameters, context: JobContext) -> None:
    """Simulate particles, maps and masks."""
    from triskelion.geometry.symmetry import parse_symmetry
    from triskelion.simulate.experiment import Experiment, disturb_poses, draw_particles
    from triskelion.simulate.hinges import draw_hinges, hinge_poses
    from triskelion.simulate.particles import simulate_images

    assembly = _build_assembly(parameters, context)
    hinge_sd_deg = _choose_hinges_deg(parameters, assembly)
    experiment = Experiment(
        n_particles=parameters.n_particles,
        box_px=parameters.box_px,
        pixel_size_A=parameters.pixel_size_A,
        snr=parameters.snr,
        contrast_spread=parameters.contrast_spread,
        pose_error_deg=parameters.pose_error_deg,
        pose_error_px=parameters.pose_error_px,
        image_sign=1 if parameters.contrast == "bright" else -1,
        n_optics_groups=parameters.n_optics_groups,
        seed=parameters.seed,
    )
    stacks = ["particles.mrcs"] if parameters.n_optics_groups == 1 else ["particles_1.mrcs", "particles_2.mrcs"]
    folder = context.folder.relative_to(context.project_folder)
    body = draw_particles(experiment, tuple((folder / name).as_posix() for name in stacks))
    hinges = draw_hinges(list(hinge_sd_deg.values()), len(body), parameters.seed)
    truth = {name: hinge_poses(body, hinges[:, index], assembly.fulcra_A[index]) for index, name in enumerate(assembly.domains)}
    with context.progress(len(body), "images") as bar:
        images = simulate_images(assembly, truth, experiment, bar.advance)
    _save_images(parameters, context, body, images.stacks, stacks)
    _save_poses(context, disturb_poses(body, experiment), truth)
    _save_maps(context, assembly, experiment, images.signal_scale)
    truth_figures = describe_truth(assembly, experiment, hinge_sd_deg, body["contrast"])
    context.save_json("truth", truth_figures | {"symmetry": parse_symmetry(parameters.symmetry).name})
    context.log(f"{len(body)} particles, {len(assembly.weights)} scattering points in {', '.join(assembly.domains)}")
    context.summarize(n_particles=len(body), box_px=experiment.box_px, pixel_size_A=experiment.pixel_size_A, snr=experiment.snr)


def parse_assignments(text: str, name: str) -> dict[str, str]:
    """Read ``head=A,B;foot=C`` as a dict.

    Raises
    ------
    InputError
        For anything else; ``name`` is the parameter the text was given as.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and key.isidentifier() and value) or key in found:
            raise InputError(f"{name} is {text!r}: wanted name=value;name=value, every name once")
        found[key] = value
    return found


def _build_assembly(parameters: SimulateParameters, context: JobContext) -> "Assembly":
    from triskelion.geometry.symmetry import parse_symmetry
    from triskelion.simulate.phantom import build_phantom
    from triskelion.simulate.symmetric_phantom import build_symmetric_phantom

    group = parse_symmetry(parameters.symmetry)
    chains = {domain: value.split(",") for domain, value in parse_assignments(parameters.domains, "domains").items()}
    if parameters.model is not None:
        if len(group) > 1:
            raise InputError(f"symmetry is {group.name}, which is for the built-in phantom: an atomic model has its own, leave symmetry out")
        return _read_model(context.project_folder / parameters.model, chains)
    if chains:
        raise InputError("domains names chains of an atomic model: give one with model, or leave domains out")
    return build_phantom() if len(group) == 1 else build_symmetric_phantom(group)


def _read_model(path: Path, chains: dict[str, list[str]]) -> "Assembly":
    import numpy as np

    from triskelion.io.models import read_atoms
    from triskelion.simulate.assembly import build_assembly

    if "body" in chains:
        raise InputError("domains names the body: name the other domains only, the remaining chains are the body")
    atoms = read_atoms(path)
    labels = np.full(len(atoms.chains), "body", dtype=object)
    for domain, names in chains.items():
        for chain in (name.strip() for name in names):
            members = atoms.chains == chain
            if not members.any():
                raise InputError(f"domain {domain}: {path} has no chain {chain!r}, only {', '.join(np.unique(atoms.chains))}")
            if (labels[members] != "body").any():
                raise InputError(f"chain {chain!r} stands in {labels[members][0]} and in {domain}: a chain belongs to one domain")
            labels[members] = domain
    return build_assembly(atoms.coordinates_A, atoms.electrons, labels)


def _choose_hinges_deg(parameters: SimulateParameters, assembly: "Assembly") -> dict[str, float]:
    """Return the standard deviation of every domain's hinge, per axis."""
    from triskelion.simulate.phantom import DEFAULT_HINGE_DEG

    given = parse_assignments(parameters.hinge_deg, "hinge_deg")
    unknown = [name for name in given if name not in assembly.domains]
    if unknown:
        raise InputError(f"hinge_deg names {', '.join(unknown)}: the domains are {', '.join(assembly.domains)}")
    default = DEFAULT_HINGE_DEG if parameters.model is None else {"body": 0.0}
    try:
        chosen = {name: float(given.get(name, default.get(name, MODEL_HINGE_DEG))) for name in assembly.domains}
    except ValueError:
        raise InputError(f"hinge_deg is {parameters.hinge_deg!r}: wanted degrees, as head=7;arm=10") from None
    if not all(0 <= value <= 180 for value in chosen.values()):
        raise InputError(f"hinge_deg is {parameters.hinge_deg!r}: wanted 0 to 180 degrees")
    return {name: value * parameters.hinge_scale for name, value in chosen.items()}


def _save_images(parameters: SimulateParameters, context: JobContext, body: "Particles", images: "list[np.ndarray]", names: list[str]) -> None:
    import numpy as np

    from triskelion.io.mrc import write_stack
    from triskelion.plots.sample_images import collect_sample_images

    for group, stack, name in zip(body.optics, images, names):
        write_stack(context.folder / name, [stack], len(stack), group.pixel_size_A, np.float16 if parameters.float16 else np.float32)
    context.plot("sample_images", collect_sample_images(images[0][:8] * body.optics[0].image_sign, body.optics[0].pixel_size_A))


def _save_poses(context: JobContext, start: "Particles", truth: "dict[str, Particles]") -> None:
    """Save what a consensus refinement would know, and the truth of each domain, both with the same consensus poses."""
    context.save_particles(start)
    for name, poses in truth.items():
        consensus = {column: start[column] for column in ("consensus_rotvec_rad", "consensus_shift_A")}
        context.save_particles(poses.with_columns(**consensus), f"truth_{name}")


def _save_maps(context: JobContext, assembly: "Assembly", experiment: "Experiment", signal_scale: float) -> None:
    """Save the true map of every domain and of all, on the scale of the images, a soft mask of every domain, and where it is alone."""
    import numpy as np

    from triskelion.data.volume import Mask, Volume
    from triskelion.plots.map_slices import collect_map_slices
    from triskelion.simulate.density import compute_density, mask_domain

    box_px, pixel_size_A = experiment.box_px, experiment.pixel_size_A
    total = np.zeros((box_px,) * 3, dtype=np.float32)
    masks = {name: mask_domain(assembly, name, box_px, pixel_size_A) for name in assembly.domains}
    with context.progress(len(assembly.domains), "maps") as bar:
        for name in assembly.domains:
            density = compute_density(assembly, name, box_px, pixel_size_A).array * signal_scale
            total += density
            context.save_volume(Volume(density, pixel_size_A), f"map_{name}")
            outside_others = np.prod([1 - masks[other].array for other in assembly.domains if other != name], axis=0)
            context.save_volume(masks[name], f"mask_{name}")
            context.save_volume(Mask(masks[name].array * outside_others, pixel_size_A), f"alone_{name}")
            bar.advance()
    whole = Volume(total, pixel_size_A)
    context.save_volume(whole, "map_all")
    context.plot("map_slices", collect_map_slices({"truth": whole}))


def describe_truth(assembly: "Assembly", experiment: "Experiment", hinge_sd_deg: dict[str, float], contrast: "np.ndarray") -> dict:
    """Collect what truth.json says; fulcra are counted in px from the corner voxel."""
    from triskelion.conventions import centered_A_to_corner_px

    fulcra_px = centered_A_to_corner_px(assembly.fulcra_A, experiment.box_px, experiment.pixel_size_A).round(2).tolist()
    return {
        "n": experiment.n_particles,
        "box": experiment.box_px,
        "apix_A": experiment.pixel_size_A,
        "snr": experiment.snr,
        "seed": experiment.seed,
        "hinge_sigma_deg_per_axis": hinge_sd_deg,
        "pose_error": {"deg": experiment.pose_error_deg, "px": experiment.pose_error_px},
        "contrast": contrast.round(4).tolist(),
        "fulcrum_xyz_px": dict(zip(assembly.domains, fulcra_px)),
    }


JOB = JobType(
    "simulate",
    "Simulate particles whose domains hinge, with truth",
    SimulateParameters,
    run,
    {
        "particles": "particles",
        **{f"truth_{name}": "particles" for name in PHANTOM_DOMAINS},
        "map_all": "volume",
        **{f"map_{name}": "volume" for name in PHANTOM_DOMAINS},
        **{f"mask_{name}": "mask" for name in PHANTOM_DOMAINS},
        **{f"alone_{name}": "mask" for name in PHANTOM_DOMAINS},
    },
)
