"""One realistic set of data for every diagnostic."""

from typing import Any

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.geometry.rotations import random_rotations
from triskelion.plots.before_after import collect_before_after
from triskelion.plots.compare_fsc import collect_compare_fsc
from triskelion.plots.compare_maps import collect_compare_maps
from triskelion.plots.compare_poses import collect_compare_poses
from triskelion.plots.composite_slices import collect_composite_slices
from triskelion.plots.conical_fsc import collect_conical_fsc
from triskelion.plots.defocus import collect_defocus
from triskelion.plots.domains import collect_domains
from triskelion.plots.fourier_slices import collect_fourier_slices
from triskelion.plots.fulcrum import collect_fulcrum
from triskelion.plots.fulcrum_place import collect_fulcrum_place
from triskelion.plots.iterations import collect_iterations
from triskelion.plots.local_resolution import collect_local_resolution
from triskelion.plots.map_slices import collect_map_slices
from triskelion.plots.mask_base import collect_mask_base
from triskelion.plots.mask_slices import collect_mask_slices
from triskelion.plots.motion_axes import collect_motion_axes
from triskelion.plots.motion_correlations import collect_motion_correlations
from triskelion.plots.motion_histograms import collect_motion_histograms
from triskelion.plots.noise_model import collect_noise_model
from triskelion.plots.nonuniform_cut import collect_nonuniform_cut
from triskelion.plots.pose_change import collect_pose_change
from triskelion.plots.pose_error import collect_pose_error
from triskelion.plots.posterior_precision import collect_posterior_precision
from triskelion.plots.posterior_sd import collect_posterior_sd
from triskelion.plots.predicted_error import collect_predicted_error
from triskelion.plots.region_slices import collect_region_slices
from triskelion.plots.region_views import collect_region_views
from triskelion.plots.sample_images import collect_sample_images
from triskelion.plots.scale import collect_scale
from triskelion.plots.series import collect_series
from triskelion.plots.subset import collect_subset
from triskelion.plots.subtracted_images import collect_subtracted_images
from triskelion.plots.viewing_directions import collect_viewing_directions
from triskelion.refine.motion import DomainMotion
from triskelion.resolution.fsc import compute_fsc_curves
from triskelion.resolution.guinier import fit_guinier
from triskelion.resolution.orientation import compute_conical_fsc, half_sphere_directions

BOX_PX, PIXEL_SIZE_A = 32, 4.0


def make_blob(center_xyz_px: tuple[float, float, float], width_px: float) -> np.ndarray:
    """Gaussian (box, box, box) of height 1."""
    z, y, x = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]
    r2 = (x - center_xyz_px[0]) ** 2 + (y - center_xyz_px[1]) ** 2 + (z - center_xyz_px[2]) ** 2
    return np.exp(-0.5 * r2 / width_px**2)


@pytest.fixture(scope="session")
def volume() -> Volume:
    return Volume(make_blob((16, 16, 16), 3) + make_blob((22, 12, 18), 1.5), PIXEL_SIZE_A)


@pytest.fixture(scope="session")
def mask() -> Mask:
    return Mask(np.clip(2 * make_blob((22, 12, 18), 4) - 0.2, 0, 1), PIXEL_SIZE_A)


