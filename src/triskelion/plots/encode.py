"""Arrays as JSON: numbers rounded to what can be seen, images as bytes."""

import base64
import math
from typing import Any

import numpy as np

IMAGE_BUDGET_BYTES = 180_000  # of one diagnostic, so that its JSON stays below 200 kB


def round_number(value: float | None, digits: int = 6) -> float | None:
    """Return ``value`` with ``digits`` significant digits; None where it is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.{digits}g}")


def round_numbers(values, digits: int = 6) -> list:
    """Return an array of any shape (None allowed in it) as nested lists of ``round_number``."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return [round_numbers(v, digits) if isinstance(v, (list, tuple, np.ndarray)) else round_number(v, digits) for v in values]


def missing_to_nan(values) -> np.ndarray:
    """Return a list that may hold None as float64, None becoming NaN (which is not drawn)."""
    return np.array([math.nan if v is None else v for v in values], dtype=np.float64)


def largest_edge_px(n_images: int) -> int:
    """Edge of square images of which ``n_images`` fit into one diagnostic."""
    return math.isqrt(IMAGE_BUDGET_BYTES * 3 // (4 * n_images))  # base64 writes 3 bytes as 4 characters


def _averaging_weights(n_from: int, n_to: int) -> np.ndarray:
    """Weights (n_to, n_from) of the mean over equal intervals; each row sums to 1."""
    edges = np.linspace(0, n_from, n_to + 1)
    index = np.arange(n_from)
    overlap = np.minimum(edges[1:, None], index + 1) - np.maximum(edges[:-1, None], index)
    return np.clip(overlap, 0, None) * (n_to / n_from)


def shrink_image(image: np.ndarray, edge_px: int) -> np.ndarray:
    """Average an image (ny, nx) down so that no edge is longer than ``edge_px``; smaller ones stay as they are."""
    shrink = max(image.shape) / edge_px
    if shrink <= 1:
        return image
    rows, columns = (max(1, round(n / shrink)) for n in image.shape)
    return _averaging_weights(image.shape[0], rows) @ image @ _averaging_weights(image.shape[1], columns).T


def pack_image(image, edge_px: int) -> dict[str, Any]:
    """Return an image (ny, nx) as JSON: one byte a pixel between its lowest and highest value, base64.

    ``value = lo + (hi - lo) * byte / 255``; images longer than ``edge_px`` are averaged down first.
    """
    image = shrink_image(np.asarray(image, dtype=np.float64), edge_px)
    low, high = float(image.min()), float(image.max())
    levels = np.rint((image - low) * (255 / (high - low))) if high > low else np.zeros(image.shape)
    text = base64.b64encode(levels.astype(np.uint8).tobytes()).decode("ascii")
    return {"shape": list(image.shape), "lo": low, "hi": high, "uint8": text}


def unpack_image(packed: dict[str, Any]) -> np.ndarray:
    """Return the image (ny, nx), float64, of ``pack_image``: off by at most (hi - lo) / 510."""
    levels = np.frombuffer(base64.b64decode(packed["uint8"]), dtype=np.uint8).reshape(packed["shape"])
    return packed["lo"] + (packed["hi"] - packed["lo"]) * levels / 255
