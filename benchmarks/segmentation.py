"""Segmentation: against Segger's own file, on hinged particles whose domains are known, and how long a large map takes.

    python benchmarks/segmentation.py --segger ../shared/data/emd_1832 --sets S1 S2 S3 B1 --box 380

``--segger``: a folder with emd_1832.map and emd_1832.seg. The adjusted Rand index of our watershed regions with the file's at the file's level,
and, for each group of the file, the best Jaccard index with one of ours; those that Segger's smoothing made (not people) are counted apart.

``--sets``: hinge sets of hinge_set.py. Each domain is picked, region after region or group after group, from segment_map of (a) the true
map low-passed to 12 Å and (b) a consensus map reconstructed from the noisy particles, at the defaults of the job. Given: the Jaccard index
of the picked voxels with the domain's, where the true map has density, and the soft Jaccard index of masks made of them with the true mask:
``default`` by volume_tools as it is (0.2 of the maximum, 24 Å of padding), ``grown`` from all picked voxels, 7 Å of dilation, 24 Å of padding.

``--box``: CPU seconds of Gaussian, level, watershed, grouping and small regions on a map of that box at 1.4 Å/px; the wall-clock time
of a machine that is free is no longer.
Prints JSON and tables; ends with 1 if a bar is missed.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.api import Project
from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.segger import read_segger
from triskelion.io.segmentation_npz import read_segmentation
from triskelion.maps.edit import blur_map, lowpass_map
from triskelion.masks.density_level import choose_level, measure_solvent
from triskelion.masks.make import make_mask
from triskelion.masks.scale_space import group_regions
from triskelion.masks.segment import find_watershed_regions
from triskelion.masks.small_regions import join_small_regions

DOMAINS = ("head", "foot", "arm", "body")
MOST_PICKS, LEAST_GAIN = 5, 1e-3
RESOLUTION_A, DILATION_A, PADDING_A = 12.0, 7.0, 24.0
LEAST_HEAD, MOST_CPU_S = 0.75, 10.0


def adjusted_rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Hubert & Arabie (1985) of two labellings of the same voxels: 1 for equal partitions, 0 on average by chance."""
    pairs = lambda counts: float((counts * (counts - 1.0) / 2).sum())
    _, joint = np.unique(np.stack([first, second]), axis=1, return_counts=True)
    alone = [pairs(np.unique(labels, return_counts=True)[1]) for labels in (first, second)]
    chance = alone[0] * alone[1] / pairs(np.array([len(first)]))
    return (pairs(joint) - chance) / (sum(alone) / 2 - chance)


def compare_with_segger(folder: Path) -> dict[str, Any]:
    """Compare watershed regions and groups with those of the file."""
    volume = read_volume(folder / "emd_1832.map")
    file = read_segger(folder / "emd_1832.seg", volume)
    ours = find_watershed_regions(volume, file.level)
    index = adjusted_rand_index(ours.inside_labels, file.inside_labels)
    ours = group_regions(ours, volume)
    voxels = [np.isin(ours.inside_labels, ours.leaves_of(node)) for node in range(ours.n_leaves + 1, ours.n_nodes + 1)]
    groups = []
    for node in range(file.n_leaves + 1, file.n_nodes + 1):
        inside = np.isin(file.inside_labels, file.leaves_of(node))
        best = max(float((inside & own).sum() / (inside | own).sum()) for own in voxels)
        groups.append({"step": int(file.step[node]), "by_smoothing": bool(_is_smoothed(file, node)), "best_jaccard": round(best, 3)})
    return {"rand_index": round(index, 6), "leaves": ours.n_leaves, "names": len(file.names), "groups": groups}


def _is_smoothed(file: Segmentation, node: int) -> bool:
    """Whether a group has a step of its own: one made by people has that of its latest member."""
    return file.step[node] > max(file.step[member] for member in file.members_of(node))


def pick_domain(segmentation: Segmentation, wanted: np.ndarray, counted: np.ndarray) -> tuple[list[int], float]:
    """Pick regions or groups one after another, each the best next one; return them and the Jaccard index with ``wanted`` among ``counted``."""
    nodes = range(1, segmentation.n_nodes + 1)
    n_leaves = segmentation.n_leaves
    labels = segmentation.labels[counted]
    of_leaf = [np.bincount(part, minlength=n_leaves + 1) for part in (labels[wanted[counted]], labels)]
    below = np.array([np.isin(np.arange(n_leaves + 1), segmentation.leaves_of(node)) for node in nodes])
    below[:, 0] = False
    shared, size = (below @ counts for counts in of_leaf)
    n_wanted, picked, best = np.count_nonzero(wanted & counted), [], 0.0
    got_shared, got_size, taken = 0, 0, np.zeros(n_leaves + 1, dtype=bool)
    for _ in range(MOST_PICKS):
        scores = (got_shared + shared) / np.maximum(got_size + size + n_wanted - got_shared - shared, 1)
        scores[(below & taken).any(axis=1)] = 0
        place = int(scores.argmax())
        if scores[place] < best + LEAST_GAIN:
            break
        picked.append(place + 1)
        best = float(scores[place])
        got_shared, got_size, taken = got_shared + shared[place], got_size + size[place], taken | below[place]
    return picked, best


