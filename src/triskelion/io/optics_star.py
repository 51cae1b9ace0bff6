"""The optics groups of a particle STAR: RELION 3.1's optics table, or what RELION 3.0 repeats on every particle."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from triskelion.data.particles import OpticsGroup
from triskelion.errors import DataError
from triskelion.io import particle_labels as labels
from triskelion.io.star import shorten

UNKNOWN_BOX_PX = 0  # RELION 3.0 does not write the box; the stacks tell

# label -> allowed range: what lies outside is a wrong unit or a wrong column
PLAUSIBLE = {
    "rlnImagePixelSize": (0.01, 1000.0),
    "rlnVoltage": (1.0, 2000.0),
    "rlnSphericalAberration": (-20.0, 20.0),
    "rlnAmplitudeContrast": (0.0, 1.0),
}


@dataclass(frozen=True)
class Microscope:
    """Values typed by a person; they replace those of the file in every optics group. None keeps the file's."""

    pixel_size_A: float | None = None
    voltage_kV: float | None = None
    cs_mm: float | None = None
    amplitude_contrast: float | None = None


def derive_optics(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Make optics columns out of particle columns, as RELION does when it opens a file of version 3.0.

    Takes the labels it uses out of ``columns``. Particles of one voltage, pixel size ... are one group, numbered as they appear.

    Returns
    -------
    optics : dict of str to ndarray of str
    group : ndarray, int64, shape (n,)
        0-based optics group of each particle.
    """
    n = len(next(iter(columns.values())))
    shared = {}
    if labels.MICROSCOPE["pixel_size_A"] not in columns and {"rlnDetectorPixelSize", "rlnMagnification"} <= set(columns):
        detector_um, magnification = columns.pop("rlnDetectorPixelSize"), columns.pop("rlnMagnification")
        pairs, place = np.unique(np.stack([detector_um, magnification]), axis=1, return_inverse=True)
        sizes = [labels.format_number(parse_number(d) * 1e4 / parse_number(m)) if parse_number(m) else "nan" for d, m in pairs.T]
        shared[labels.MICROSCOPE["pixel_size_A"]] = np.array(sizes)[place.reshape(-1)]
    for label in (*labels.MICROSCOPE.values(), *labels.BEAM_TILT, labels.GROUP_BOX, labels.PREMULTIPLIED, labels.OPTICS_GROUP):
        if label in columns:
            shared[label] = columns.pop(label)
    group, first = np.zeros(n, dtype=np.int64), np.zeros(1, dtype=np.int64)
    if shared:
        _, first, group = np.unique(np.stack(list(shared.values())), axis=1, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        group, first = rank[group.reshape(-1)], np.sort(first)
    optics = {label: values[first] for label, values in shared.items()}
    optics[labels.GROUP_NAME] = np.array([f"opticsGroup{number}" for number in range(1, len(first) + 1)])
    return optics, group


def parse_optics(columns: Mapping[str, np.ndarray], microscope: Microscope, path) -> tuple[OpticsGroup, ...]:
    """Read the optics groups out of the columns of an optics table.

    Raises
    ------
    DataError
        A value is missing, not a number or out of any plausible range.
    """
    typed = {field: value for field, value in asdict(microscope).items() if value is not None}
    missing = [f"{label} (or give {field})" for field, label in labels.MICROSCOPE.items() if label not in columns and field not in typed]
    if missing:
        raise DataError(f"{path} does not say {', '.join(missing)}")
    rows = [{label: str(values[row]) for label, values in columns.items()} for row in range(len(next(iter(columns.values()))))]
    if not rows:
        raise DataError(f"{path}: the optics table is empty")
    return tuple(_parse_group({labels.GROUP_NAME: f"opticsGroup{n}", **row}, typed, f"{path}, optics group {n}") for n, row in enumerate(rows, 1))


def file_pixel_sizes_A(columns: Mapping[str, np.ndarray], optics: Sequence[OpticsGroup]) -> np.ndarray:
    """Pixel size (Å) that the file itself gives each optics group, shape (n_groups,), whatever a person typed instead."""
    sizes = [group.pixel_size_A for group in optics]
    written = [parse_number(text) for text in columns.get(labels.MICROSCOPE["pixel_size_A"], [])]
    return np.array([file_size if file_size > 0 else size for file_size, size in zip(written or sizes, sizes)])


def format_optics(optics: Sequence[OpticsGroup]) -> dict[str, np.ndarray]:
    """Write optics groups as the columns of an optics table; aberrations that no group has are left out."""
    columns: dict[str, list[str]] = {
        labels.OPTICS_GROUP: [str(number) for number in range(1, len(optics) + 1)],
        labels.GROUP_NAME: [group.name for group in optics],
    }
    for field, label in labels.MICROSCOPE.items():
        columns[label] = [labels.format_number(getattr(group, field)) for group in optics]
    if all(group.box_px != UNKNOWN_BOX_PX for group in optics):
        columns[labels.GROUP_BOX] = [str(group.box_px) for group in optics]
    columns[labels.GROUP_DIMENSIONS] = ["2"] * len(optics)
    columns[labels.PREMULTIPLIED] = [str(int(group.ctf_premultiplied)) for group in optics]
    for names, field, default in ((labels.BEAM_TILT, "beam_tilt_xy_mrad", (0.0, 0.0)), (labels.MAGNIFICATION, "magnification", (1.0, 0.0, 0.0, 1.0))):
        if any(getattr(group, field) != default for group in optics):
            columns |= {label: [labels.format_number(getattr(group, field)[place]) for group in optics] for place, label in enumerate(names)}
    for label, field in ((labels.ODD_ZERNIKE, "odd_zernike"), (labels.EVEN_ZERNIKE, "even_zernike")):
        if any(getattr(group, field) for group in optics):
            columns[label] = [labels.format_vector(getattr(group, field) or (0.0,)) for group in optics]
    if any(group.image_sign != 1 for group in optics):
        columns[labels.IMAGE_SIGN] = [str(group.image_sign) for group in optics]
    if any(group.kept_mask for group in optics):
        columns[labels.KEPT_MASK] = [group.kept_mask or "None" for group in optics]
    for label in dict.fromkeys(label for group in optics for label in group.extra):
        columns[label] = [group.extra.get(label, "None") for group in optics]
    return {label: np.array(values, dtype=np.str_) for label, values in columns.items()}


def _parse_group(row: dict[str, str], typed: Mapping[str, float], where: str) -> OpticsGroup:
    def take(label: str, default: float) -> float:
        text = row.pop(label, None)
        value = default if text is None else parse_number(text)
        low, high = PLAUSIBLE.get(label, (-np.inf, np.inf))
        if not (np.isfinite(value) and low <= value <= high):
            raise DataError(f"{where}: {label} is {value if text is None else shorten(text)}, wanted a number from {low:g} to {high:g}")
        return value

    if take(labels.GROUP_DIMENSIONS, 2) != 2:
        raise DataError(f"{where} holds 3D subtomograms (rlnImageDimensionality): project them to 2D particle images first")
    row.pop(labels.OPTICS_GROUP, None)
    for field, value in typed.items():
        row[labels.MICROSCOPE[field]] = labels.format_number(value)
    values = {field: take(label, np.nan) for field, label in labels.MICROSCOPE.items()}
    tilt_x, tilt_y = (take(label, 0.0) for label in labels.BEAM_TILT)
    m00, m01, m10, m11 = (take(label, default) for label, default in zip(labels.MAGNIFICATION, (1.0, 0.0, 0.0, 1.0)))
    return OpticsGroup(
        name=row.pop(labels.GROUP_NAME),
        box_px=int(take(labels.GROUP_BOX, UNKNOWN_BOX_PX)),
        ctf_premultiplied=bool(take(labels.PREMULTIPLIED, 0)),
        image_sign=-1 if take(labels.IMAGE_SIGN, 1) < 0 else 1,
        beam_tilt_xy_mrad=(tilt_x, tilt_y),
        odd_zernike=_parse_vector(row.pop(labels.ODD_ZERNIKE, "[]"), where),
        even_zernike=_parse_vector(row.pop(labels.EVEN_ZERNIKE, "[]"), where),
        magnification=(m00, m01, m10, m11),
        kept_mask="" if (kept_mask := row.pop(labels.KEPT_MASK, "None")) == "None" else kept_mask,
        extra=row,
        **values,
    )


def _parse_vector(text: str, where: str) -> tuple[float, ...]:
    values = tuple(parse_number(value) for value in text.strip("[]").split(",") if value.strip())
    if not np.isfinite(values).all():
        raise DataError(f"{where}: {shorten(text)!r} is not a list of coefficients like [0.1,-2]")
    return values if any(values) else ()


def parse_number(text: str) -> float:
    """Read a number; NaN where the text is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
