"""What the truth of a hinge set allows: its noise-free images, the Cramér-Rao bound of its poses, and alignment that starts at the truth.

A hinge set is a folder written by hinge_set.py: map_<domain>.mrc holds the noise-free density of each domain, truth_<domain>.star its
poses. The images are the sum of all domains, divided by the standard deviation of the noise, which is fitted: the grey scale.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from triskelion.conventions import box_center_px, reverse_axes
from triskelion.data.particles import HALF_A, HALF_B, Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.fulcrum import image_of_point, shift_of_origin
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.forward import ImageSet, phase_of_shift, reference_grid
from triskelion.imaging.stream import ImageStream
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.particle_star import read_particles
from triskelion.io.stacks import ParticleImages
from triskelion.kernels import cpu
from triskelion.kernels.interface import FourierVolume, WeightedImages
from triskelion.refine.alignment import Posterior, Stage, align
from triskelion.refine.prior import PosePrior
from triskelion.refine.search import SearchExtent

EVALUATIONS, LEAST_GAIN = 20, 1e-3  # of an alignment that is to arrive
BLOCKS = 8  # in which the images of a set are worked on, for memory's sake
Poses = tuple[np.ndarray, np.ndarray]  # rotations (n, 3, 3), shifts of the box centre (n, 2) in px


@dataclass(frozen=True)
class HingeSet:
    """A hinge set with all of its images in memory.

    Attributes
    ----------
    folder : Path
    particles : Particles
        Rows in the order of the stack, particles.mrcs, poses of the consensus.
    images : ImageSet
    domains : tuple of str
    """

    folder: Path
    particles: Particles
    images: ImageSet
    domains: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "HingeSet":
        """Read the images of a set up to Nyquist."""
        named = read_particles(folder / "particles.star")
        # a job of ours names its stack from the project's folder
        particles = named.with_columns(image_path=np.full(len(named), "particles.mrcs"))
        grid = reference_grid(particles)
        stream = ImageStream(particles, ParticleImages(particles, folder), grid, fourier_disc(grid.box_px))
        domains = tuple(json.loads((folder / "truth.json").read_text())["fulcrum_xyz_px"])
        return cls(folder, particles, stream.load(np.arange(len(particles))), domains)

    def fulcrum_xyz_px(self, domain: str) -> np.ndarray:
        """Fulcrum of a domain, from the corner voxel."""
        return np.array(json.loads((self.folder / "truth.json").read_text())["fulcrum_xyz_px"][domain])

    def mask(self, domain: str) -> np.ndarray:
        """Soft mask of a domain."""
        return read_mask(self.folder / f"mask_{domain}.mrc").array

    def center_xyz_px(self, domain: str) -> np.ndarray:
        """Middle of a domain's mask, whole px from the box centre."""
        return np.rint(read_mask(self.folder / f"mask_{domain}.mrc").center_xyz_px - box_center_px(self.images.grid.box_px))

    def poses(self, star: Path, consensus: bool = False) -> Poses:
        """Poses, current or consensus, of a table with the same particles in the same order."""
        table = read_particles(star)
        if not np.array_equal(table["image_index"], self.particles["image_index"]):
            raise SystemExit(f"{star} does not hold the particles of {self.folder} in the order of their stack")
        rotvec, shift = ("consensus_rotvec_rad", "consensus_shift_A") if consensus else ("rotvec_rad", "shift_A")
        return rotvec_to_matrix(table[rotvec]), table[shift] / self.images.grid.pixel_size_A

    def true_poses(self, domain: str) -> Poses:
        """Exact poses of a domain."""
        return self.poses(self.folder / f"truth_{domain}.star")

    def centered_slices(self, array: np.ndarray, domain: str) -> FourierVolume:
        """Transform a map with the middle of a domain brought to the origin."""
        shift = tuple(int(-s) for s in reverse_axes(self.center_xyz_px(domain)))
        return prepare_slices(np.roll(array, shift, axis=(0, 1, 2)), int(self.images.disc.shell[-1]))

    def true_slices(self, domain: str) -> FourierVolume:
        """Noise-free map of a domain about its middle, on the grey scale of the images."""
        return self.centered_slices(self.grey_scale * read_volume(self.folder / f"map_{domain}.mrc").array, domain)

    def project(self, volume: FourierVolume, rotations: np.ndarray, images_px: np.ndarray) -> Tensor:
        """Noise-free images C phase(u) Slice(R, V), complex64 (n, m); u is the image of the origin of V."""
        projected = torch.empty_like(self.images.coefficients)
        for rows in np.array_split(np.arange(len(self.particles)), BLOCKS):
            scale = self.images.scale[rows]
            phase = phase_of_shift(self.images.disc, images_px[rows], scale)
            projected[rows] = self.images.ctf[rows] * phase * cpu.slice(volume, rotations[rows], scale, self.images.disc)
        return projected

    def project_domains(self, domains: tuple[str, ...]) -> Tensor:
        """Noise-free images of these domains together, on the grey scale of their maps, complex64 (n, m)."""
        total = torch.zeros_like(self.images.coefficients)
        for domain in domains:
            rotations, shifts_px = self.true_poses(domain)
            volume = self.centered_slices(read_volume(self.folder / f"map_{domain}.mrc").array, domain)
            total += self.project(volume, rotations, image_of_point(rotations, shifts_px, self.center_xyz_px(domain)))
        return total

    @cached_property
    def _noise_free(self) -> Tensor:
        return self.project_domains(self.domains)

    @cached_property
    def grey_scale(self) -> float:
        """Factor between maps and images: least squares over all images."""
        cross = (self._noise_free.conj() * self.images.coefficients).real.sum(dtype=torch.float64)
        return float(cross / (self._noise_free.abs() ** 2).sum(dtype=torch.float64))

    @cached_property
    def noise(self) -> np.ndarray:
        """sigma2 per shell: half the mean power of what the noise-free images leave."""
        left, shells = self.images.coefficients - self.grey_scale * self._noise_free, self.images.disc.shell
        power = (left.real**2 + left.imag**2).mean(0, dtype=torch.float64).numpy()
        sigma2 = np.bincount(shells, power) / np.maximum(np.bincount(shells), 1) / 2
        sigma2[0] = sigma2[1]  # no coefficient lies there
        return sigma2

    def weighted(self, residual: Tensor) -> WeightedImages:
        """b and W with the noise of the truth; the images of a hinge set are not multiplied by their CTF."""
        inverse = torch.from_numpy(1 / self.noise).to(torch.float32)[self.images.disc.shell]
        return WeightedImages(residual * self.images.ctf * inverse, self.images.ctf**2 * inverse, self.images.scale)


