"""Write particles as a group of results that CryoSPARC imports: a .cs file, its .csg file, and links to the images."""

from pathlib import Path

import numpy as np

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

CS_FILE, CSG_FILE = "particles.cs", "particles.csg"


class ExportCryosparcParameters(JobParameters):
    """What export_cryosparc is told."""

    particles: str = slot("particles", title="Particles", help="Particles to be written, with poses, CTF and half-sets.")
    link_images: bool = parameter(
        True, title="Link images", help="Links to the stacks beside the table, by which it is complete; without, it names the stacks where they are."
    )


def run(parameters: ExportCryosparcParameters, context: JobContext) -> None:
    """Link the stacks, write the table and the file that names it, say what CryoSPARC has no place for."""
    from triskelion.io.cs import format_csg
    from triskelion.io.cs_particles import list_not_expressed, write_cs_particles
    from triskelion.io.link_stacks import link_stacks

    particles = context.read_particles(parameters.particles)
    names, place = np.unique(particles["image_path"], return_inverse=True)
    stacks = {name: (context.project_folder / name).resolve() for name in names.tolist()}
    if parameters.link_images:
        links = link_stacks({name: Path(path) for name, path in stacks.items()}, context.folder / "images")
        written = [f">images/{links[name]}" for name in names.tolist()]
    else:
        written = [str(stacks[name]) for name in names.tolist()]
    for what in list_not_expressed(particles):
        context.warn(what)
    parts = write_cs_particles(context.folder / CS_FILE, particles.with_columns(image_path=np.array(written)[place]))
    context.save_text(CSG_FILE, format_csg(f"Particles of {parameters.particles} from Triskelion", "particle", CS_FILE, parts))
    context.log(f"{len(particles)} particles in {len(names)} stacks; in CryoSPARC: Import Result Group, {context.folder / CSG_FILE}")
    context.summarize(n_particles=len(particles), files=[CS_FILE, CSG_FILE])


JOB = JobType(
    name="export_cryosparc",
    title="Write particles for CryoSPARC (.cs and .csg)",
    parameters=ExportCryosparcParameters,
    run=run,
    outputs={},
)
