"""Bring particles with their poses and CTF into the project; their images are linked, checked once, never copied."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from triskelion.data.particles import NO_HALF, Particles, draw_half_sets
from triskelion.errors import DataError, InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter

BATCH_BYTES = 32 * 2**20
CRYOSPARC = (".cs", ".csg")
SHOWN_PROBLEMS = 3
SHOWN_IMAGES = 8
IMAGES_FOR_CONTRAST = 500  # per optics group


class ImportParticlesParameters(JobParameters):
    """What import_particles is told."""

    meta: Path = parameter(
        title="Particle table", help="Of a 3D refinement, with poses and CTF: STAR file of RELION 3.0, 3.1, 4 or 5, or .csg or .cs file of CryoSPARC."
    )
    passthrough: Path | None = parameter(
        None, title="Passthrough file", help="A .cs file with further columns of the same particles; those beside a .cs or named in a .csg are found."
    )
    data_dir: Path | None = parameter(
        None, title="Data folder", help="Folder in which the stacks are looked for; default: the folder of the table and those around it."
    )
    pixel_size_A: float | None = parameter(None, title="Pixel size", unit="Å", gt=0, help="Replaces that of the table; shifts scale with it.")
    voltage_kV: float | None = parameter(None, title="Voltage", unit="kV", gt=0, help="Replaces that of the table.")
    cs_mm: float | None = parameter(None, title="Spherical aberration", unit="mm", help="Replaces that of the table.")
    amplitude_contrast: float | None = parameter(
        None, title="Amplitude contrast", ge=0, le=1, help="Replaces that of the table; 0.07 to 0.1 is usual."
    )
    half_sets: Literal["file", "draw"] = parameter(
        "file", title="Half-sets", help="file: those of the table (rlnRandomSubset, split), drawn where it has none; draw: drawn anew with the seed."
    )
    contrast: Literal["detect", "bright", "dark"] = parameter(
        "detect", title="Contrast", help="Protein bright or dark in the files; detect: seen from the images. Dark images are inverted when read."
    )
    drop_bad: bool = parameter(
        False, title="Drop bad particles", help="Leave out particles whose image or values cannot be used, instead of stopping."
    )


def run(parameters: ImportParticlesParameters, context: JobContext) -> None:
    """Read the table, find and check every image, settle half-sets and contrast, link the stacks."""
    from triskelion.imaging.aberrations import check_supported
    from triskelion.io.link_stacks import find_stacks, link_stacks
    from triskelion.io.stacks import number_names

    meta = context.project_folder / parameters.meta
    particles, bad = _read_table(meta, parameters, context)
    check_supported(particles.optics)
    names, stack_of_row = number_names(particles["image_path"])
    data_dir = context.project_folder / parameters.data_dir if parameters.data_dir else None
    if data_dir is not None and not data_dir.is_dir():
        raise InputError(f"data_dir {data_dir} is not a folder: give the one in which the stacks lie, or leave it out")
    stacks = find_stacks(names, meta, data_dir)
    context.log(f"{len(particles)} particles of {len(particles.optics)} optics groups in {len(names)} stacks, {len(stacks)} of them found")

    sources = [str(stacks.get(name, "")) for name in names]
    missing = np.array([not source for source in sources])[stack_of_row]
    looked_in = data_dir or f"{meta.parent} or the folders around it"
    bad = {row: f"{meta} (row {row + 1}): {reason}" for row, reason in bad.items()}
    for row in np.flatnonzero(missing).tolist():
        bad[row] = f"{meta.name} (row {row + 1}): {names[stack_of_row[row]]} is not in {looked_in}"
    particles = _settle_kept_masks(particles, meta).with_columns(image_path=np.array(sources)[stack_of_row])
    particles = _settle_boxes(particles, context)
    bad |= _check_images(particles, set(bad), context)
    keep = _rows_to_keep(len(particles), bad, parameters.drop_bad, context)
    particles, stack_of_row = particles.select(keep), stack_of_row[keep]

    particles = _settle_half_sets(particles, parameters.half_sets, parameters.seed, context)
    particles = _settle_contrast(particles, parameters.contrast, context)
    _plot(particles, context)
    folder = context.folder / "images"
    used = [names[stack] for stack in np.unique(stack_of_row).tolist()]
    links = link_stacks({name: stacks[name] for name in used}, folder)
    relative = folder.relative_to(context.project_folder).as_posix()
    linked = np.array([f"{relative}/{links[name]}" if name in links else "" for name in names])
    particles = particles.with_columns(image_path=linked[stack_of_row])
    context.save_particles(particles)
    _summarize(particles, len(bad), context)


def _read_table(meta: Path, parameters: ImportParticlesParameters, context: JobContext) -> tuple[Particles, dict[int, str]]:
    """Read the table, by the ending of its name; what is wrong with single rows comes back beside it."""
    from triskelion.io.cs_particles import list_not_applied, parse_cs_particles
    from triskelion.io.optics_star import Microscope
    from triskelion.io.particle_star import parse_particles

    microscope = Microscope(parameters.pixel_size_A, parameters.voltage_kV, parameters.cs_mm, parameters.amplitude_contrast)
    passthrough = [context.project_folder / parameters.passthrough] if parameters.passthrough else []
    if meta.suffix not in CRYOSPARC:
        if passthrough:
            raise InputError(f"a passthrough file goes with a .cs file, got {meta.name}: leave it out")
        return parse_particles(meta, microscope)
    particles, bad = parse_cs_particles(meta, passthrough, microscope)
    not_applied = list_not_applied(particles)
    if not_applied:
        context.warn(
            f"the particles have {', '.join(not_applied)}, which CryoSPARC corrects and this program does not: kept for export, "
            "but details that need it stay blurred; CTF parameters without it can be refined in CryoSPARC"
        )
    return particles, bad


def _settle_kept_masks(particles: Particles, meta: Path) -> Particles:
    """Find the masks of subtracted images where the table lies: their paths start from another project's folder."""
    from triskelion.io.link_stacks import find_stacks

    found = find_stacks(particles.kept_masks, meta, None)
    settled = {mask: str(found.get(mask, meta.parent / mask)) for mask in particles.kept_masks}
    return particles.with_optics(tuple(replace(group, kept_mask=settled.get(group.kept_mask, "")) for group in particles.optics))


