"""The fulcrum is put where it was asked for, and jobs of other grids find it at the same place."""

from pathlib import Path

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs.read_domain import read_fulcrum
from triskelion.masks.regions import Edit
from triskelion.plots.registry import draw

BOX_PX, PIXEL_A = 32, 3.0
Z, Y, X = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]
LEG = (X >= 4) & (X < 15) & (abs(Y - 16) < 3) & (abs(Z - 12) < 3)
BODY = (X >= 15) & (X < 26) & (abs(Y - 16) < 3) & (abs(Z - 12) < 3)
TOE = (X < 2) & (abs(Y - 16) < 3) & (abs(Z - 12) < 3)


class SegmentedContext(FakeContext):
    """J1 is a map of leg (1), body (2) and toe (3), J2 its segmentation, J4 a mask of the leg."""

    edits = (Edit("rename", (1,), name="leg"), Edit("select", (1,)))

    def __init__(self, folder: Path):
        super().__init__(folder, "J3")
        labels = LEG + 2 * BODY + 3 * TOE
        FakeContext(folder, "J1").save_volume(Volume(labels > 0, PIXEL_A), "map")
        FakeContext(folder, "J2").save_segmentation(Segmentation(labels, np.zeros(4), np.zeros(4), PIXEL_A, 0.5))
        FakeContext(folder, "J4").save_volume(Mask(LEG, PIXEL_A), "mask")

    def read_region_edits(self, reference: str) -> tuple[Edit, ...]:
        return self.edits if reference == "J2" else ()

    def read_parameters(self, reference: str) -> dict | None:
        return {"job_type": "segment_map", "volume": "J1", "gaussian_A": None} if reference == "J2" else None


def find(folder: Path, **parameters) -> SegmentedContext:
    context = SegmentedContext(folder)
    run_job("fulcrum", context, **parameters)
    draw("fulcrum_place", context.plots["fulcrum_place"][0])
    return context


def test_the_centre_of_an_interface(tmp_path):
    context = find(tmp_path, segmentation="J2", regions="leg", against="2")
    assert context.summary["fulcrum"] == "14.5,16.0,12.0"
    assert context.summary["fulcrum_xyz_A"] == pytest.approx([43.5, 48, 36])
    assert context.summary["n_contact_voxels"] == 50 and context.warnings == []
    assert "fulcrum: 14.5,16.0,12.0 px = 43.5,48.0,36.0 Å" in context.logs[-1]
    assert [part["label"] for part in context.plots["fulcrum_place"][0]["parts"]] == ["leg", "2"]


def test_the_selected_regions_are_the_domain_and_gaps_are_said(tmp_path):
    context = find(tmp_path, segmentation="J2", against="3")
    assert context.summary["fulcrum_xyz_px"] == pytest.approx([2.5, 16, 12])
    assert context.warnings == ["the parts do not touch, their nearest voxels are 9 Å apart: the fulcrum lies half way between them"]


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"segmentation": "J2", "regions": "2"}, [20, 16, 12]),
        ({"mask": "J4"}, [9, 16, 12]),
        ({"mask": "J4", "volume": "J1", "near": "9,16,30"}, [9, 16, 14]),
        ({"segmentation": "J2", "regions": "1,2", "near": "90,48,0A"}, [25, 16, 10]),
        ({"segmentation": "J2", "regions": "all", "near": "31,16,12", "along": "-1,0,0"}, [25, 16, 12]),
        ({"volume": "J1", "near": "30,45.3,60A"}, [10, 15.1, 20]),
    ],
)
def test_centres_surfaces_and_typed_points(tmp_path, parameters: dict, place: list):
    assert find(tmp_path, **parameters).summary["fulcrum_xyz_px"] == pytest.approx(place)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "wants a segmentation with regions, a mask, or a map with the point near"),
        ({"mask": "J4", "against": "2"}, "regions belong to a segmentation"),
        ({"segmentation": "J2", "regions": "1,2", "against": "2,3"}, "regions 2 are on both sides"),
        ({"segmentation": "J2", "against": "2", "near": "1,2,3"}, "give one of the two"),
        ({"mask": "J4", "along": "1,0,0"}, "wants the point near"),
        ({"volume": "J1", "near": "1,2,90"}, "outside the box of 32 px"),
        ({"volume": "J1", "near": "1,2"}, "near is '1,2', wanted x,y,z"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, parameters: dict, message: str):
    with pytest.raises(InputError, match=message):
        run_job("fulcrum", SegmentedContext(tmp_path), **parameters)


def test_a_refinement_takes_the_fulcrum_from_a_job_whatever_its_grid(tmp_path):
    placed = find(tmp_path, segmentation="J2", regions="leg", against="2")
    context = FakeContext(tmp_path, "J5")
    context.read_summary = {"J3": placed.summary, "J1": {"resolution_A": 5.0}}.get  # type: ignore[method-assign]
    mask = Mask(np.ones((48,) * 3), 2.0)
    np.testing.assert_allclose(read_fulcrum(context, "J3", mask), 24 + (np.array([14.5, 16, 12]) - 16) * 1.5, atol=0.005)
    assert context.logs == ["fulcrum of J3: 21.75,24.00,18.00 px"]
    np.testing.assert_array_equal(read_fulcrum(context, "1,2,3", mask), [1, 2, 3])
    with pytest.raises(InputError, match="J1 has found no fulcrum"):
        read_fulcrum(context, "J1", mask)
