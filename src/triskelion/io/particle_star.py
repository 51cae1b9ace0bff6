"""Particle tables from and to RELION's STAR files: versions 3.0, 3.1, 4 and 5 are read, 3.1 is written.

Columns this program does not use travel along as text and come out again. Its own columns have the prefix
``rlnTriskelion``; RELION keeps them without looking at them.
"""

import os
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, NO_HALF, Particles
from triskelion.errors import DataError
from triskelion.geometry.euler import matrix_to_relion, relion_to_matrix
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io import particle_labels as labels
from triskelion.io.optics_star import Microscope, derive_optics, file_pixel_sizes_A, format_optics, parse_number, parse_optics
from triskelion.io.star import BATCH_ROWS, StarTable, read_star, shorten, write_star

LARGEST_ANGLE_DEG = 720.0
LARGEST_DEFOCUS_A = 300_000.0
FROM_THE_FILE = Microscope()


def read_particles(path: str | os.PathLike, microscope: Microscope = FROM_THE_FILE) -> Particles:
    """Read a particle STAR; image paths stay as the file has them.

    Parameters
    ----------
    path : path
    microscope : Microscope
        Replaces values of the file. Another pixel size scales the shifts with it, for they were measured in pixels.

    Returns
    -------
    Particles
        Where the file does not give the box size (RELION 3.0), ``box_px`` of its optics groups is 0.

    Raises
    ------
    DataError
        Columns are missing, or a row holds impossible values; names them.
    """
    particles, impossible = parse_particles(path, microscope)
    if impossible:
        row, reason = next(iter(impossible.items()))
        raise DataError(f"{path}, row {row + 1}: {reason}; {len(impossible)} of {len(particles)} rows are impossible: mend or remove them")
    return particles


def parse_particles(path: str | os.PathLike, microscope: Microscope = FROM_THE_FILE) -> tuple[Particles, dict[int, str]]:
    """Read a particle STAR as ``read_particles`` does, but collect impossible rows instead of stopping at the first.

    Returns
    -------
    particles : Particles
        All rows; the impossible values among them are 0.
    impossible : dict of int to str
        0-based row -> what is wrong with it, ordered by row.
    """
    tables = read_star(path)
    columns = _find_particle_table(tables, path).columns
    optics_columns = tables["optics"].columns if "optics" in tables else None
    del tables  # text is large: each column is forgotten as soon as it is read
    _require_labels(columns, path)
    if optics_columns is not None:
        group = _place_in_optics(columns, optics_columns, path)
    else:
        optics_columns, group = derive_optics(columns)
    optics = parse_optics(optics_columns, microscope, path)
    true_pixel_A = np.array([each.pixel_size_A for each in optics])[group][:, None]
    stretch = true_pixel_A / file_pixel_sizes_A(optics_columns, optics)[group][:, None]

    rest = _Columns(columns, len(group))
    table = {"optics_group": group, **_take_images(rest)}
    in_A = rest.has(labels.ORIGIN_A)
    origin_A = rest.take_vectors(labels.ORIGIN_A) * stretch if in_A else rest.take_vectors(labels.ORIGIN_PX) * true_pixel_A
    table["shift_A"] = 0.0 - origin_A
    table["rotvec_rad"] = _take_rotvec(rest, labels.ANGLES)
    if rest.has(labels.CONSENSUS_ANGLES + labels.CONSENSUS_ORIGIN_A):
        table["consensus_shift_A"] = 0.0 - rest.take_vectors(labels.CONSENSUS_ORIGIN_A) * stretch
        table["consensus_rotvec_rad"] = _take_rotvec(rest, labels.CONSENSUS_ANGLES)
    for column, (label, unit, default) in labels.NUMBERS.items():
        values = rest.take_numbers(label, default or 0.0, LARGEST_DEFOCUS_A if label in labels.DEFOCUS else np.inf)
        table[column] = np.deg2rad(values) if unit == "deg" else values
    subset = rest.take_numbers(labels.HALF_SET, 0.0)
    table["half_set"] = np.select([subset == 1, subset == 2], [HALF_A, HALF_B], NO_HALF)
    return Particles.build(optics, rest.columns, **table), dict(sorted(rest.impossible.items()))