def _settle_boxes(particles: Particles, context: JobContext) -> Particles:
    """Take the box from the stacks where the table does not give it, and compare pixel sizes."""
    from triskelion.io.mrc import read_header

    optics = []
    for place, group in enumerate(particles.optics):
        paths = dict.fromkeys(particles["image_path"][particles["optics_group"] == place].tolist())
        first = next((path for path in paths if Path(path).is_file()), None)
        if first is not None:
            header = read_header(first)
            pixel_A = header.voxel_size_A[0]
            if pixel_A not in (0.0, 1.0) and abs(pixel_A - group.pixel_size_A) > 0.01 * group.pixel_size_A:  # 0 and 1 mean "not set"
                context.warn(f"{first} says {pixel_A:g} Å/px, the particle table {group.pixel_size_A:g} Å/px: the table is believed")
            group = replace(group, box_px=group.box_px or header.shape[2])
        optics.append(group)
    return particles.with_optics(tuple(optics))


def _check_images(particles: Particles, known_bad: set[int], context: JobContext) -> dict[int, str]:
    """Read every image once; return row -> what is wrong with it."""
    from triskelion.io.stacks import ParticleImages

    images = ParticleImages(particles, context.project_folder)
    bad: dict[int, str] = {}
    with context.progress(len(particles), "Checking images") as progress:
        for rows in _batches(particles):
            wanted = rows[~np.isin(rows, list(known_bad))]
            if len(wanted):
                bad |= images.load(wanted)[1]
            progress.advance(len(rows))
    return bad


