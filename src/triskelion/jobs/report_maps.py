"""What every job that makes half maps reports about them: curves, B-factor, sharpened map, views, pictures."""

from typing import TYPE_CHECKING

import numpy as np

from triskelion.data.volume import Mask, Volume
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.imaging.forward import Grid
    from triskelion.resolution.curves import FscCurves

N_DIRECTIONS = 1000


def report_half_maps(
    context: JobContext,
    half_a: Volume,
    half_b: Volume,
    mask: Mask | None,
    seed: int,
    fulcrum_xyz_px=None,
    tight: Mask | None = None,
    local_lowpass: bool = False,
) -> "FscCurves":
    """Save half maps, map, sharpened map and FSC; report the resolution; return the curves.

    ``tight`` stands in for the automatic tight mask; ``local_lowpass`` saves ``map_local`` as well.
    """
    from triskelion.maps.sharpen import sharpen
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import average_map, compute_fsc_curves

    curves = compute_fsc_curves(half_a, half_b, mask, seed, tight)
    average = average_map(half_a, half_b)
    sharpened = sharpen(half_a, half_b, curves, mask or tight)
    for name, volume in (("half_a", half_a), ("half_b", half_b), ("map", average), ("map_sharp", sharpened.volume)):
        context.save_volume(volume, name)
    local = lowpass_locally(half_a, half_b, curves.resolution_A()) if local_lowpass else None
    if local is not None:
        context.save_volume(local, "map_local")
    save_curves(context, curves)
    for warning in curves.warnings():
        context.warn(warning)
    plot_maps(context, curves, average, sharpened.volume, mask, fulcrum_xyz_px, iteration=None, local=local)
    if sharpened.guinier is not None:
        context.plot("guinier", sharpened.guinier.as_dict())
    context.log(f"resolution {curves.resolution_A():.2f} Å ({curves.headline}, 0.143), B-factor {sharpened.b_factor_A2:.0f} Å²")
    context.summarize(resolution_A=finite_or_none(curves.resolution_A()), b_factor_A2=sharpened.b_factor_A2)
    return curves


def lowpass_locally(half_a: Volume, half_b: Volume, resolution_A: float) -> Volume:
    """Average of two half maps, each voxel low-passed where they stop agreeing about it, no finer than a resolution (Nyquist where there is none)."""
    from triskelion.maps.nonuniform import choose_cuts, fit_nonuniform_filter
    from triskelion.resolution.fsc import average_map

    pixel_size_A = half_a.pixel_size_A
    cuts_A = choose_cuts(resolution_A if np.isfinite(resolution_A) else 2 * pixel_size_A)
    chosen = fit_nonuniform_filter((half_a.array, half_b.array), pixel_size_A, cuts_A)
    return Volume(chosen.apply(average_map(half_a, half_b).array), pixel_size_A)


def save_curves(context: JobContext, curves: "FscCurves") -> None:
    """Save the curves as fsc.json, as the table fsc.txt, and fsc.xml for EMDB."""
    from triskelion.resolution.curves import format_fsc_text, format_fsc_xml

    context.save_json("fsc", curves.as_dict())
    context.save_text("fsc.txt", format_fsc_text(curves))
    context.save_text("fsc.xml", format_fsc_xml(curves))


def plot_maps(
    context: JobContext,
    curves: "FscCurves",
    average: Volume,
    sharpened: Volume,
    mask: Mask | None,
    fulcrum_xyz_px,
    iteration: int | None,
    local: Volume | None = None,
) -> None:
    """Plot slices of the map (``local`` is low-passed voxel by voxel) in real and Fourier space, of the mask, and the FSC curves."""
    from triskelion.plots.fourier_slices import collect_fourier_slices
    from triskelion.plots.map_slices import collect_map_slices
    from triskelion.plots.mask_slices import collect_mask_slices
    from triskelion.resolution.curves import finite_or_none

    through = None if mask is None else np.rint(mask.center_xyz_px).astype(int)
    maps = {"map": average, "sharpened": sharpened} | ({} if local is None else {"low-passed locally": local})
    context.plot("map_slices", collect_map_slices(maps, fulcrum_xyz_px=fulcrum_xyz_px, through_xyz_px=through), iteration)
    context.plot("fourier_slices", collect_fourier_slices(average, resolution_A=finite_or_none(curves.resolution_A())), iteration)
    context.plot("gsfsc", curves.as_dict(), iteration)
    if mask is not None:
        context.plot("mask_slices", collect_mask_slices(mask, average, fulcrum_xyz_px=fulcrum_xyz_px), iteration)


def plot_views(
    context: JobContext,
    rotations: np.ndarray,
    precision: np.ndarray,
    sigma2: np.ndarray,
    grid: "Grid",
    *,
    previous_sigma2: np.ndarray | None = None,
    iteration: int | None = None,
) -> None:
    """Plot viewing directions, posterior precision by direction and the noise model."""
    from triskelion.plots.noise_model import collect_noise_model
    from triskelion.plots.posterior_precision import collect_posterior_precision
    from triskelion.plots.viewing_directions import collect_viewing_directions
    from triskelion.resolution.orientation import half_sphere_directions, posterior_precision

    directions = half_sphere_directions(N_DIRECTIONS)
    context.plot("viewing_directions", collect_viewing_directions(rotations), iteration)
    context.plot("posterior_precision", collect_posterior_precision(directions, posterior_precision(rotations, precision, directions)), iteration)
    context.plot("noise_model", collect_noise_model(sigma2, grid.box_px, grid.pixel_size_A, previous=previous_sigma2), iteration)
