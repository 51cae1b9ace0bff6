"""Real images: our half maps of a ribosome set against RELION's of the same images, and against an independent map.

python benchmarks/ribosome_vs_relion.py ribosome/J2 ../shared/data/real_ribosome
"""

import argparse
from pathlib import Path

import numpy as np

from triskelion.data.volume import Volume
from triskelion.io.mrc import read_volume
from triskelion.masks.automatic import particle_mask
from triskelion.resolution.fsc import average_map, compute_fsc_curves, fsc

Halves = tuple[Volume, Volume]
SHOWN_SHELLS = 13


def read_halves(folder: Path, names: tuple[str, str]) -> Halves:
    first, second = (read_volume(folder / f"{name}.mrc") for name in names)
    return first, second


def mirror_z(volume: Volume, pixel_size_A: float) -> Volume:
    """The map with z -> -z about its centre, at the pixel size of the images (its header is off by 0.02 %)."""
    flipped = volume.array[::-1]
    return Volume(np.roll(flipped, 1 - volume.box_px % 2, axis=0).copy(), pixel_size_A)


def compare(ours: Halves, relion: Halves, independent: Volume) -> tuple[dict[str, tuple[float, float]], dict[str, np.ndarray]]:
    """Shells at which the half-map FSCs cross 0.143 (ours, RELION's), and curves of our map against others."""
    curves = [compute_fsc_curves(*halves) for halves in (ours, relion)]
    crossings = {name: (curves[0].crossing(name).shell, curves[1].crossing(name).shell) for name in ("none", "spherical", "tight", "corrected")}
    average = average_map(*ours)
    against = {
        "half a : half b": curves[0].curves["none"],
        "ours : RELION": fsc(average, average_map(*relion), particle_mask(average)),
        "ours : independent": fsc(average, independent),
        "ours : independent, z mirrored": fsc(average, mirror_z(independent, average.pixel_size_A)),
    }
    return crossings, against


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path, help="folder of the job reconstruct")
    parser.add_argument("data", type=Path, help="folder with relion313_half1.mrc, relion313_half2.mrc, reference_independent.mrc")
    options = parser.parse_args()
    ours = read_halves(options.job, ("half_a", "half_b"))
    relion = read_halves(options.data, ("relion313_half1", "relion313_half2"))
    independent = read_volume(options.data / "reference_independent.mrc", ours[0].pixel_size_A)
    crossings, against = compare(ours, relion, independent)
    print("half-map FSC = 0.143 at shell      ours  RELION")
    for mask, (shell, of_relion) in crossings.items():
        print(f"  {mask:30s} {shell:7.2f} {of_relion:7.2f}")
    print("FSC at shell                   " + "".join(f"{shell:6d}" for shell in range(1, SHOWN_SHELLS + 1)))
    for name, curve in against.items():
        print(f"  {name:30s}" + "".join(f"{value:6.2f}" for value in curve[1 : SHOWN_SHELLS + 1]))


if __name__ == "__main__":
    main()
