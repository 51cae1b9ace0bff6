"""The pictures of a job as they stand in a report: grouped by diagnostic, iterations in order, bytes inside the page."""

import base64
import io
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from triskelion.plots.registry import NAMES
from triskelion.project.layout import JobPaths
from triskelion.project.pictures import draw_picture, list_diagnostics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN_PX = 1400  # a picture of this width fills the column: letters are of one size in all
WIDE_PX = 700  # wider pictures stand alone, others two by two
EARLIER_PX = 900  # widest picture of an iteration that later ones replaced: a report of 15 iterations stays small enough to be mailed
EARLIER_QUALITY = 80
LAST_EFFORT = 30  # of 100: more takes twice the time and saves nothing
_TITLES = {"gsfsc": "GSFSC", "before_after": "Before and after"}


@dataclass(frozen=True)
class Picture:
    """One image; ``iteration`` is None for the state at the end."""

    iteration: int | None
    uri: str
    width_px: int
    height_px: int


@dataclass(frozen=True)
class PlotView:
    """A diagnostic: its pictures by iteration, the newest last."""

    name: str
    title: str
    caption: str
    images: tuple[Picture, ...]

    @property
    def is_wide(self) -> bool:
        """Whether it stands alone."""
        return self.images[-1].width_px > WIDE_PX

    @property
    def width_percent(self) -> int:
        """Share of its frame that a picture takes."""
        return min(100, round(100 * self.images[-1].width_px / COLUMN_PX)) if self.is_wide else 100


def collect_plots(paths: JobPaths, newest_only: bool = False) -> list[PlotView]:
    """Collect the pictures of a job in the order of the registry; those that nobody has looked at yet are drawn."""
    order = {name: place for place, name in enumerate(NAMES)}
    found = list_diagnostics(paths)
    names = sorted(found, key=lambda n: (order.get(n, len(order)), n))
    return [_view_plot(paths, name, found[name][-1:] if newest_only else found[name]) for name in names]


def view_newest(paths: JobPaths, name: str) -> PlotView:
    """Return the newest picture of one diagnostic."""
    return _view_plot(paths, name, list_diagnostics(paths)[name][-1:])


def _view_plot(paths: JobPaths, name: str, iterations: list[int | None]) -> PlotView:
    images = []
    for place, iteration in enumerate(iterations):
        png = draw_picture(paths, name, iteration).read_bytes()
        images.append(embed_picture(png, iteration, is_earlier=place < len(iterations) - 1))
    return PlotView(name, title_of(name), caption_of(name), tuple(images))


def title_of(name: str) -> str:
    """Return what a diagnostic is called: ``map_slices`` is "Map slices"."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def caption_of(name: str) -> str:
    """Return the sentence that the diagnostic's own module says of it."""
    if name not in NAMES:
        return ""
    return (import_module(f"triskelion.plots.{name}").__doc__ or "").strip().partition("\n")[0]


def embed_figure(name: str, figure: "Figure", caption: str | None = None) -> PlotView:
    """Return a drawn figure as it stands in a report."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return PlotView(name, title_of(name), caption_of(name) if caption is None else caption, (embed_picture(png.getvalue(), None),))


def embed_picture(png: bytes, iteration: int | None, is_earlier: bool = False) -> Picture:
    """Return a PNG as a data URI: every pixel kept, in half the bytes (WebP); of earlier iterations, a smaller picture."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        picture = image.convert("RGB")
    if is_earlier:
        picture.thumbnail((EARLIER_PX, picture.height), Image.Resampling.LANCZOS)
    webp = io.BytesIO()
    picture.save(webp, "WEBP", lossless=not is_earlier, quality=EARLIER_QUALITY if is_earlier else LAST_EFFORT, method=2)
    return Picture(iteration, "data:image/webp;base64," + base64.b64encode(webp.getvalue()).decode("ascii"), *picture.size)
