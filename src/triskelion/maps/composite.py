"""One map from a consensus and focused maps: each domain where it was refined, the consensus elsewhere.

With soft masks m_d, weights w_d = m_d / max(1, sum of all masks), and focused maps F_d at grey scale s_d,

    composite = sum over d of w_d (s_d F_d + (1 - m_d) C) + (1 - sum of w_d) C

for focused maps whose images had the rest of the particle subtracted: such a map holds m_d of the density at the edge of its mask, and the consensus
C what was subtracted there. A focused map of whole images is taken as it is, without the (1 - m_d) C. Half maps are composed alike, a with a.

Grey scales are compared inside the masks in the lowest shells. A consensus in which a domain moves is blurred, which lowers its amplitudes as a
B-factor does: the logarithm of the ratio is a line in k², whose value at k = 0 is the scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from triskelion.conventions import resolution_to_shell
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import volume_to_fourier

FIRST_SHELL = 2
FINEST_A, FINEST_PX = 20.0, 6.0  # of the shells in which grey scales are compared: no finer than this length, nor than so many px
FEWEST_SHELLS = 3


@dataclass(frozen=True)
class Focused:
    """A focused map.

    Attributes
    ----------
    halves : tuple of ndarray (n, n, n)
        Half maps, in the frame of the consensus.
    mask : ndarray (n, n, n)
    without_rest : bool
        Whether what lies outside the mask was subtracted from its images.
    """

    halves: tuple[np.ndarray, np.ndarray]
    mask: np.ndarray
    without_rest: bool

    @property
    def average(self) -> np.ndarray:
        """Mean of the half maps."""
        return (self.halves[0] + self.halves[1]) / 2


@dataclass(frozen=True)
class Shares:
    """How much of every voxel comes from where.

    Attributes
    ----------
    consensus : ndarray (n, n, n)
    focused : list of ndarray (n, n, n)
        Factor by which each focused map is multiplied.
    source : ndarray, int32 (n, n, n)
        Which has the largest part in a voxel: 0 the consensus, 1 the first focused map, ...
    """

    consensus: np.ndarray
    focused: list[np.ndarray]
    source: np.ndarray


def share_voxels(focused: Sequence[Focused]) -> Shares:
    """Find the factors of consensus and focused maps; their parts of the density sum up to 1 in every voxel.

    Raises
    ------
    InputError
        There is no focused map, or masks have different boxes.
    """
    if not focused:
        raise InputError("a composite map wants focused maps: give at least one")
    if len({each.mask.shape for each in focused}) > 1:
        raise InputError("the masks have different boxes: put all maps on one grid with volume_tools")
    total = np.maximum(1, np.sum([each.mask for each in focused], axis=0))
    weights = [(each.mask / total).astype(np.float32) for each in focused]
    # of the density, a focused map without the rest holds the part inside its mask only
    parts = [weight * each.mask if each.without_rest else weight for weight, each in zip(weights, focused, strict=True)]
    consensus = np.clip(1 - np.sum(parts, axis=0), 0, 1).astype(np.float32)
    return Shares(consensus, weights, np.argmax([consensus, *parts], axis=0).astype(np.int32))


def compose(consensus: np.ndarray, focused: Sequence[np.ndarray], scales: Sequence[float], shares: Shares) -> np.ndarray:
    """Compose one map, or the half maps a, or the half maps b: float32 (n, n, n)."""
    composite = shares.consensus * consensus
    for array, scale, factor in zip(focused, scales, shares.focused, strict=True):
        composite += np.float32(scale) * factor * array
    return composite


def match_grey_scale(focused: Focused, consensus: Volume) -> float:
    """Return by what a focused map is to be multiplied to have the consensus's scale of grey.

    Where the maps have nothing in common, or too few shells, it is 1: both are on the scale of the images.
    """
    part = 1 if focused.without_rest else focused.mask
    n, pixel_size_A = consensus.box_px, consensus.pixel_size_A
    first, second = (volume_to_fourier(torch.from_numpy(np.ascontiguousarray(each, np.float32))) for each in
                     (focused.average * (focused.mask > 0) * part, consensus.array * focused.mask))  # fmt: skip
    cross = shell_sum(first.real * second.real + first.imag * second.imag, n, 3).numpy()
    power = shell_sum(first.real**2 + first.imag**2, n, 3).numpy()
    last = int(resolution_to_shell(max(FINEST_A, FINEST_PX * pixel_size_A), n, pixel_size_A))
    shells = np.arange(FIRST_SHELL, last + 1)
    shells = shells[(cross[shells] > 0) & (power[shells] > 0)]
    if len(shells) < FEWEST_SHELLS:
        return 1.0
    slope = np.polynomial.Polynomial.fit(shells**2.0, np.log(cross[shells] / power[shells]), 1, w=np.sqrt(power[shells]))
    return float(np.exp(slope(0.0)))