def write_particles(path: str | os.PathLike, particles: Particles) -> None:
    """Write a particle STAR of RELION 3.1.

    Numbers have all the digits of float64, angles 1e-10 degrees. Consensus poses and contrast are left out where they say nothing.
    """
    optional = _choose_columns(particles)
    batches = (
        StarTable(_format_rows(particles.select(slice(start, start + BATCH_ROWS)), optional)) for start in range(0, len(particles), BATCH_ROWS)
    )
    write_star(path, {"optics": StarTable(format_optics(particles.optics)), "particles": batches})


def _choose_columns(particles: Particles) -> set[str]:
    """Which of the columns that may say nothing do say something in some row."""
    table = particles.table
    consensus = table["consensus_rotvec_rad"], table["consensus_shift_A"]
    moved = not (np.array_equal(consensus[0], table["rotvec_rad"]) and np.array_equal(consensus[1], table["shift_A"]))
    says = {"contrast": (table["contrast"] != 1).any(), "half_set": (table["half_set"] != NO_HALF).any(), "consensus": moved}
    return {name for name, is_said in says.items() if is_said}


def _format_rows(particles: Particles, optional: set[str]) -> dict[str, np.ndarray]:
    """Write rows as columns of text."""
    table = particles.table
    names = [f"{index + 1:06d}@{path}" for index, path in zip(table["image_index"].tolist(), table["image_path"].tolist())]
    columns = {labels.IMAGE_NAME: np.array(names, dtype=np.str_)}
    for column, (label, unit, _) in labels.NUMBERS.items():
        if column != "contrast" or column in optional:
            columns[label] = labels.format_angles_deg(np.rad2deg(table[column])) if unit == "deg" else labels.format_numbers(table[column])
    columns |= _format_pose(table["rotvec_rad"], table["shift_A"], labels.ANGLES, labels.ORIGIN_A)
    if "half_set" in optional:
        columns[labels.HALF_SET] = (table["half_set"].astype(np.int64) + 1).astype(np.str_)
    columns[labels.OPTICS_GROUP] = (table["optics_group"] + 1).astype(np.str_)
    columns |= particles.extra
    columns[labels.UID] = table["uid"].astype(np.str_)
    if "consensus" in optional:
        columns |= _format_pose(table["consensus_rotvec_rad"], table["consensus_shift_A"], labels.CONSENSUS_ANGLES, labels.CONSENSUS_ORIGIN_A)
    return columns


def _format_pose(rotvec_rad: np.ndarray, shift_A: np.ndarray, angle_labels, origin_labels) -> dict[str, np.ndarray]:
    angles_deg = matrix_to_relion(rotvec_to_matrix(rotvec_rad))
    written = {label: labels.format_angles_deg(angles_deg[:, axis]) for axis, label in enumerate(angle_labels)}
    return written | {label: labels.format_numbers(0.0 - shift_A[:, axis]) for axis, label in enumerate(origin_labels)}


def _find_particle_table(tables: dict[str, StarTable], path) -> StarTable:
    for name, table in tables.items():
        if name != "optics" and labels.IMAGE_NAME in table.columns:
            if not len(table):
                raise DataError(f"{path}: the table data_{name} holds no particles")
            return table
    blocks = shorten(", ".join(f"data_{name}" for name in tables))
    raise DataError(f"{path} holds no table of particles (no {labels.IMAGE_NAME} in {blocks}): give the STAR of a particle stack")


def _require_labels(columns: dict[str, np.ndarray], path) -> None:
    angles = [label for label in labels.ANGLES if label not in columns]
    if angles:
        raise DataError(
            f"{path} has no angles ({', '.join(angles)} missing): refine the particles in 3D in the program this file comes from and "
            "import the STAR of that refinement"
        )
    ctf = [label for label, _, default in labels.NUMBERS.values() if default is None and label not in columns]
    if ctf:
        raise DataError(f"{path} has no CTF ({', '.join(ctf)} missing): estimate the defocus first, or import the STAR in which it stands")


