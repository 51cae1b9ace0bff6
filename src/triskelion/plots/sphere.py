"""Quantities over the sphere of directions: cells of nearly equal area and their Mollweide map.

The cells lie in ``n_rings`` rings of equal height in elevation, from -90° up; a ring is cut into so many cells, from azimuth -180° on,
that they are about as wide as high.
"""

from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Ellipse

from triskelion.plots.style import LABEL_PT, THIN_PT, TICK_PT

MAP_HEIGHT_PX = 300


@cache
def ring_sizes(n_rings: int) -> np.ndarray:
    """Number of cells of each ring (n_rings,)."""
    middle_deg = (np.arange(n_rings) + 0.5) * 180 / n_rings - 90
    return np.maximum(3, np.rint(2 * n_rings * np.cos(np.deg2rad(middle_deg)))).astype(np.int64)


def cell_solid_angles_sr(n_rings: int) -> np.ndarray:
    """Solid angle of every cell; they sum to 4 pi."""
    borders = np.sin(np.linspace(-np.pi / 2, np.pi / 2, n_rings + 1))
    return np.repeat(2 * np.pi * np.diff(borders) / ring_sizes(n_rings), ring_sizes(n_rings))


def cell_of_angles(azimuth_deg: np.ndarray, elevation_deg: np.ndarray, n_rings: int) -> np.ndarray:
    """Return the cell of every direction; azimuth from -180 to 180, elevation from -90 to 90, any shape."""
    sizes = ring_sizes(n_rings)
    ring = np.clip(np.floor((elevation_deg + 90) * n_rings / 180).astype(np.int64), 0, n_rings - 1)
    within = np.clip(np.floor((azimuth_deg + 180) / 360 * sizes[ring]).astype(np.int64), 0, sizes[ring] - 1)
    return (np.cumsum(sizes) - sizes)[ring] + within


@cache
def cells_of_map(n_rings: int) -> np.ndarray:
    """Cell under every pixel of the Mollweide map, -1 outside of it.

    Inverse of the projection: sin t = y, elevation = asin((2 t + sin 2t) / pi), azimuth = pi x / cos t, for x and y in [-1, 1].
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n + 1)[:-1] + 1 / n for n in (MAP_HEIGHT_PX, 2 * MAP_HEIGHT_PX)), indexing="ij")
    t = np.arcsin(y)
    elevation = np.arcsin((2 * t + np.sin(2 * t)) / np.pi)
    azimuth = np.pi * x / np.cos(t)
    inside = np.abs(azimuth) <= np.pi
    cells = cell_of_angles(np.rad2deg(np.where(inside, azimuth, 0)), np.rad2deg(elevation), n_rings)
    return np.where(inside, cells, -1)


@cache
def auxiliary_angle_rad(elevation_deg: float) -> float:
    """Return the t of an elevation short of the poles: 2 t + sin 2t = pi sin(elevation), by Newton's method."""
    target, t = np.pi * np.sin(np.deg2rad(elevation_deg)), np.deg2rad(elevation_deg) * 0.9
    for _ in range(20):
        t -= (2 * t + np.sin(2 * t) - target) / (2 + 2 * np.cos(2 * t))
    return float(t)


def _draw_graticule(axes: Axes) -> None:
    """Draw the outline, meridians every 60° and parallels every 30°."""
    thin = {"color": "white", "linewidth": 0.5 * THIN_PT, "alpha": 0.5}
    t = np.linspace(-np.pi / 2, np.pi / 2, 91)
    for azimuth in (-120, -60, 0, 60, 120):
        axes.plot(azimuth / 180 * np.cos(t), np.sin(t) / 2, **thin)
        axes.text(azimuth / 180, 0.012, f"{azimuth}°".replace("-", "−"), ha="center", va="bottom", fontsize=TICK_PT - 1, color="white")
    for elevation in (-60, -30, 0, 30, 60):
        angle = auxiliary_angle_rad(elevation)
        x, y = np.cos(angle), np.sin(angle) / 2
        axes.plot([-x, x], [y, y], **thin)
        axes.text(-x - 0.03 - 0.03 * abs(y), y * 1.06, f"{elevation}°".replace("-", "−"), ha="right", va="center", fontsize=TICK_PT)
    axes.add_patch(Ellipse((0, 0), 2, 1, fill=False, linewidth=1.5 * THIN_PT))


def draw_sphere(figure: Figure, axes: Axes, values: np.ndarray, n_rings: int, *, label: str, **image_options) -> AxesImage:
    """Draw one value per cell as a Mollweide map with a colour bar below; NaN is left blank.

    ``label`` stands at the bar; ``image_options`` go to ``imshow`` (cmap, norm ...).
    """
    cells = cells_of_map(n_rings)
    pixels = np.ma.masked_invalid(np.where(cells >= 0, np.asarray(values)[cells], np.nan))
    image = axes.imshow(pixels, origin="lower", extent=(-1, 1, -0.5, 0.5), interpolation="nearest", **image_options)
    _draw_graticule(axes)
    axes.set(xlim=(-1.01, 1.01), ylim=(-0.51, 0.51), xticks=[], yticks=[])
    axes.set_xlabel("azimuth", fontsize=LABEL_PT, labelpad=2)
    axes.set_ylabel("elevation", fontsize=LABEL_PT, labelpad=12)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, aspect=35, pad=0.03)
    bar.set_label(label, fontsize=LABEL_PT, labelpad=2)
    bar.ax.tick_params(labelsize=TICK_PT, width=THIN_PT, length=2)
    bar.outline.set_visible(False)
    return image