def _batches(particles: Particles) -> Iterator[np.ndarray]:
    """Yield rows in the order in which they lie on disk, one optics group at a time."""
    from triskelion.io.stacks import number_names

    order = np.lexsort((particles["image_index"], number_names(particles["image_path"])[1]))
    for place, group in enumerate(particles.optics):
        rows = order[particles["optics_group"][order] == place]
        size = max(1, BATCH_BYTES // (4 * max(group.box_px, 1) ** 2))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _rows_to_keep(n: int, bad: dict[int, str], drop_bad: bool, context: JobContext) -> np.ndarray:
    if bad:
        first = [bad[row] for row in sorted(bad)[:SHOWN_PROBLEMS]]
        more = [f"and {len(bad) - len(first)} more"] if len(bad) > len(first) else []
        message = f"{len(bad)} of {n} particles cannot be used:\n  " + "\n  ".join(first + more)
        if len(bad) == n or not drop_bad:
            advice = "check meta and data_dir" if len(bad) == n else "mend the files, or leave these particles out with drop_bad=true"
            raise DataError(f"{message}\n{advice}")
        context.warn(message + "\nThey are left out.")
    return np.setdiff1d(np.arange(n), list(bad))


def _settle_half_sets(particles: Particles, half_sets: str, seed: int, context: JobContext) -> Particles:
    """Draw half-sets where asked for or where there are none."""
    if half_sets == "draw" or (particles["half_set"] == NO_HALF).all():
        particles = draw_half_sets(particles, seed)
        context.log(f"half-sets drawn with seed {seed}")
    particles.require_half_sets()
    return particles


def _settle_contrast(particles: Particles, contrast: str, context: JobContext) -> Particles:
    """Set image_sign of each optics group: as told, or as its images show."""
    from triskelion.imaging.contrast_sign import detect_contrast_sign
    from triskelion.io.stacks import ParticleImages

    if contrast != "detect":
        sign = 1 if contrast == "bright" else -1
        return particles.with_optics(tuple(replace(group, image_sign=sign) for group in particles.optics))
    images = ParticleImages(particles, context.project_folder)
    evidence = []
    for place in range(len(particles.optics)):
        rows = np.flatnonzero(particles["optics_group"] == place)
        evidence.append(detect_contrast_sign(particles, images, rows[:: 1 + len(rows) // IMAGES_FOR_CONTRAST]))
    clearest = max(evidence, key=lambda each: abs(each.z))
    if clearest.sign == 0:
        context.warn(
            f"the images do not show whether protein is bright or dark (z = {clearest.z:.1f}): taken as the table has it; "
            "if the map comes out inverted, import again with contrast='dark'"
        )
    signs = [each.sign or clearest.sign or 1 for each in evidence]
    optics = [replace(group, image_sign=group.image_sign * sign) for group, sign in zip(particles.optics, signs)]
    for group, each in zip(optics, evidence):
        word = "bright" if group.image_sign == 1 else "dark"
        context.log(f"{group.name}: protein is {word} in the files ({abs(each.z):.1f} standard errors, {each.n_images} images)")
    return particles.with_optics(tuple(optics))


def _plot(particles: Particles, context: JobContext) -> None:
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.io.stacks import ParticleImages
    from triskelion.plots.defocus import collect_defocus
    from triskelion.plots.sample_images import collect_sample_images
    from triskelion.plots.viewing_directions import collect_viewing_directions

    group = particles["optics_group"][0]
    rows = np.flatnonzero(particles["optics_group"] == group)
    rows = rows[np.linspace(0, len(rows) - 1, min(SHOWN_IMAGES, len(rows))).astype(int)]
    sample = ParticleImages(particles, context.project_folder).read(rows)
    context.plot("sample_images", collect_sample_images(sample, particles.optics[group].pixel_size_A))
    context.plot("defocus", collect_defocus(particles["defocus_u_A"], particles["defocus_v_A"]))
    context.plot("viewing_directions", collect_viewing_directions(rotvec_to_matrix(particles["rotvec_rad"])))


def _summarize(particles: Particles, n_dropped: int, context: JobContext) -> None:
    used = [particles.optics[place] for place in np.unique(particles["optics_group"])]
    values = {
        "pixel_size_A": [group.pixel_size_A for group in used],
        "box_px": [group.box_px for group in used],
        "contrast": ["bright" if group.image_sign == 1 else "dark" for group in used],
    }
    one_or_all = {name: found[0] if len(set(found)) == 1 else found for name, found in values.items()}
    context.summarize(n_particles=len(particles), n_dropped=n_dropped, **one_or_all)


JOB = JobType(
    name="import_particles",
    title="Import particles with poses and CTF",
    parameters=ImportParticlesParameters,
    run=run,
    outputs={"particles": "particles"},
)
