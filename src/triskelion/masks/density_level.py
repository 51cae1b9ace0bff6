"""The density level at which a map is cut into regions: by the volume it encloses, or by the noise of the solvent."""

from dataclasses import dataclass

import numpy as np

from triskelion.errors import InputError

PROTEIN_A3_PER_DA = 1.21  # 1 / (1.37 g/cm3)
SOLVENT_SD = 5.0  # by how many standard deviations the automatic level stands above solvent
TYPICAL_SHARE = 0.4  # of the density of the particle: the automatic level of a map without noise, where a blurred edge is half way down
NOISE_SD = 3.0  # a level below this many takes in noise
CLIP_SD, CLIP_ROUNDS = 3.0, 20
SAMPLE_VOXELS = 2_000_000
SD_PER_MAD = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class Solvent:
    """Density where there is no particle: its mean, and the standard deviation of its noise."""

    mean: float
    sd: float

    def level_at(self, n_sd: float) -> float:
        """Return the density so many standard deviations above the mean."""
        return self.mean + n_sd * self.sd


def level_of_volume(array: np.ndarray, pixel_size_A: float, volume_A3: float) -> float:
    """Return the level at which the voxels of a map fill a volume.

    Raises
    ------
    InputError
        The volume is less than a voxel, or more than the box.
    """
    n_voxels = round(volume_A3 / pixel_size_A**3)
    if not 1 <= n_voxels < array.size:
        box_A3 = array.size * pixel_size_A**3
        raise InputError(f"the volume to enclose is {volume_A3:.4g} Å³, wanted more than a voxel and less than the box, {box_A3:.4g} Å³")
    return float(np.partition(array, array.size - n_voxels, axis=None)[array.size - n_voxels])


def volume_of_mass_A3(mass_kDa: float) -> float:
    """Return the volume of a protein: 1.21 Å³ per Da."""
    return 1000 * PROTEIN_A3_PER_DA * mass_kDa


def measure_solvent(array: np.ndarray) -> Solvent:
    """Return mean and noise of what fills most of a map, particle and masked voxels left out.

    The middle of all densities is clipped to 3 standard deviations again and again, until what strays upwards is gone. Voxels that are
    exactly 0 are those outside a mask, which no noise has; a map of more than two million voxels is sampled.
    """
    values = array.ravel()[:: -(-array.size // SAMPLE_VOXELS)]
    values = values[values != 0].astype(np.float64)
    if not len(values):
        return Solvent(0.0, 0.0)
    mean = float(np.median(values))
    sd = SD_PER_MAD * float(np.median(np.abs(values - mean)))
    for _ in range(CLIP_ROUNDS):
        kept = values[np.abs(values - mean) <= CLIP_SD * sd]
        before, mean, sd = sd, float(kept.mean()), float(kept.std())
        if abs(sd - before) <= 1e-3 * sd:
            break
    return Solvent(mean, sd)


def measure_half_map_noise(half_a: np.ndarray, half_b: np.ndarray) -> float:
    """Return the standard deviation of the noise of the mean of two half maps: that of half their difference, by its median."""
    difference = (half_a - half_b) / 2
    return SD_PER_MAD * float(np.median(np.abs(difference - np.median(difference))))


def choose_level(array: np.ndarray, solvent: Solvent) -> float:
    """Return the automatic level: 5 standard deviations above solvent, or 0.4 of the typical density of the particle where that is higher.

    The typical density is the mean over all voxels that stand above the noise, each weighted by its density.
    """
    above_noise = solvent.level_at(SOLVENT_SD)
    particle = array[array > max(above_noise, 0.0)].astype(np.float64)
    typical = float(np.vdot(particle, particle) / particle.sum()) if len(particle) else 0.0
    return max(above_noise, TYPICAL_SHARE * typical)


def noise_warning(level: float, solvent: Solvent) -> str | None:
    """Say so if a level lies in the noise of the solvent, None if it does not."""
    if level >= solvent.level_at(NOISE_SD):
        return None
    return (
        f"the level {level:.4g} lies in the noise: solvent has density {solvent.mean:.4g} ± {solvent.sd:.4g}, so that speckle becomes regions; "
        f"take {solvent.level_at(SOLVENT_SD):.4g} or more, or smooth the map more (gaussian_A)"
    )