def judge_domains(segmentation: Segmentation, volume: Volume, folder: Path) -> dict[str, dict[str, Any]]:
    """Pick every domain of a hinge set, make masks of what was picked, compare both with the truth."""
    densities = np.stack([lowpass_map(read_volume(folder / f"map_{name}.mrc"), RESOLUTION_A).array for name in DOMAINS])
    whole = densities.sum(axis=0)
    counted = whole >= choose_level(whole, measure_solvent(whole))
    owner = densities.argmax(axis=0)
    found = {}
    for place, name in enumerate(DOMAINS):
        picked, jaccard = pick_domain(segmentation, owner == place, counted)
        inside = segmentation.labels_of(picked) > 0
        base = Volume(np.where(inside, volume.array, 0), volume.pixel_size_A)
        padding_px, dilation_px = PADDING_A / volume.pixel_size_A, DILATION_A / volume.pixel_size_A
        masks = {
            "default": make_mask(base, 0.2 * float(base.array.max()), 0, padding_px),
            "grown": make_mask(Volume(inside, volume.pixel_size_A), 0.5, dilation_px, padding_px),
        }
        true = read_mask(folder / f"mask_{name}.mrc").array
        overlap = {key: round(float(np.minimum(mask.array, true).sum() / np.maximum(mask.array, true).sum()), 3) for key, mask in masks.items()}
        found[name] = {"picks": len(picked), "jaccard": round(jaccard, 3), **overlap}
    return found


def segment_hinge_set(folder: Path, threads: int) -> dict[str, Any]:
    """Segment the true map at 12 Å and a noisy consensus map with the defaults of segment_map."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Project.new(Path(scratch) / "project", threads=threads)
        true = project.run("import_volume", path=folder / "map_all.mrc")
        smooth = project.run("volume_tools", volume=true, output="map", lowpass_A=RESOLUTION_A)
        particles = project.run("import_particles", meta=folder / "particles.star")
        noisy = project.run("reconstruct", particles=particles)
        jobs = {"true": project.run("segment_map", volume=smooth), "noisy": project.run("segment_map", volume=noisy, half_maps=noisy)}
        sources = {"true": smooth, "noisy": noisy}
        results = {}
        for kind, job in jobs.items():
            segmentation = read_segmentation(job.path("segmentation"))
            volume = blur_map(read_volume(sources[kind].path("map")), job.summary["gaussian_A"])
            figures = {name: job.summary[name] for name in ("n_regions", "n_leaves", "level", "warnings")}
            results[kind] = {**figures, "domains": judge_domains(segmentation, volume, folder)}
    return {"set": folder.name, **results}


def time_large_map(box_px: int) -> dict[str, Any]:
    """Time every step on blobs of protein density in noise that fill as much of the box as a tri-snRNP does in 380 px at 1.4 Å/px."""
    rng = np.random.default_rng(1)
    index = np.arange(box_px, dtype=np.float32) - box_px // 2
    volume = Volume(rng.standard_normal((box_px,) * 3, dtype=np.float32), 1.4)
    structure = blur_map(volume, 3.5).array
    radius = np.sqrt((index[:, None, None] / 0.28) ** 2 + (index[:, None] / 0.2) ** 2 + (index / 0.16) ** 2) / box_px
    particle = np.maximum(0.6 + structure / structure.std(), 0) * (radius < 1)
    volume = Volume(particle + 0.4 * rng.standard_normal(particle.shape, dtype=np.float32), 1.4)
    times, start = {}, time.process_time()

    def take(name: str) -> None:
        nonlocal start
        times[name], start = round(time.process_time() - start, 2), time.process_time()

    smooth = blur_map(volume, 2.1)
    take("gaussian_cpu_s")
    level = choose_level(smooth.array, measure_solvent(smooth.array))
    take("level_cpu_s")
    segmentation = find_watershed_regions(smooth, level)
    take("watershed_cpu_s")
    segmentation = group_regions(segmentation, smooth)
    take("grouping_cpu_s")
    segmentation = join_small_regions(segmentation, 365)
    take("small_regions_cpu_s")
    share = len(segmentation.inside_px) / volume.array.size
    figures = {"box_px": box_px, "regions": len(segmentation.roots()), "leaves": segmentation.n_leaves, "share_of_box": round(share, 4)}
    return {**figures, **times, "total_cpu_s": round(sum(times.values()), 2)}


def list_missed(results: dict[str, Any]) -> list[str]:
    """Name the bars that the figures do not reach."""
    missed = []
    if "segger" in results and results["segger"]["rand_index"] < 1:
        missed.append(f"adjusted Rand index {results['segger']['rand_index']} < 1")
    for row in results.get("sets", []):
        for kind in ("true", "noisy"):
            best = max(row[kind]["domains"]["head"][key] for key in ("default", "grown"))
            if best <= LEAST_HEAD:
                missed.append(f"{row['set']}, {kind}: head mask {best} <= {LEAST_HEAD}")
    if "time" in results and results["time"]["total_cpu_s"] > MOST_CPU_S:
        missed.append(f"{results['time']['total_cpu_s']} s > {MOST_CPU_S} s")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segger", type=Path, help="folder with emd_1832.map and emd_1832.seg")
    parser.add_argument("--sets", type=Path, nargs="+", default=[], help="hinge sets")
    parser.add_argument("--box", type=int, help="box of the large map, 380")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.segger:
        results["segger"] = compare_with_segger(options.segger)
    if options.sets:
        results["sets"] = [segment_hinge_set(folder.resolve(), options.threads) for folder in options.sets]
    if options.box:
        results["time"] = time_large_map(options.box)
    print(json.dumps(results, indent=1))
    for row in results.get("sets", []):
        for kind in ("true", "noisy"):
            for name, figures in row[kind]["domains"].items():
                print(f"{row['set']:>6} {kind:>6} {name:>5}  " + "  ".join(f"{key} {value}" for key, value in figures.items()))
    sys.exit("\n".join(list_missed(results)) or 0)


if __name__ == "__main__":
    main()