def pose_prior(hinge_set: HingeSet, domain: str, consensus: Poses, rotation_sd_deg: float, shift_sd_A: float) -> PosePrior:
    """Prior about the fulcrum of a domain with these widths per axis; infinite widths are none."""
    fulcrum_xyz_px = hinge_set.fulcrum_xyz_px(domain) - box_center_px(hinge_set.images.grid.box_px)
    images_px = image_of_point(*consensus, fulcrum_xyz_px)
    covariance = np.diag(np.full(3, np.deg2rad(rotation_sd_deg) ** 2))
    shift_variance_px2 = (shift_sd_A / hinge_set.images.grid.pixel_size_A) ** 2
    return PosePrior(consensus[0], images_px, fulcrum_xyz_px - hinge_set.center_xyz_px(domain), covariance, shift_variance_px2)


def cramer_rao_deg(hinge_set: HingeSet, domain: str, prior: PosePrior) -> float:
    """Root mean square angle that no unbiased estimate of a domain's poses can beat: Fisher matrix of true map and noise, plus the prior's."""
    rows, (rotations, shifts_px) = np.arange(len(hinge_set.particles)), hinge_set.true_poses(domain)
    at_center = rotations, image_of_point(rotations, shifts_px, hinge_set.center_xyz_px(domain))
    weighted = hinge_set.weighted(hinge_set.images.coefficients)
    fisher = cpu.gauss_newton(hinge_set.true_slices(domain), *at_center, weighted, rows, hinge_set.images.disc).matrix
    return rms_angle_deg(fisher + prior.terms(rows, *at_center)[2])


def rms_angle_deg(matrices: np.ndarray) -> float:
    """Root mean square total angle of poses with these information matrices (n, 5, 5): the rotation block of the inverse, shifts unknown."""
    covariances = np.linalg.inv(matrices)[:, :3, :3]
    return float(np.rad2deg(np.sqrt(np.einsum("nii->n", covariances).mean())))


def align_from_truth(hinge_set: HingeSet, domain: str, residual: Tensor, references: tuple[FourierVolume, FourierVolume], prior: PosePrior) -> Poses:
    """Climb from the true poses to the maximum of the posterior; half a meets the first reference, half b the second.

    References are those of ``HingeSet.centered_slices``.
    """
    (rotations, shifts_px), center_xyz_px = hinge_set.true_poses(domain), hinge_set.center_xyz_px(domain)
    found_rotations, found_px = rotations.copy(), image_of_point(rotations, shifts_px, center_xyz_px)
    images, weighted = hinge_set.images, hinge_set.weighted(residual)
    anywhere = SearchExtent(180.0, float(images.grid.box_px))
    for half, reference in zip((HALF_A, HALF_B), references, strict=True):
        rows = hinge_set.particles.rows_of_half(half)
        posterior = Posterior(cpu, reference, weighted, prior, anywhere, images.grid.pixel_size_A)
        best = align(posterior, rows, found_rotations[rows], found_px[rows], [Stage(images.disc, EVALUATIONS, LEAST_GAIN, 1)])
        found_rotations[rows], found_px[rows] = best.rotations, best.shifts_px
    return found_rotations, shift_of_origin(found_rotations, found_px, center_xyz_px)
