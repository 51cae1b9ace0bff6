"""A few particle images as they are and low-passed, to see that protein is bright and centred."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import largest_edge_px, pack_image, unpack_image
from triskelion.plots.slices import draw_scale_bar, draw_slice
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, new_figure

N_SHOWN = 8


def low_pass_gaussian(images: np.ndarray, half_amplitude_px: float) -> np.ndarray:
    """Filter images (m, n, n) with a Gaussian that is 1/2 at a period of ``half_amplitude_px``."""
    n = images.shape[-1]
    k2 = np.fft.fftfreq(n)[:, None] ** 2 + np.fft.rfftfreq(n) ** 2
    return np.fft.irfft2(np.fft.rfft2(images) * np.exp(-np.log(2) * half_amplitude_px**2 * k2), s=(n, n))


def collect_sample_images(images: np.ndarray, pixel_size_A: float, *, low_pass_A: float | None = None) -> dict[str, Any]:
    """Take the first 8 images (m, box, box; protein bright), raw and with amplitudes halved at ``low_pass_A``.

    The default is 20 Å, but not less than 4 px, so that there is a difference to see.
    """
    low_pass_A = max(20.0, 4 * pixel_size_A) if low_pass_A is None else low_pass_A
    shown = np.asarray(images[:N_SHOWN], dtype=np.float64)
    edge_px = largest_edge_px(2 * len(shown))
    return {
        "box_px": int(shown.shape[-1]),
        "pixel_size_A": pixel_size_A,
        "low_pass_A": low_pass_A,
        "raw": [pack_image(image, edge_px) for image in shown],
        "low_pass": [pack_image(image, edge_px) for image in low_pass_gaussian(shown, low_pass_A / pixel_size_A)],
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw raw images above their low-passed selves; each from its mean - 3 sd to its mean + 3 sd."""
    n = len(data["raw"])
    figure = new_figure(DOUBLE_COLUMN_IN, 2 * DOUBLE_COLUMN_IN / max(n, 4), packed=True)
    grid = figure.subplots(2, n, squeeze=False)
    for panels, key, label in zip(grid, ("raw", "low_pass"), ("raw", f"low-passed, {data['low_pass_A']:g} Å"), strict=True):
        for axes, packed in zip(panels, data[key], strict=True):
            image = unpack_image(packed)
            mean, sd = float(image.mean()), max(float(image.std()), 1e-12)
            draw_slice(axes, image, (mean - 3 * sd, mean + 3 * sd), data["box_px"])
        panels[0].set_ylabel(label, fontsize=LABEL_PT)
    draw_scale_bar(grid[1][0], data["box_px"], data["pixel_size_A"])
    return figure
