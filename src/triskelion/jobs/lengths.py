"""How people write lengths and positions: in px as ``5`` and ``178.2,178.6,180.9``, in Å with an A behind, ``7A`` and ``249.5,250.1,253.3A``."""

import math

from triskelion.errors import InputError


def parse_length_px(text: str, pixel_size_A: float, name: str) -> float:
    """Return a length in px.

    Raises
    ------
    InputError
        Unless it is a number, 0 or more, with or without an A.
    """
    (value,) = _parse_numbers(text, 1, pixel_size_A, f"{name} is {text!r}, wanted px as 5 or Å as 7A, 0 or more")
    if value < 0:
        raise InputError(f"{name} is {text!r}, wanted px as 5 or Å as 7A, 0 or more")
    return value


def parse_position_xyz_px(text: str, pixel_size_A: float, name: str) -> tuple[float, float, float]:
    """Return a position (x, y, z) in px from the corner voxel.

    Raises
    ------
    InputError
        Unless it is three numbers between commas, with or without one A at the end.
    """
    wanted = f"{name} is {text!r}, wanted x,y,z from the corner voxel in px as 178.2,178.6,180.9 or in Å as 249.5,250.1,253.3A"
    x, y, z = _parse_numbers(text, 3, pixel_size_A, wanted)
    return x, y, z


def _parse_numbers(text: str, count: int, pixel_size_A: float, wanted: str) -> list[float]:
    body = text.strip()
    unit = 1.0
    if body.endswith(("A", "Å")):
        body, unit = body[:-1], pixel_size_A
    try:
        values = [float(part) / unit for part in body.split(",")]
    except ValueError:
        raise InputError(wanted) from None
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise InputError(wanted)
    return values
