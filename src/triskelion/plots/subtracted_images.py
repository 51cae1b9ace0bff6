"""A few particle images before and after subtraction, and what was taken out of them, all low-passed alike."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from triskelion.plots.encode import largest_edge_px, pack_image, unpack_image
from triskelion.plots.sample_images import N_SHOWN, low_pass_gaussian
from triskelion.plots.slices import draw_scale_bar, draw_slice
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, new_figure

ROWS = ("before", "removed", "after")


def collect_subtracted_images(before: np.ndarray, removed: np.ndarray, pixel_size_A: float, *, low_pass_A: float | None = None) -> dict[str, Any]:
    """Take the first 8 images (m, box, box; protein bright) and what was taken out of them, amplitudes halved at ``low_pass_A``.

    The default is 30 Å, but not less than 4 px: noise hides what happened at less.
    """
    low_pass_A = max(30.0, 4 * pixel_size_A) if low_pass_A is None else low_pass_A
    stacks = {"before": before[:N_SHOWN], "removed": removed[:N_SHOWN], "after": before[:N_SHOWN] - removed[:N_SHOWN]}
    edge_px = largest_edge_px(len(ROWS) * len(stacks["before"]))
    smooth = {name: low_pass_gaussian(np.asarray(images, np.float64), low_pass_A / pixel_size_A) for name, images in stacks.items()}
    packed = {name: [pack_image(image, edge_px) for image in images] for name, images in smooth.items()}
    return {"box_px": int(before.shape[-1]), "pixel_size_A": pixel_size_A, "low_pass_A": low_pass_A, **packed}


def draw(data: dict[str, Any]) -> Figure:
    """Draw images above what was removed above what is left; a column has the grey levels of its image: its mean - 3 sd to its mean + 3 sd."""
    n = len(data["before"])
    figure = new_figure(DOUBLE_COLUMN_IN, len(ROWS) * DOUBLE_COLUMN_IN / max(n, 4), packed=True)
    grid = figure.subplots(len(ROWS), n, squeeze=False)
    images = {name: [unpack_image(packed) for packed in data[name]] for name in ROWS}
    spans = [3 * max(float(image.std()), 1e-12) for image in images["before"]]
    for panels, name in zip(grid, ROWS, strict=True):
        for axes, image, span in zip(panels, images[name], spans, strict=True):
            mean = float(image.mean())
            draw_slice(axes, image, (mean - span, mean + span), data["box_px"])
        panels[0].set_ylabel(f"{name}, {data['low_pass_A']:g} Å", fontsize=LABEL_PT)
    draw_scale_bar(grid[-1][0], data["box_px"], data["pixel_size_A"])
    return figure