def _place_in_optics(columns: dict[str, np.ndarray], optics: dict[str, np.ndarray], path) -> np.ndarray:
    """Turn the numbers in rlnOpticsGroup, which need not be 1, 2, 3 ..., into places in the optics table."""
    n = len(columns[labels.IMAGE_NAME])
    n_groups = len(next(iter(optics.values()), ()))
    numbers = optics.get(labels.OPTICS_GROUP, np.arange(1, n_groups + 1).astype(np.str_)).tolist()
    if labels.OPTICS_GROUP not in columns:
        if n_groups != 1:
            raise DataError(f"{path}: {n_groups} optics groups, but the particles do not say theirs ({labels.OPTICS_GROUP} missing)")
        return np.zeros(n, dtype=np.int64)
    place = {number: index for index, number in enumerate(numbers)}
    group = np.array([place.get(number, -1) for number in columns.pop(labels.OPTICS_GROUP).tolist()], dtype=np.int64)
    if (group < 0).any():
        row = int(np.flatnonzero(group < 0)[0])
        raise DataError(f"{path}, row {row + 1}: its optics group is not among those of the file ({shorten(', '.join(numbers))})")
    return group


class _Columns:
    """Columns that are taken out one by one; what nobody takes is left in ``columns``.

    Values that cannot be are noted in ``impossible`` (0-based row -> reason, the first one of each row) and become 0.
    """

    def __init__(self, columns: dict[str, np.ndarray], n: int):
        self.columns, self.n = columns, n
        self.impossible: dict[int, str] = {}

    def has(self, names: Sequence[str]) -> bool:
        return set(names) <= set(self.columns)

    def take_numbers(self, label: str, default: float, limit: float = np.inf) -> np.ndarray:
        """Take a column as float64 (n,), each value finite and of at most ``limit`` in size."""
        text = self.columns.pop(label, None)
        if text is None:
            return np.full(self.n, default)
        try:
            values = text.astype(np.float64)
        except ValueError:
            values = np.array([parse_number(value) for value in text.tolist()])
        wrong = ~(np.isfinite(values) & (np.abs(values) <= limit))
        for row in np.flatnonzero(wrong).tolist():
            wanted = f"a size of at most {limit:g}" if np.isfinite(values[row]) else "a finite number"
            self.impossible.setdefault(row, f"{label} is {shorten(str(text[row]))}, wanted {wanted}")
        return np.where(wrong, 0.0, values)

    def take_vectors(self, names: Sequence[str], limit: float = np.inf) -> np.ndarray:
        """Take several columns as the components of vectors, float64 (n, len(names)); those not there are 0."""
        return np.stack([self.take_numbers(name, 0.0, limit) for name in names], axis=1)


def _take_rotvec(rest: _Columns, angle_labels: Sequence[str]) -> np.ndarray:
    return matrix_to_rotvec(relion_to_matrix(rest.take_vectors(angle_labels, LARGEST_ANGLE_DEG)))


def _take_images(rest: _Columns) -> dict[str, np.ndarray]:
    """Take uid, path and 0-based index of each image; a name without '@' is a file of one image."""
    names = rest.columns.pop(labels.IMAGE_NAME).tolist()
    indices, paths = np.zeros(rest.n, dtype=np.int64), []
    for row, name in enumerate(names):
        number, at, path = name.partition("@")
        paths.append(path if at else name)
        if at and not (number.isdecimal() and int(number) > 0):
            rest.impossible.setdefault(row, f"{labels.IMAGE_NAME} is {shorten(name)}, wanted number@stack with numbers from 1")
        elif at:
            indices[row] = int(number) - 1
    written = rest.columns.pop(labels.UID, None)
    if written is None:
        uid = _make_uids([f"{index + 1}@{path}" for index, path in zip(indices.tolist(), paths)], first_is_uid=False)
    else:
        uid = _make_uids(written.tolist(), first_is_uid=True)
    return {"uid": uid, "image_path": np.array(paths, dtype=np.str_), "image_index": indices}


def _make_uids(names: list[str], first_is_uid: bool) -> np.ndarray:
    """Number particles by a hash of their names; a name that returns (symmetry expansion) gets another number each time."""
    seen: dict[str, int] = {}
    uids = np.empty(len(names), dtype=np.uint64)
    for row, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if first_is_uid and seen[name] == 1 and name.isdecimal() and int(name) < 2**64:
            uids[row] = int(name)
        else:
            text = name if seen[name] == 1 else f"{name}#{seen[name]}"
            uids[row] = int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")
    return uids
