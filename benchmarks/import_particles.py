"""A table of a million particles is imported: seconds and memory of the job, images and all.

    python benchmarks/import_particles.py --particles 1000000

The table is made as RELION writes them (25 columns, a stack per micrograph); images are as small as can be, because they are not what is measured.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from triskelion.api import Project
from triskelion.io.mrc import write_stack

TARGET_S, TARGET_GB = 60.0, 3.0
PER_MICROGRAPH, BOX_PX, PIXEL_SIZE_A = 200, 8, 0.83
OPTICS = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnAmplitudeContrast #3
_rlnSphericalAberration #4
_rlnVoltage #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
"""
LABELS = (
    *("CoordinateX", "CoordinateY", "ImageName", "MicrographName", "OpticsGroup", "CtfMaxResolution", "CtfFigureOfMerit"),
    *("DefocusU", "DefocusV", "DefocusAngle", "CtfBfactor", "CtfScalefactor", "PhaseShift", "GroupNumber", "AngleRot", "AngleTilt", "AnglePsi"),
    *("OriginXAngst", "OriginYAngst", "ClassNumber", "NormCorrection", "LogLikeliContribution", "MaxValueProbDistribution"),
    *("NrOfSignificantSamples", "RandomSubset"),
)


def write_table(path: Path, n_particles: int) -> None:
    """Write a STAR file of RELION 3.1 with random values."""
    generator = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(OPTICS + "".join(f"{group} opticsGroup{group} 0.1 2.7 300.0 {PIXEL_SIZE_A} {BOX_PX} 2\n" for group in range(1, 10)))
        file.write("\n\n# version 30001\n\ndata_particles\n\nloop_\n" + "".join(f"_rln{label} #{n}\n" for n, label in enumerate(LABELS, 1)))
        for micrograph in range(-(-n_particles // PER_MICROGRAPH)):
            for place, u in enumerate(generator.random((min(PER_MICROGRAPH, n_particles - micrograph * PER_MICROGRAPH), 16))):
                file.write(_format_row(micrograph, place, u.tolist()))


def _format_row(micrograph: int, place: int, u: list[float]) -> str:
    name = f"Movies/FoilHole_{micrograph:08d}_Data_20210304_120102_fractions.mrc"
    return (
        f"{u[0] * 4000:13.6f} {u[1] * 4000:13.6f} {place + 1:06d}@Extract/job045/{name}s MotionCorr/job002/{name} {micrograph % 9 + 1:12d} "
        f"{u[2] * 5:12.6f} {u[3]:12.6f} {1e4 + u[4] * 1e4:12.6f} {1e4 + u[5] * 1e4:12.6f} {u[6] * 180:12.6f} {0:12.6f} {1:12.6f} {0:12.6f} "
        f"{micrograph + 1:12d} {u[7] * 360 - 180:12.6f} {u[8] * 180:12.6f} {u[9] * 360 - 180:12.6f} {u[10] * 10 - 5:12.6f} {u[11] * 10 - 5:12.6f} "
        f"{1:12d} {u[12]:12.6f} {u[13] * 1e5:12.6e} {u[14]:12.6f} {int(u[15] * 50):12d} {place % 2 + 1:12d}\n"
    )


def write_stacks(folder: Path, n_particles: int) -> None:
    """Write the stacks that the table names."""
    movies = folder / "Extract" / "job045" / "Movies"
    movies.mkdir(parents=True)
    images = np.random.default_rng(1).standard_normal((PER_MICROGRAPH, BOX_PX, BOX_PX)).astype(np.float16)
    for micrograph in range(-(-n_particles // PER_MICROGRAPH)):
        path = movies / f"FoilHole_{micrograph:08d}_Data_20210304_120102_fractions.mrcs"
        write_stack(path, [images], PER_MICROGRAPH, PIXEL_SIZE_A, np.float16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="Keep the files here and use those of an earlier run; default: a folder that goes away.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        table = folder / f"particles_{arguments.particles}.star"
        if not table.exists():
            write_stacks(folder, arguments.particles)
            write_table(table, arguments.particles)
        project = Project.new(Path(temporary) / "project", threads=1)
        summary = project.run("import_particles", meta=table, data_dir=folder, contrast="bright").summary
    figures = {name: summary[name] for name in ("n_particles", "cpu_s", "wall_s", "peak_rss_MB")}
    print(json.dumps({**figures, "target_s": TARGET_S, "target_GB": TARGET_GB}))


if __name__ == "__main__":
    main()
