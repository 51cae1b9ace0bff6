"""The particle table: one array per column, units in the names, poses now and at consensus."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from triskelion.errors import DataError, InputError

HALF_A, HALF_B, NO_HALF = 0, 1, -1

# name -> (dtype, shape of one row, value where a file says nothing; None means the column must be given)
COLUMNS: dict[str, tuple[type, tuple[int, ...], object]] = {
    "uid": (np.uint64, (), None),
    "image_path": (np.str_, (), None),
    "image_index": (np.int64, (), None),  # 0-based place in the stack
    "optics_group": (np.int64, (), 0),  # 0-based place in Particles.optics
    "half_set": (np.int8, (), NO_HALF),
    "rotvec_rad": (np.float64, (3,), None),  # rotation vector of R in x_image = P(R x) + t
    "shift_A": (np.float64, (2,), 0.0),  # t = (x, y); RELION's origin is -t
    "consensus_rotvec_rad": (np.float64, (3,), None),
    "consensus_shift_A": (np.float64, (2,), None),
    "defocus_u_A": (np.float64, (), 0.0),
    "defocus_v_A": (np.float64, (), 0.0),
    "defocus_angle_rad": (np.float64, (), 0.0),
    "phase_shift_rad": (np.float64, (), 0.0),
    "ctf_bfactor_A2": (np.float64, (), 0.0),
    "ctf_scale": (np.float64, (), 1.0),
    "contrast": (np.float64, (), 1.0),  # s in X = s C P + n
}


@dataclass(frozen=True)
class OpticsGroup:
    """What all particles of one optics group share."""

    name: str
    pixel_size_A: float
    box_px: int
    voltage_kV: float
    cs_mm: float
    amplitude_contrast: float
    ctf_premultiplied: bool = False
    image_sign: int = 1  # -1: protein is dark in the files; readers multiply by it
    beam_tilt_xy_mrad: tuple[float, float] = (0.0, 0.0)
    odd_zernike: tuple[float, ...] = ()
    even_zernike: tuple[float, ...] = ()
    magnification: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)  # rows of rlnMagMat
    kept_mask: str = ""  # file of the mask whose complement was subtracted from the images; empty: they are whole
    extra: Mapping[str, str] = field(default_factory=dict)  # columns of the file this program does not use


@dataclass(frozen=True)
class Particles:
    """Particles of one data set.

    Attributes
    ----------
    optics : tuple of OpticsGroup
    table : dict of ndarray
        The columns of ``COLUMNS``, each of length n.
    extra : dict of ndarray
        Columns of the input file that this program does not use, as text; they travel along.
    """

    optics: tuple[OpticsGroup, ...]
    table: Mapping[str, np.ndarray]
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def build(cls, optics: tuple[OpticsGroup, ...], extra: Mapping[str, np.ndarray] | None = None, **columns) -> "Particles":
        """Make a table, fill in the columns that have a default and check it.

        Consensus poses default to the current ones.
        """
        columns.setdefault("consensus_rotvec_rad", columns.get("rotvec_rad"))
        n = len(columns["uid"])
        columns.setdefault("shift_A", np.zeros((n, 2)))
        columns.setdefault("consensus_shift_A", columns["shift_A"])
        table = {}
        for name, (dtype, tail, default) in COLUMNS.items():
            if name not in columns and default is None:
                raise InputError(f"the particle table needs a column {name}")
            values = columns.pop(name) if name in columns else np.full((n, *tail), default)
            array = np.asarray(values) if dtype is np.str_ else np.asarray(values, dtype=dtype)
            if array.shape != (n, *tail):
                raise InputError(f"column {name} has shape {array.shape}, wanted {(n, *tail)}")
            table[name] = array
        if columns:
            raise InputError(f"unknown particle columns: {', '.join(sorted(columns))}")
        return cls(tuple(optics), table, dict(extra or {}))

    def __len__(self) -> int:
        return len(self.table["uid"])

    def __getitem__(self, column: str) -> np.ndarray:
        return self.table[column]

    def with_columns(self, **columns) -> "Particles":
        """Return a copy in which these columns are replaced."""
        return Particles.build(self.optics, self.extra, **{**self.table, **columns})

    def with_optics(self, optics: tuple[OpticsGroup, ...]) -> "Particles":
        """Return a copy with other optics groups in the same order."""
        return replace(self, optics=tuple(optics))

    def select(self, rows) -> "Particles":
        """Return the particles of ``rows`` (indices or a boolean array), in that order."""
        pick = lambda columns: {name: values[rows] for name, values in columns.items()}
        return replace(self, table=pick(self.table), extra=pick(self.extra))

    @property
    def kept_masks(self) -> list[str]:
        """Files of the masks that tell what a subtraction left in the images; empty where they show the whole particle."""
        used = (self.optics[index].kept_mask for index in np.unique(self.table["optics_group"]))
        return sorted({mask for mask in used if mask})

    def rows_of_half(self, half: int) -> np.ndarray:
        """Return the row numbers of half-set ``HALF_A`` or ``HALF_B``."""
        return np.flatnonzero(self.table["half_set"] == half)

    def require_half_sets(self) -> None:
        """Raise DataError unless every particle is in half a or b and neither is empty."""
        halves = self.table["half_set"]
        missing = np.flatnonzero((halves != HALF_A) & (halves != HALF_B))
        if len(missing):
            raise DataError(f"{len(missing)} particles have no half-set, the first in row {missing[0] + 1}: import them again with half_sets='draw'")
        for half, label in ((HALF_A, "a"), (HALF_B, "b")):
            if not (halves == half).any():
                raise DataError(
                    f"half-set {label} is empty: all {len(self)} particles are in the other one (rlnRandomSubset); "
                    "import them again with half_sets='draw'"
                )


def draw_half_sets(particles: Particles, seed: int) -> Particles:
    """Return the particles in half-sets drawn anew, as equal as can be; one image listed twice stays in one half."""
    names = [f"{path}@{index}" for path, index in zip(particles["image_path"].tolist(), particles["image_index"].tolist())]
    images, image_of_row = np.unique(names, return_inverse=True)
    halves = np.random.default_rng(seed).permutation(len(images)) % 2
    return particles.with_columns(half_set=halves[image_of_row])


def join_by_uid(first: Particles, second: Particles) -> tuple[np.ndarray, np.ndarray]:
    """Return row numbers of ``first`` and ``second`` that are the same particles, ordered by uid."""
    _, rows_first, rows_second = np.intersect1d(first["uid"], second["uid"], return_indices=True)
    return rows_first, rows_second
