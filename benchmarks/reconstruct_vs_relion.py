"""``reconstruct`` against relion_reconstruct on hinged tri-snRNP particles: the same half maps, at no more CPU seconds?

    python benchmarks/reconstruct_vs_relion.py ../shared/tools/hinge_set.py [--n 2000 5000] [--folder DIR]

For each size: simulate, import, reconstruct both halves with ours (one worker process, everything it does counted) and with
relion_reconstruct --ctf (one process per half); FSC between the maps. Then the other direction: RELION reconstructs the particles.star
that our import wrote. With ``--project DIR --particles J5`` the particles of a job, refined ones say, are reconstructed by both.
Prints JSON and a table of ratios; ends with 1 if a bar is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from triskelion.api import Job, Project
from triskelion.io.mrc import read_volume
from triskelion.io.particle_star import read_particles
from triskelion.resolution.fsc import fsc

BOX_PX, PIXEL_SIZE_A, SNR, SEED = 96, 4.2, 0.04, 1
LEAST_FSC, SHARE_OF_NYQUIST = 0.99, 0.9
CPU_BAR_FROM = 5000  # particles from which on ours may not cost more


def measure_cpu_s(command: list[str], folder: Path, threads: int) -> float:
    """Run a program and return its user and system seconds, those of its own children included."""
    environment = os.environ | {name: str(threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def run_ours(job: Job, threads: int) -> float:
    """Run a queued job in a worker process of its own; return CPU seconds from the start of the interpreter to its end."""
    return measure_cpu_s([sys.executable, "-m", "triskelion.runners.worker", str(job.folder), "--quiet"], job.folder, threads)


def run_relion(star: Path, image_folder: Path, maps: tuple[Path, Path]) -> float:
    """Reconstruct both halves of a STAR file with RELION, paths in it being relative to ``image_folder``; return CPU seconds."""
    command = ["relion_reconstruct", "--ctf", "--i", str(star)]
    return sum(measure_cpu_s([*command, "--o", str(map_), "--subset", str(half)], image_folder, threads=1) for half, map_ in enumerate(maps, 1))


def least_fsc(first: Path, second: Path) -> float:
    """Smallest FSC between two maps from shell 1 to 0.9 of Nyquist."""
    ours, theirs = read_volume(first), read_volume(second)
    return float(fsc(ours, theirs)[1 : int(SHARE_OF_NYQUIST * ours.box_px / 2) + 1].min())


def compare(job: Job, star: Path, image_folder: Path, threads: int) -> dict[str, float]:
    """Run our queued reconstruction and RELION's of the same particles; return CPU seconds and FSCs of the halves."""
    ours_cpu_s = run_ours(job, threads)
    relion_maps = (job.folder / "relion_half1.mrc", job.folder / "relion_half2.mrc")
    relion_cpu_s = run_relion(star, image_folder, relion_maps)
    halves = dict(zip(("half_a", "half_b"), relion_maps, strict=True))
    fscs = {f"least_fsc_{name}": round(least_fsc(job.path(name), path), 4) for name, path in halves.items()}
    cost = {"ours_cpu_s": round(ours_cpu_s, 2), "relion_cpu_s": round(relion_cpu_s, 2), "cpu_ratio": round(ours_cpu_s / relion_cpu_s, 3)}
    return {**cost, **fscs}


def compare_size(n: int, hinge_set: Path, folder: Path, threads: int) -> dict[str, float]:
    """Simulate ``n`` particles and compare both programs, on the simulator's STAR file and on ours."""
    data = folder / f"set_{n}"
    if not (data / "truth.json").is_file():
        shape = ["--box", str(BOX_PX), "--apix", str(PIXEL_SIZE_A), "--snr", str(SNR), "--seed", str(SEED)]
        subprocess.run([sys.executable, str(hinge_set), str(data), "--n", str(n), *shape], check=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        project = Project.new(Path(scratch) / "project", threads=threads)
        imported = project.run("import_particles", meta=data / "particles.star")
        job = project.prepare("reconstruct", particles=imported)
        figures = compare(job, data / "particles.star", data, threads)
        exported = (job.folder / "exported_half1.mrc", job.folder / "exported_half2.mrc")
        run_relion(imported.path("particles"), project.folder, exported)
        back = min(least_fsc(job.path(name), path) for name, path in zip(("half_a", "half_b"), exported, strict=True))
    return {"particles": n, **figures, "least_fsc_of_our_star": round(back, 4)}


def missed_bars(figures: dict[str, float]) -> list[str]:
    """Name the bars that the figures do not reach."""
    missed = [f"{name} {value} < {LEAST_FSC}" for name, value in figures.items() if name.startswith("least_fsc") and value < LEAST_FSC]
    if figures["particles"] >= CPU_BAR_FROM and figures["cpu_ratio"] > 1:
        missed.append(f"cpu_ratio {figures['cpu_ratio']} > 1")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hinge_set", type=Path, nargs="?", help="the simulator, hinge_set.py")
    parser.add_argument("--n", type=int, nargs="+", default=[2000, 5000], help="numbers of particles")
    parser.add_argument("--folder", type=Path, help="where sets are kept for the next time; default: nowhere")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--project", type=Path, help="an existing project")
    parser.add_argument("--particles", help="a job of it whose particles are reconstructed by both programs")
    options = parser.parse_args()
    results = []
    if options.project and options.particles:
        project = Project(options.project, threads=options.threads)
        source = project.job(options.particles)
        job = project.prepare("reconstruct", particles=source)
        figures = compare(job, source.path("particles"), project.folder, options.threads)
        results.append({"particles": len(read_particles(source.path("particles"))), **figures})
    elif options.hinge_set:
        with tempfile.TemporaryDirectory() as scratch:
            folder = (options.folder or Path(scratch)).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            results = [compare_size(n, options.hinge_set.resolve(), folder, options.threads) for n in options.n]
    else:
        parser.error("give hinge_set.py, or --project and --particles")
    print(json.dumps(results, indent=1))
    columns = list(results[0])
    print("  ".join(f"{column:>22}" for column in columns))
    for row in results:
        print("  ".join(f"{row[column]!s:>22}" for column in columns))
    missed = [f"{row['particles']} particles: {bar}" for row in results for bar in missed_bars(row)]
    sys.exit("\n".join(missed) or 0)


if __name__ == "__main__":
    main()
