"""A particle of Gaussian atoms with a head that hinges on a body; its images by explicit sums, so that nothing under test makes them."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch

from triskelion.data.images import ArrayImages, MemoryStore
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.data.volume import Volume
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.fourier.transforms import fourier_to_image
from triskelion.geometry.fulcrum import rotate_about_fulcrum
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid, ImageSet
from triskelion.imaging.packed import PackedImages
from triskelion.imaging.stream import ImageStream
from triskelion.kernels import cpu
from triskelion.maps.reconstruct import reconstruct_halves
from triskelion.masks.automatic import near_far_masks, particle_mask, smooth_base
from triskelion.refine.consensus import choose_window, measure_consensus, pack_images, window_disc
from triskelion.refine.domain import Domain
from triskelion.refine.shared import SharedRecord
from triskelion.refine.state import Inputs, Means, Settings, Start

BOX_PX, PIXEL_A = 32, 6.0
ATOM_SIGMA_PX = 0.9
FULCRUM_PX = np.array([3.5, 0.0, 1.0])
HEAD_CENTER_PX, HEAD_RADIUS_PX, N_HEAD = np.array([6.5, 0.0, 1.0]), 3.5, 20
BODY_CENTER_PX, BODY_RADIUS_PX, N_BODY = np.array([-3.0, 1.0, 0.0]), 5.5, 60
OPTICS = OpticsGroup("scene", PIXEL_A, BOX_PX, 300.0, 2.7, 0.1)
DEFOCUS_A = (8000.0, 15000.0)
# the extents hold hinges of 6° per axis; few iterations, as tests repeat them
SETTINGS = Settings(rotation_extent_deg=20.0, shift_extent_A=12.0, initial_lowpass_A=25.0, max_iterations=2)


@dataclass(frozen=True)
class Poses:
    """Rotations (n, 3, 3) and shifts (n, 2) in px about the box centre."""

    rotations: np.ndarray
    shifts_px: np.ndarray


@cache
def atoms(domain: str) -> np.ndarray:
    """Places (m, 3) of the atoms of ``head`` or ``body``, (x, y, z) px from the box centre."""
    centre, radius, n = {"head": (HEAD_CENTER_PX, HEAD_RADIUS_PX, N_HEAD), "body": (BODY_CENTER_PX, BODY_RADIUS_PX, N_BODY)}[domain]
    rng = np.random.default_rng(len(domain) + n)
    directions = rng.standard_normal((n, 3))
    return centre + directions / np.linalg.norm(directions, axis=1, keepdims=True) * radius * rng.uniform(0, 1, (n, 1)) ** (1 / 3)


def density_of(points: np.ndarray, box_px: int = BOX_PX, sigma_px: float = ATOM_SIGMA_PX) -> np.ndarray:
    """Map of Gaussian atoms, float32 (n, n, n)."""
    line = np.arange(box_px) - box_px // 2
    bells = [np.exp(-((line[None] - points[:, axis, None]) ** 2) / (2 * sigma_px**2)) for axis in range(3)]
    return np.einsum("ax,ay,az->zyx", *bells).astype(np.float32)


@cache
def true_map(domain: str, box_px: int = BOX_PX) -> np.ndarray:
    """Density of ``head`` or ``body``."""
    return density_of(atoms(domain), box_px)


def exact_slices(points: np.ndarray, poses: Poses, disc: FourierDisc, sigma_px: float = ATOM_SIGMA_PX, scale: float = 1.0) -> np.ndarray:
    """Transform of the projections of Gaussian atoms, complex128 (n, m); ``scale``: frequency of the map over that of the image."""
    k = scale * np.stack([disc.kx, disc.ky], axis=1) / disc.box_px
    places = np.einsum("nij,aj->nai", poses.rotations, points)[..., :2] + poses.shifts_px[:, None]
    envelope = (2 * np.pi * sigma_px**2) ** 1.5 / disc.box_px * np.exp(-2 * (np.pi * sigma_px) ** 2 * (k**2).sum(1))
    return np.stack([np.exp(-2j * np.pi * (one @ k.T)).sum(0) for one in places]) * envelope


def make_particles(
    poses: Poses, seed: int, optics: tuple[OpticsGroup, ...] = (OPTICS,), defocus_A: tuple[float, float] = DEFOCUS_A, **columns: Any
) -> Particles:
    """A particle table with these poses (px of ``PIXEL_A``), random defoci, half-sets in turn."""
    n, rng = len(poses.rotations), np.random.default_rng([seed, 1])
    defocus = rng.uniform(*defocus_A, n)
    return Particles.build(
        optics,
        uid=rng.permutation(np.arange(1000, 1000 + n)).astype(np.uint64),
        image_path=np.full(n, "scene.mrcs"),
        image_index=np.arange(n),
        half_set=np.arange(n) % 2,
        rotvec_rad=matrix_to_rotvec(poses.rotations),
        shift_A=poses.shifts_px * PIXEL_A,
        defocus_u_A=defocus + 300,
        defocus_v_A=defocus,
        defocus_angle_rad=rng.uniform(0, np.pi, n),
        **columns,
    )


def draw_poses(n: int, seed: int) -> Poses:
    """Random orientations, shifts of about a pixel."""
    rng = np.random.default_rng([seed, 2])
    return Poses(random_rotations(n, rng), rng.normal(0, 1, (n, 2)))


def disturb(poses: Poses, turn_deg: float, shift_px: float, seed: int) -> Poses:
    """Poses with errors of these standard deviations per axis."""
    rng = np.random.default_rng([seed, 3])
    turns = np.deg2rad(rng.normal(0, turn_deg, (len(poses.rotations), 3)))
    return Poses(poses.rotations @ rotvec_to_matrix(turns), poses.shifts_px + rng.normal(0, shift_px, poses.shifts_px.shape))


def hinge_head(body: Poses, sd_deg: float, seed: int) -> Poses:
    """Poses of the head: the body's, turned about the fulcrum."""
    turned = disturb(body, sd_deg, 0.0, seed).rotations
    return Poses(turned, rotate_about_fulcrum(body.rotations, body.shifts_px, turned, FULCRUM_PX))


