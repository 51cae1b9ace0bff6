"""Central slices of a map's Fourier transform: the logarithm of its amplitude, with a ring at the resolution."""

from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from triskelion.data.volume import Volume
from triskelion.plots.encode import round_number, unpack_image
from triskelion.plots.slices import PLANES, pack_slices
from triskelion.plots.style import DOUBLE_COLUMN_IN, LABEL_PT, ORANGE, THIN_PT, TICK_PT, format_resolution, label_axes, new_figure

DYNAMIC_RANGE = 1e-6  # amplitudes below this fraction of the largest are shown as this


def collect_fourier_slices(volume: Volume, *, resolution_A: float | None = None) -> dict[str, Any]:
    """Take log10 |F| (``ortho``) in the planes kz = 0, ky = 0 and kx = 0: the transforms of the projections along z, y and x."""
    n = volume.box_px
    slices = {}
    for plane, axis in zip(PLANES, (0, 1, 2), strict=True):
        projection = volume.array.sum(axis=axis, dtype=np.float64)
        amplitude = np.abs(np.fft.fftshift(np.fft.fft2(projection))) / n**1.5
        floor = max(DYNAMIC_RANGE * float(amplitude.max()), np.finfo(np.float32).tiny)
        slices[plane] = np.log10(np.maximum(amplitude, floor))
    return {
        "box_px": n,
        "pixel_size_A": volume.pixel_size_A,
        "resolution_A": round_number(resolution_A),
        "log10_amplitude": pack_slices(slices, 3),
    }


def draw(data: dict[str, Any]) -> Figure:
    """Draw the three planes on one scale of grey, axes in 1/Å."""
    figure = new_figure(DOUBLE_COLUMN_IN, 2.15, packed=True)
    panels = figure.subplots(1, 3)
    images = {plane: unpack_image(data["log10_amplitude"][plane]) for plane in PLANES}
    values = np.concatenate([image.ravel() for image in images.values()])
    low, high = (float(v) for v in np.percentile(values, (5, 99.9)))
    step = 1 / (data["box_px"] * data["pixel_size_A"])
    first, last = (-(data["box_px"] // 2) - 0.5) * step, ((data["box_px"] + 1) // 2 - 0.5) * step
    scale = Normalize(low, high)
    for plane, axes in zip(PLANES, panels, strict=True):
        axes.imshow(images[plane], origin="lower", extent=(first, last, first, last), cmap="gray", norm=scale)
        right, up = plane
        label_axes(axes, x_label=f"$k_{right}$ (1/Å)", y_label=f"$k_{up}$ (1/Å)")
        axes.spines[:].set_visible(False)
        axes.locator_params(nbins=5)
        if data["resolution_A"]:
            axes.add_patch(Circle((0, 0), 1 / data["resolution_A"], fill=False, color=ORANGE, linewidth=2 * THIN_PT, linestyle="--"))
    if data["resolution_A"]:
        half = np.sqrt(0.5) / data["resolution_A"]
        panels[0].text(half, half, f" {format_resolution(data['resolution_A'])}", color=ORANGE, fontsize=TICK_PT, va="bottom")
    bar = figure.colorbar(ScalarMappable(scale, "gray"), ax=panels, shrink=0.9, pad=0.01, aspect=30)
    bar.set_label("log$_{10}$ amplitude", fontsize=LABEL_PT)
    bar.ax.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2)
    bar.outline.set_visible(False)
    return figure
