"""The domains of a simulated particle come with masks, fulcra and predictions; local resolution as a job agrees with its mathematics."""

import json

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.segmentation_npz import read_segmentation
from triskelion.masks.automatic import particle_mask
from triskelion.plots.registry import draw
from triskelion.resolution.fsc import average_map
from triskelion.resolution.local import measure_local_resolution

BOX_PX, PIXEL_A = 64, 4.0
Z, Y, X = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX] - BOX_PX // 2
BODY = ((X + 4) / 16) ** 2 + (Y / 9) ** 2 + (Z / 9) ** 2 < 1
HEAD = ((X - 17) / 8) ** 2 + (Y / 7) ** 2 + (Z / 7) ** 2 < 1


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """J1: half maps of a particle of white density whose head, right of x = 10, is blurred."""
    import torch

    folder, generator = tmp_path_factory.mktemp("project"), np.random.default_rng(3)
    density = generator.gamma(1.0, 1.0, (BOX_PX,) * 3)
    sharp, moved = (np.where(part, density, 0).astype(np.float32) for part in (BODY & ~HEAD, HEAD))
    blur = lambda array, sd_A: gaussian_blur(torch.from_numpy(array), PIXEL_A, sd_A).numpy()
    signal = blur(sharp, 2.5) + blur(moved, 6.5)
    context = FakeContext(folder, "J1")
    halves = [Volume(signal + 0.05 * generator.standard_normal(signal.shape), PIXEL_A) for _ in range(2)]
    for name, half in zip(("half_a", "half_b"), halves, strict=True):
        context.save_volume(half, name)
    context.save_volume(average_map(*halves), "map")
    return folder


def test_the_blurred_head_is_found(project):
    job = run_job("find_domains", FakeContext(project, "J2"), volume="J1", dilation_px=0)
    assert job.warnings == [] and job.summary["n_domains"] == 1
    (row,) = json.loads((job.folder / "domains.json").read_text())["domains"]
    head = read_mask(job.folder / "mask_1.mrc").array
    assert np.mean(head[HEAD] > 0.5) > 0.9 and np.mean(head[BODY & (X < 0)] > 0.5) < 0.02
    assert row["fulcrum_xyz_px"] == pytest.approx([BOX_PX / 2 + 10, BOX_PX / 2, BOX_PX / 2], abs=2.5)
    assert "verdict" not in row and row["resolution_A"] > job.summary["local_resolution_10_50_90_A"][0]
    segmentation = read_segmentation(job.folder / "segmentation.npz")
    assert [segmentation.names[root] for root in segmentation.roots()] == ["body", "domain_1"]
    assert int(segmentation.n_voxels[row["node"]]) == row["n_voxels"]
    assert set(job.plots) == {"domains", "region_views", "region_slices", "local_resolution"}
    figure = draw("domains", job.plots["domains"][0])
    assert "1 domain beside the body" in figure.get_suptitle()


def test_masks_are_grown_and_softened_as_asked(project):
    job = run_job("find_domains", FakeContext(project, "J3"), volume="J1", dilation_px="8A", soft_padding_px="3")
    grown, plain = (read_mask(project / name / "mask_1.mrc").array for name in ("J3", "J2"))
    assert (grown >= 1).sum() > 1.2 * (plain >= 1).sum()
    assert ((grown > 0) & (grown < 1)).sum() < ((plain > 0) & (plain < 1)).sum()
    with pytest.raises(InputError, match="dilation_px"):
        run_job("find_domains", FakeContext(project, "J4"), volume="J1", dilation_px="wide")
    assert job.summary["gaussian_A"] == 1.5 * PIXEL_A


def test_local_resolution_as_a_job(project):
    job = run_job("local_resolution", FakeContext(project, "J5"), volume="J1")
    found = read_volume(job.folder / "local_resolution.mrc").array
    halves = [read_volume(project / "J1" / f"half_{half}.mrc") for half in "ab"]
    mask = particle_mask(average_map(*halves))
    np.testing.assert_array_equal(found, measure_local_resolution(*halves, mask).array)
    assert np.median(found[HEAD & (X > 17)]) > 1.25 * np.median(found[BODY & (X < 0)])
    FakeContext(project, "J6").save_volume(Mask(HEAD, PIXEL_A), "mask")
    inside = run_job("local_resolution", FakeContext(project, "J7"), volume="J1", mask="J6", threshold=0.143)
    assert inside.plots["local_resolution"][0]["threshold"] == 0.143
    assert inside.summary["local_resolution_10_50_90_A"][1] > job.summary["local_resolution_10_50_90_A"][0]
