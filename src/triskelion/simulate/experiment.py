"""What is simulated: the conditions of the experiment, and poses, CTF and half-sets drawn for every particle."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, OpticsGroup, Particles
from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix

VOLTAGE_KV = 300.0
CS_MM = 2.7
AMPLITUDE_CONTRAST = 0.1
DEFOCUS_RANGE_A = (9000.0, 24000.0)
LARGEST_ASTIGMATISM_A = 400.0  # half the difference of the two defoci
SHIFT_SD_PX = 2.0
SMALLEST_CONTRAST = 0.3
FINER_PIXELS = 7 / 6  # box of the second optics group over that of the first, which shows the same field


class Purpose(IntEnum):
    """What random numbers are drawn for: every purpose has a stream of its own, so that none disturbs another."""

    UID, HALF_SET, POSE, CTF, CONTRAST, POSE_ERROR, HINGE, NOISE = range(8)


def random_stream(seed: int, purpose: Purpose, particle: int = 0) -> np.random.Generator:
    """Return the random numbers of one particle: they depend on these three alone, not on order, batch or threads."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, int(purpose), particle]))


@dataclass(frozen=True)
class Experiment:
    """Conditions of a simulated data set.

    Attributes
    ----------
    n_particles, box_px, pixel_size_A
        Box and pixel size are those of the first optics group.
    snr : float
        Variance of the signal over that of the noise, over the whole box of the first optics group.
    contrast_spread : float
        Standard deviation of the contrast of the particles about 1.
    pose_error_deg, pose_error_px : float
        Root mean square error of the poses in the particle table, of angle and of shift.
    image_sign : int
        1: protein is bright; -1: protein is dark.
    n_optics_groups : int
        1, or 2: every other particle then has smaller pixels in a larger box of the same extent.
    seed : int
    """

    n_particles: int
    box_px: int
    pixel_size_A: float
    snr: float
    contrast_spread: float = 0.0
    pose_error_deg: float = 1.5
    pose_error_px: float = 1.0
    image_sign: int = 1
    n_optics_groups: int = 1
    seed: int = 0

    def __post_init__(self):
        if self.n_particles < 2 * self.n_optics_groups:
            raise InputError(f"{self.n_particles} particles do not fill two half-sets in {self.n_optics_groups} optics groups: simulate more")
        if self.box_px < 8 or not self.pixel_size_A > 0 or not self.snr > 0:
            raise InputError(
                f"got box {self.box_px} px, {self.pixel_size_A:g} Å/px, SNR {self.snr:g}: wanted a box of at least 8 px, a pixel and an SNR above 0"
            )
        if self.n_optics_groups not in (1, 2) or self.image_sign not in (1, -1):
            raise InputError(f"got {self.n_optics_groups} optics groups and image sign {self.image_sign}: wanted 1 or 2 groups, sign 1 or -1")

    @property
    def extent_A(self) -> float:
        """Edge of the box in Å, the same in all optics groups."""
        return self.box_px * self.pixel_size_A

    @property
    def optics(self) -> tuple[OpticsGroup, ...]:
        """The optics groups."""
        boxes = [self.box_px, 2 * round(FINER_PIXELS * self.box_px / 2)][: self.n_optics_groups]
        return tuple(
            OpticsGroup(f"opticsGroup{index + 1}", self.extent_A / box, box, VOLTAGE_KV, CS_MM, AMPLITUDE_CONTRAST, image_sign=self.image_sign)
            for index, box in enumerate(boxes)
        )


def draw_particles(experiment: Experiment, image_paths: tuple[str, ...]) -> Particles:
    """Draw particles with true poses of the body, CTF, contrast and half-sets.

    Parameters
    ----------
    experiment : Experiment
    image_paths : tuple of str
        The stack of each optics group, as it will stand in the table.
    """
    n, seed = experiment.n_particles, experiment.seed
    group = np.arange(n) % experiment.n_optics_groups
    ctf = np.array([random_stream(seed, Purpose.CTF, i).random(3) for i in range(n)])
    mean_A = DEFOCUS_RANGE_A[0] + ctf[:, 0] * (DEFOCUS_RANGE_A[1] - DEFOCUS_RANGE_A[0])
    astigmatism_A = ctf[:, 1] * LARGEST_ASTIGMATISM_A
    streams = [random_stream(seed, Purpose.POSE, i) for i in range(n)]
    contrast = 1 + experiment.contrast_spread * np.array([random_stream(seed, Purpose.CONTRAST, i).standard_normal() for i in range(n)])
    return Particles.build(
        experiment.optics,
        uid=random_stream(seed, Purpose.UID).integers(1, 2**63, n),
        image_path=np.array(image_paths)[group],
        image_index=np.arange(n) // experiment.n_optics_groups,
        optics_group=group,
        half_set=np.where(random_stream(seed, Purpose.HALF_SET).permutation(n) % 2, HALF_B, HALF_A),
        rotvec_rad=matrix_to_rotvec(np.concatenate([random_rotations(1, stream) for stream in streams])),
        shift_A=SHIFT_SD_PX * experiment.pixel_size_A * np.array([stream.standard_normal(2) for stream in streams]),
        defocus_u_A=mean_A + astigmatism_A,
        defocus_v_A=mean_A - astigmatism_A,
        defocus_angle_rad=np.pi * ctf[:, 2],
        contrast=np.maximum(contrast, SMALLEST_CONTRAST),
    )


def disturb_poses(particles: Particles, experiment: Experiment) -> Particles:
    """Return what a consensus refinement would know: poses with their errors, also as consensus poses, and contrast 1."""
    draws = np.array([random_stream(experiment.seed, Purpose.POSE_ERROR, i).standard_normal(5) for i in range(len(particles))])
    turn = rotvec_to_matrix(np.deg2rad(experiment.pose_error_deg) / np.sqrt(3) * draws[:, :3])
    rotvec_rad = matrix_to_rotvec(turn @ rotvec_to_matrix(particles["rotvec_rad"]))
    shift_A = particles["shift_A"] + experiment.pose_error_px * experiment.pixel_size_A / np.sqrt(2) * draws[:, 3:]
    return particles.with_columns(
        rotvec_rad=rotvec_rad,
        shift_A=shift_A,
        consensus_rotvec_rad=rotvec_rad,
        consensus_shift_A=shift_A,
        contrast=np.ones(len(particles)),
    )
