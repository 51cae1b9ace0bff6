"""Quantities over the sphere of directions: cells of nearly equal area and their Mollweide map.

Azimuth is atan2(y, x), elevation asin(z), both in degrees. The cells lie in ``n_rings`` rings of equal height in elevation,
from -90° up; a ring is cut into so many cells, from azimuth -180° on, that they are about as wide as high.
"""

from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from triskelion.plots.style import THIN_PT, TICK_PT

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


def _cell_of_angles(azimuth_deg: np.ndarray, elevation_deg: np.ndarray, n_rings: int) -> np.ndarray:
    sizes = ring_sizes(n_rings)
    ring = np.clip(np.floor((elevation_deg + 90) * n_rings / 180).astype(np.int64), 0, n_rings - 1)
    within = np.clip(np.floor((azimuth_deg + 180) / 360 * sizes[ring]).astype(np.int64), 0, sizes[ring] - 1)
    return (np.cumsum(sizes) - sizes)[ring] + within


def cell_of_directions(directions_xyz: np.ndarray, n_rings: int) -> np.ndarray:
    """Return the cell (n,) of every direction (n, 3); their length does not matter."""
    x, y, z = np.asarray(directions_xyz, dtype=np.float64).T
    return _cell_of_angles(np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(z, np.hypot(x, y))), n_rings)


@cache
def _cells_of_map(n_rings: int) -> np.ndarray:
    """Cell under every pixel of the Mollweide map, -1 outside of it.

    Inverse of the projection: sin t = y, elevation = asin((2 t + sin 2t) / pi), azimuth = pi x / cos t, for x and y in [-1, 1].
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n + 1)[:-1] + 1 / n for n in (MAP_HEIGHT_PX, 2 * MAP_HEIGHT_PX)), indexing="ij")
    t = np.arcsin(y)
    elevation = np.arcsin((2 * t + np.sin(2 * t)) / np.pi)
    azimuth = np.pi * x / np.cos(t)
    inside = np.abs(azimuth) <= np.pi
    cells = _cell_of_angles(np.rad2deg(np.where(inside, azimuth, 0)), np.rad2deg(elevation), n_rings)
    return np.where(inside, cells, -1)


def project_mollweide(azimuth_deg, elevation_deg) -> tuple[np.ndarray, np.ndarray]:
    """Place (x, y) of directions on the map, both in [-1, 1]; solves 2 t + sin 2t = pi sin(elevation) by Newton's method."""
    target = np.pi * np.sin(np.deg2rad(np.asarray(elevation_deg, dtype=np.float64)))
    t = np.deg2rad(np.asarray(elevation_deg, dtype=np.float64)) * 0.9
    for _ in range(30):
        t = t - (2 * t + np.sin(2 * t) - target) / np.maximum(2 + 2 * np.cos(2 * t), 1e-9)
    return np.asarray(azimuth_deg) / 180 * np.cos(t), np.sin(t)


def draw_sphere(axes: Axes, values: np.ndarray, n_rings: int, **image_options) -> AxesImage:
    """Draw one value per cell as a Mollweide map with a graticule of 60° by 30°; NaN is left blank."""
    cells = _cells_of_map(n_rings)
    pixels = np.ma.masked_invalid(np.where(cells >= 0, np.asarray(values)[cells], np.nan))
    image = axes.imshow(pixels, origin="lower", extent=(-1, 1, -0.5, 0.5), interpolation="nearest", **image_options)
    for azimuth in range(-180, 181, 60):
        edge = abs(azimuth) == 180
        x, y = project_mollweide(np.full(91, azimuth), np.linspace(-89, 89, 91))
        axes.plot(x, y / 2, color="black" if edge else "white", linewidth=1.5 * THIN_PT if edge else 0.5 * THIN_PT, alpha=1 if edge else 0.5)
    for elevation in (-60, -30, 0, 30, 60):
        x, y = project_mollweide(np.array([-180, 180]), np.full(2, elevation))
        axes.plot(x, y / 2, color="white", linewidth=0.5 * THIN_PT, alpha=0.5)
        axes.text(x[0] - 0.02, y[0] / 2, f"{elevation}°", ha="right", va="center", fontsize=TICK_PT)
    for azimuth in (-120, -60, 0, 60, 120):
        axes.text(azimuth / 180, 0.012, f"{azimuth}°", ha="center", va="bottom", fontsize=TICK_PT - 1, color="white")
    axes.set(xlim=(-1.02, 1.02), ylim=(-0.515, 0.515), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
