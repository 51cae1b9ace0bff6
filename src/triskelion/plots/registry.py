"""The diagnostics there are. A module is imported when its plot is asked for, so that listing them costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from triskelion.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = (
    "map_slices",
    "fourier_slices",
    "mask_slices",
    "region_views",
    "region_slices",
    "domains",
    "mask_base",
    "nonuniform_cut",
    "local_resolution",
    "gsfsc",
    "guinier",
    "noise_model",
    "viewing_directions",
    "posterior_precision",
    "conical_fsc",
    "posterior_sd",
    "pose_change",
    "scale",
    "iterations",
    "sample_images",
    "subtracted_images",
    "defocus",
    "pose_error",
    "before_after",
    "compare_maps",
    "compare_fsc",
    "compare_poses",
    "predicted_error",
    "fulcrum",
    "fulcrum_place",
    "series",
    "subset",
    "composite_slices",
    "motion_axes",
    "motion_histograms",
    "motion_correlations",
)


def draw(name: str, data: dict[str, Any]) -> "Figure":
    """Draw the diagnostic ``name`` from its data; save it with ``save_png``."""
    if name not in NAMES:
        raise InputError(f"there is no plot {name!r}: choose one of {', '.join(NAMES)}")
    return import_module(f"triskelion.plots.{name}").draw(data)