def ctf_of(particles: Particles, disc: FourierDisc) -> np.ndarray:
    """C of all particles on a disc."""
    return compute_ctf(particles, np.arange(len(particles)), disc.box_px, PIXEL_A, disc.kx, disc.ky).numpy()


def render(coefficients: np.ndarray, disc: FourierDisc) -> np.ndarray:
    """Coefficients on the disc -> images, float64 (n, box, box)."""
    return fourier_to_image(disc.scatter(torch.from_numpy(coefficients)), disc.box_px).numpy()


@cache
def domain_of_head(box_px: int = BOX_PX) -> Domain:
    """The head, its soft mask and its fulcrum."""
    mask = near_far_masks(smooth_base(Volume(true_map("head", box_px), PIXEL_A), 0.2), PIXEL_A, (6.0, 24.0))[0]
    return Domain.of_mask(mask, FULCRUM_PX + box_px // 2)


@cache
def mask_of_particle(box_px: int = BOX_PX) -> np.ndarray:
    """A loose mask of head and body."""
    whole = Volume(true_map("head", box_px) + true_map("body", box_px), PIXEL_A)
    return np.maximum(particle_mask(whole).array, domain_of_head(box_px).mask)


@dataclass(frozen=True)
class Scene:
    """A data set with its truth."""

    particles: Particles  # carries the consensus poses
    pixels: np.ndarray  # (n, box, box)
    start: Start
    domain: Domain
    head: Poses
    body: Poses

    @property
    def stream(self) -> ImageStream:
        """The images, to be read block by block."""
        box_px = self.pixels.shape[-1]
        return ImageStream(self.particles, ArrayImages(self.pixels), Grid(box_px, PIXEL_A), fourier_disc(box_px))

    @cached_property
    def images(self) -> ImageSet:
        """All images at once."""
        return self.stream.load(np.arange(len(self.particles)))

    def with_pixels(self, pixels: np.ndarray) -> "Scene":
        """The same particles with other images; half maps as they were."""
        return replace(self, pixels=pixels)

    def premultiplied(self) -> "Scene":
        """The same images multiplied by their CTF."""
        pixels = render(self.images.coefficients.numpy() * ctf_of(self.particles, self.images.disc), self.images.disc)
        optics = tuple(replace(group, ctf_premultiplied=True) for group in self.particles.optics)
        return replace(self, particles=self.particles.with_optics(optics), pixels=pixels)

    def shuffled(self, order: np.ndarray) -> "Scene":
        """The same particles in another order."""
        per_particle = ("uid", "half_set", "rotations", "shifts_px", "consensus_rotations", "consensus_shifts_px")
        start = replace(self.start, **{name: getattr(self.start, name)[order] for name in per_particle})
        head, body = (Poses(poses.rotations[order], poses.shifts_px[order]) for poses in (self.head, self.body))
        return Scene(self.particles.select(order), self.pixels[order], start, self.domain, head, body)

    def inputs(self, settings: Settings = SETTINGS) -> Inputs:
        """What a refinement of the head is given."""
        return Inputs(self.stream, self.start, self.domain, settings)


def make_means(shared: SharedRecord | None = None, dtype: type[np.floating] = np.float32) -> Means:
    """What a refinement works with: the CPU, and room in memory."""
    return Means(cpu, shared or SharedRecord(), MemoryStore(dtype))


def pack_scene(scene: Scene, settings: Settings = SETTINGS) -> PackedImages:
    """The images without their background, in the window of the head."""
    inputs, means = scene.inputs(settings), make_means()
    disc = window_disc(scene.stream.disc, choose_window(inputs), int(scene.stream.disc.shell[-1]))
    return pack_images(inputs, measure_consensus(inputs, means, "domain"), disc, means, "domain", lambda steps: None)


@cache
def make_scene(n: int = 120, noise_sd: float = 1.0, seed: int = 1, box_px: int = BOX_PX, defocus_A: tuple[float, float] = DEFOCUS_A) -> Scene:
    """Images of ``n`` particles whose signal has variance 1, started from consensus poses off by 1.5° and half a pixel."""
    disc, body = fourier_disc(box_px), draw_poses(n, seed)
    head, consensus = hinge_head(body, 6.0, seed), disturb(body, 1.5, 0.5, seed)
    particles = make_particles(consensus, seed, (replace(OPTICS, box_px=box_px),), defocus_A)
    signal = render(ctf_of(particles, disc) * (exact_slices(atoms("head"), head, disc) + exact_slices(atoms("body"), body, disc)), disc)
    pixels = signal / signal.std() + noise_sd * np.random.default_rng([seed, 4]).standard_normal(signal.shape)
    poses = (consensus.rotations, consensus.shifts_px)
    stream = ImageStream(particles, ArrayImages(pixels), Grid(box_px, PIXEL_A), disc)
    half_maps, _, _ = reconstruct_halves(stream, particles["half_set"], *poses, cpu, lambda steps: None)
    start = Start(particles["uid"], particles["half_set"], *poses, *poses, half_maps, mask_of_particle(box_px))
    return Scene(particles, pixels, start, domain_of_head(box_px), head, body)
