"""A figure as a PNG, drawn once: matplotlib's own ``savefig`` draws everything twice, the first time only to arrange it."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

COMPRESSION = 3  # a tenth larger than the best, in a third of the time


def save_png(figure: Figure, path: Path) -> None:
    """Draw a figure and write it, without transparency, at its own resolution."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.save(path, format="PNG", compress_level=COMPRESSION, dpi=(figure.dpi, figure.dpi))