@pytest.fixture(scope="session")
def plot_data(volume: Volume, mask: Mask) -> dict[str, dict[str, Any]]:
    """Name of a diagnostic -> its data, as the jobs collect them."""
    rng = np.random.default_rng(5)
    n = 300
    rotations = random_rotations(n, rng)
    half_a, half_b = (Volume(volume.array + 0.02 * rng.normal(size=volume.array.shape), PIXEL_SIZE_A) for _ in range(2))
    curves = compute_fsc_curves(half_a, half_b, mask, 0)
    sigma2 = 1 + np.exp(-np.arange(16) / 4)
    before, after = rng.gamma(4, 3, n), rng.gamma(4, 1, n)
    maps = {"consensus": half_a, "refined": volume}
    regions = np.where(volume.array > 0.2, 1 + (volume.array < 0.6), 0)
    fsc = {"consensus": curves.curves["none"], "refined": curves.curves["user_corrected"]}
    hinge = lambda size: DomainMotion(np.eye(3), np.full(3, size), np.full(3, 0.1), np.ones(3), rng.normal(0, size, (n, 3)))
    hinges, fulcra = [hinge(6.0), hinge(2.0)], [np.array([18.0, 14.0, 17.0]), np.array([12.0, 20.0, 15.0])]
    head, body = make_blob((22, 12, 18), 2) > 0.3, (make_blob((16, 16, 16), 3) > 0.3) & (make_blob((22, 12, 18), 2) <= 0.3)
    return {
        "map_slices": collect_map_slices({"map": half_a, "sharpened": volume}, fulcrum_xyz_px=(18, 14, 17)),
        "fourier_slices": collect_fourier_slices(volume, resolution_A=12.0),
        "mask_slices": collect_mask_slices(mask, volume, fulcrum_xyz_px=(18, 14, 17)),
        "region_slices": collect_region_slices(regions, volume, {2: "head"}),
        "region_views": collect_region_views(regions, volume, {2: "head"}),
        "domains": collect_domains([body, head], volume, [(19.5, 13.8, 17.1)], ["body: 40 nm³ at 8.1 Å", "1: 9 nm³ at 14.0 Å"]),
        "local_resolution": collect_local_resolution(Volume(30 - 22 * volume.array / volume.array.max(), PIXEL_SIZE_A), volume, mask, 0.5),
        "nonuniform_cut": collect_nonuniform_cut(Volume(30 - 22 * volume.array / volume.array.max(), PIXEL_SIZE_A), mask),
        "gsfsc": curves.as_dict(),
        "guinier": fit_guinier(volume, curves.curves["user_corrected"], 9.0).as_dict(),
        "noise_model": collect_noise_model(sigma2, BOX_PX, PIXEL_SIZE_A, previous=1.1 * sigma2),
        "viewing_directions": collect_viewing_directions(rotations),
        "posterior_precision": collect_posterior_precision(half_sphere_directions(1000), rng.uniform(1, 3, 1000)),
        "conical_fsc": collect_conical_fsc(compute_conical_fsc(half_a, half_b, 40), BOX_PX, PIXEL_SIZE_A),
        "posterior_sd": collect_posterior_sd(rng.gamma(4, 0.5, n), rng.gamma(4, 0.2, n)),
        "pose_change": collect_pose_change(np.minimum(before, 30), np.minimum(after, 10), rotation_extent_deg=30, shift_extent_A=10),
        "scale": collect_scale(rng.normal(1, 0.2, n)),
        "iterations": collect_iterations(
            resolution_A=[12.1, 9.4], rotation_change_deg=[None, 3.0], shift_change_A=[None, 1.0], log_likelihood=[5.0, 9.0]
        ),
        "sample_images": collect_sample_images(rng.normal(size=(9, BOX_PX, BOX_PX)), PIXEL_SIZE_A),
        "subtracted_images": collect_subtracted_images(*rng.normal(size=(2, 9, BOX_PX, BOX_PX)), PIXEL_SIZE_A),
        "defocus": collect_defocus(rng.uniform(8e3, 2e4, n), rng.uniform(8e3, 2e4, n)),
        "pose_error": collect_pose_error({"consensus": before, "refined": after}, {"consensus": before, "refined": after}),
        "predicted_error": collect_predicted_error(
            {"rehearsed": 1.5 * after, "as it is": 2 * after, "as the rest": after}, rotations, prior_deg=20.0, right_deg=2.1, wrong_percent=3.0
        ),
        "mask_base": collect_mask_base(volume, *(Volume(np.where(part, volume.array, 0), PIXEL_SIZE_A) for part in (head, body))),
        "fulcrum_place": collect_fulcrum_place(volume, (19.5, 13.8, 17.1), {"head": head, "3, 17": body}),
        "fulcrum": collect_fulcrum(volume, np.array([18.3, 14.1, 17.0]), np.array([0.5, 1.5, np.inf]), mask=mask),
        "series": collect_series(
            {"mask.dilation_px": ["3", "5", "7"], "mask.soft_padding_px": ["10", "17"]},
            rng.normal(9, 0.3, (6, 2)),
            np.linspace(0.5, 0.6, 12).reshape(6, 2),
            np.arange(6) > 3,
            5,
            [{"first": i, "second": j, "angle_deg": 0.3 * j} for i, j in ((0, 1), (2, 3), (4, 5), (0, 2), (2, 4), (1, 3), (3, 5))],
        ),
        "subset": collect_subset(before, np.flatnonzero(before < 15), "rotation_change_deg", "..15", [15.0]),
        "composite_slices": collect_composite_slices(half_a, volume, {"1 J8": mask.array, "2 J12": 0.3 * mask.array}),
        "motion_axes": collect_motion_axes(volume, ["head", "foot"], [mask, mask], hinges, fulcra),
        "motion_histograms": collect_motion_histograms(["head", "foot"], hinges),
        "motion_correlations": collect_motion_correlations(["head", "foot"], np.full((6, 6), 0.2), np.full((6, 6), 0.03)),
        "compare_maps": collect_compare_maps(("J2", "J3"), half_a, volume, 0.9, through_xyz_px=(18, 14, 17)),
        "compare_fsc": collect_compare_fsc({"J2": (fsc["consensus"], 15.0), "J3": (fsc["refined"], 9.0)}, curves.curves["loose"], 12.0, volume),
        "compare_poses": collect_compare_poses(before, after, about="mask centre"),
        "before_after": collect_before_after(maps, fsc=fsc, resolution_A={"consensus": 15.0, "refined": 9.0}, mask=mask),
    }
