"""volume_tools and sharpen, run in memory."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.jobs import sharpen, volume_tools
from triskelion.jobs.lengths import parse_length_px, parse_position_xyz_px
from triskelion.plots.registry import draw

BOX_PX, PIXEL_A = 40, 3.0


class MapContext:
    """The maps and masks a job may read, by reference and name, and all that it saves."""

    folder = project_folder = Path()
    threads = 1

    def __init__(self, volumes: dict[tuple[str, str], Volume], masks: dict[str, Mask] | None = None):
        self.volumes, self.masks = volumes, masks or {}
        self.parameters: dict[str, dict[str, Any]] = {}
        self.summaries: dict[str, dict[str, Any]] = {}
        self.saved: dict[str, Any] = {}
        self.plots: dict[str, dict] = {}
        self.summary: dict[str, Any] = {}
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def plot(self, name: str, data: dict[str, Any], iteration: int | None = None) -> None:
        self.plots[name] = json.loads(json.dumps(data, allow_nan=False))
        draw(name, data)

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        return self.volumes[reference, name]

    def read_mask(self, reference: str) -> Mask:
        return self.masks[reference]

    def read_parameters(self, reference: str) -> dict[str, Any] | None:
        return self.parameters.get(reference)

    def read_summary(self, reference: str) -> dict[str, Any] | None:
        return self.summaries.get(reference)

    def save_volume(self, volume: Volume | Mask, name: str, iteration: int | None = None) -> None:
        self.saved[name] = volume

    def save_json(self, name: str, data: dict[str, Any]) -> None:
        self.saved[f"{name}.json"] = json.loads(json.dumps(data, allow_nan=False))

    def save_text(self, filename: str, text: str) -> None:
        self.saved[filename] = text

    def summarize(self, **figures: Any) -> None:
        self.summary |= json.loads(json.dumps(figures, allow_nan=False))


@cache
def two_balls() -> Volume:
    """Balls of radius 5 px about (12, 20, 20), density 1, and (28, 20, 20), density 0.8."""
    z, y, x = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]
    ball = lambda cx: (x - cx) ** 2 + (y - 20) ** 2 + (z - 20) ** 2 <= 25
    return Volume(ball(12) + 0.8 * ball(28), PIXEL_A)


def run_volume_tools(volume: Volume | None = None, mask: Mask | None = None, **parameters) -> MapContext:
    context = MapContext({("J1", "map"): volume or two_balls()}, {"J2": mask} if mask else {})
    given = {"volume": "J1"} if volume is not None or mask is None else {}
    given |= {"mask": "J2"} if mask else {}
    volume_tools.run(volume_tools.VolumeToolsParameters(**(given | parameters)), context)  # type: ignore[arg-type]
    return context


def test_threshold_dilation_and_padding_in_px_and_A():
    mask = run_volume_tools(threshold=0.9, dilation_px=2, soft_padding_px="12A").saved["mask"]
    row = mask.array[20, 20]
    assert (row[12:20] == 1).all()  # radius 5 + 2
    assert np.allclose(row[20:24], 0.5 + 0.5 * np.cos(np.pi * np.arange(1, 5) / 4), atol=1e-6)  # 12 Å are 4 px
    assert mask.array[20, 20, 28] == 0  # the weaker ball is below the threshold


def test_defaults_make_a_soft_mask_of_everything_above_a_fifth_of_the_maximum():
    context = run_volume_tools()
    mask = context.saved["mask"]
    assert mask.array[20, 20, [12, 28]].min() == 1
    assert np.allclose(mask.center_xyz_px, [20, 20, 20], atol=0.01)
    assert mask.array[20, 20, 12 - 5 - 4] == pytest.approx(0.5)  # 24 Å are 8 px: half way at 4 px
    assert len(context.warnings) == 1 and "touches the edge of the box (value 0.15 there)" in context.warnings[0]  # 13 px from x = 12 and 28
    assert context.summary["box_px"] == BOX_PX and set(context.plots) == {"mask_slices"}


def test_a_sphere_keeps_one_part():
    px = run_volume_tools(sphere_xyz_px="28,20,20", sphere_radius_A=24, soft_padding_px=3).saved["mask"]
    angstrom = run_volume_tools(sphere_xyz_px="84,60,60A", sphere_radius_A=24, soft_padding_px=3).saved["mask"]
    assert np.array_equal(px.array, angstrom.array)
    assert np.allclose(px.center_xyz_px, [28, 20, 20], atol=0.01)


def test_the_sphere_is_placed_on_the_input_grid_whatever_happens_to_it():
    mask = run_volume_tools(sphere_xyz_px="28,20,20", sphere_radius_A=24, rescale_box_px=60, crop_box_px=51, soft_padding_px=3).saved["mask"]
    assert mask.box_px == 51 and mask.pixel_size_A == pytest.approx(2.0)
    assert np.allclose(mask.center_xyz_px, [25 + 8 * 1.5, 25, 25], atol=0.05)


def test_the_complement_is_taken_last():
    options = {"threshold": 0.5, "dilation_px": "1", "soft_padding_px": "4"}
    mask = run_volume_tools(**options).saved["mask"]
    assert np.allclose(run_volume_tools(**options, complement=True).saved["mask"].array, 1 - mask.array)


def test_a_mask_alone_is_complemented_as_it_is_or_padded_again():
    mask = run_volume_tools(threshold=0.5, soft_padding_px=4).saved["mask"]
    assert np.allclose(run_volume_tools(mask=mask, complement=True).saved["mask"].array, 1 - mask.array)
    wider = run_volume_tools(mask=mask, dilation_px=2, soft_padding_px=4).saved["mask"].array
    assert (wider >= mask.array).all() and wider.sum() > 1.3 * mask.array.sum()


def test_holes_are_filled_on_request():
    hollow = two_balls().array.copy()
    hollow[20, 20, 12] = 0
    volume = Volume(hollow, PIXEL_A)
    assert run_volume_tools(volume, threshold=0.5, soft_padding_px=0).saved["mask"].array[20, 20, 12] == 0
    assert run_volume_tools(volume, threshold=0.5, soft_padding_px=0, fill_holes=True).saved["mask"].array[20, 20, 12] == 1


def test_maps_come_out_filtered_masked_and_mirrored():
    mask = Mask(two_balls().array > 0.9, PIXEL_A)
    saved = run_volume_tools(two_balls(), mask, output="map", invert=True).saved["map"]
    assert saved.array.min() == -1 and saved.array[20, 20, 28] == 0
    assert run_volume_tools(output="map", lowpass_A=60.0).saved["map"].array.max() < 0.9
    blurred = run_volume_tools(output="map", gaussian_A=6.0, flip_hand=True)
    assert blurred.saved["map"].array.sum() == pytest.approx(two_balls().array.sum(), rel=1e-4)
    assert set(blurred.plots) == {"map_slices"} and blurred.summary == {"box_px": BOX_PX, "pixel_size_A": PIXEL_A}


def test_thin_padding_and_speckle_are_warned_of():
    assert "thin" in run_volume_tools(soft_padding_px=5, resolution_A=8.0).warnings[0]
    noisy = Volume(two_balls().array + np.random.default_rng(1).standard_normal((BOX_PX,) * 3), PIXEL_A)
    assert any("smooth the map" in warning for warning in run_volume_tools(noisy, threshold=2.5).warnings)
    context = run_volume_tools(resolution_A=6.0)
    assert "3. soft padding of 10 px (30 Å), a cosine" in context.lines and not any("thin" in warning for warning in context.warnings)


def test_masks_that_fill_the_box_are_warned_of_and_complements_are_not():
    full = run_volume_tools(threshold=0.5, dilation_px=14, soft_padding_px=2)
    assert "touches the edge of the box (value 1.00 there)" in full.warnings[0] and "covers" in full.warnings[1]
    assert run_volume_tools(threshold=0.5, soft_padding_px=2, complement=True).warnings == []


def test_the_steps_are_listed_in_order_with_their_numbers_before_anything_is_made():
    steps = {"invert": True, "flip_hand": True, "gaussian_A": 6, "lowpass_A": 20, "rescale_box_px": 60, "crop_box_px": 50, "fill_holes": True}
    lengths = {"sphere_xyz_px": "28,20,20", "sphere_radius_A": 30, "dilation_px": "7A", "soft_padding_px": 4}
    context = MapContext({("J1", "map"): Volume(-two_balls().array, PIXEL_A), ("J3", "map"): Volume(np.zeros((48,) * 3), 2.5)})
    parameters = volume_tools.VolumeToolsParameters(volume="J1", onto="J3", threshold=0.1, complement=True, **steps, **lengths)  # type: ignore[arg-type]
    volume_tools.preview(parameters, context)  # type: ignore[arg-type]
    assert context.lines == [
        "1. take J1: 40 px of 3 Å",
        "2. invert the contrast",
        "3. flip the hand, x becomes -x",
        "4. blur with a Gaussian of sd 6 Å (2 px)",
        "5. low-pass at 20 Å (Butterworth, order 8)",
        "6. rescale to 60 px of 2 Å",
        "7. crop to 50 px of 2 Å",
        "8. resample on the grid of J3, 48 px of 2.5 Å",
        "9. keep the sphere of 30 Å about 33.6,24.0,24.0 px",
        "10. threshold at 0.1 (given)",
        "11. fill the holes that it encloses",
        "12. dilate by 2.8 px (7 Å)",
        "13. soft padding of 4 px (10 Å), a cosine",
        "14. take the complement, 1 - mask",
    ]
    assert context.saved == {} and context.plots == {} and context.summary == {}
    listed = context.lines.copy()
    volume_tools.run(parameters, context)  # type: ignore[arg-type]
    assert context.lines[14:28] == listed
    mask = context.saved["mask"]
    assert (mask.box_px, mask.pixel_size_A) == (48, 2.5)
    assert np.allclose(Mask(1 - mask.array, 2.5).center_xyz_px, [24 + 8 * 3 / 2.5, 24, 24], atol=0.8)  # the ball that was at x = 12


def test_lengths_are_suggested_from_resolution_and_pixel_size():
    context = MapContext({("J1", "map"): two_balls()})
    context.summaries["J1"] = {"resolution_A": 6.0}
    parameters = volume_tools.VolumeToolsParameters(volume="J1", dilation_px="auto", soft_padding_px="auto")  # type: ignore[arg-type]
    volume_tools.preview(parameters, context)  # type: ignore[arg-type]
    assert context.lines[-1] == "suggested at 6 Å and 3 Å/px: dilation 4.0 px (2 x resolution), soft padding 10.0 px (5 x resolution)"
    assert context.lines[2:4] == ["3. dilate by 4 px (12 Å)", "4. soft padding of 10 px (30 Å), a cosine"]
    volume_tools.preview(parameters.model_copy(update={"soft_padding_px": "4"}), context)  # type: ignore[arg-type]
    assert "soft padding of 4 px is thin" in context.warnings[-1]


def test_all_that_a_mask_base_holds_becomes_the_mask():
    base = Volume(np.where(two_balls().array > 0.9, 7.0, 0) + np.where(two_balls().array == np.float32(0.8), 0.4, 0), PIXEL_A)
    context = MapContext({("J1", "map"): base})
    context.parameters["J1"] = {"job_type": "mask_base"}
    volume_tools.run(volume_tools.VolumeToolsParameters(volume="J1", dilation_px="0", soft_padding_px="0"), context)  # type: ignore[arg-type]
    assert np.array_equal(context.saved["mask"].array > 0, base.array > 0)
    assert "2. threshold at 0.2 (half of the lowest density of the mask base, 0.4)" in context.lines


def test_a_mask_base_grows_by_7_A_unless_told_otherwise():
    context = MapContext({("J1", "map"): two_balls()})
    context.parameters["J1"] = {"job_type": "mask_base"}
    volume_tools.run(volume_tools.VolumeToolsParameters(volume="J1", soft_padding_px="0"), context)  # type: ignore[arg-type]
    assert f"3. dilate by {7 / PIXEL_A:.4g} px (7 Å)" in context.lines
    other = MapContext({("J2", "map"): two_balls()})
    volume_tools.run(volume_tools.VolumeToolsParameters(volume="J2", soft_padding_px="0"), other)  # type: ignore[arg-type]
    assert not any("dilate" in line for line in other.lines)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": 1.5}, "the maximum of the map is 1, the threshold 1.5"),
        ({"dilation_px": "5 px"}, "dilation_px is '5 px', wanted px as 5 or Å as 7A"),
        ({"soft_padding_px": "-1"}, "soft_padding_px is '-1'"),
        ({"sphere_xyz_px": "1,2", "sphere_radius_A": 5}, "sphere_xyz_px is '1,2'"),
        ({"sphere_xyz_px": "1,2,300", "sphere_radius_A": 5}, "outside the box of 40 px"),
        ({"sphere_radius_A": 5}, "both sphere_xyz_px and sphere_radius_A"),
        ({"dilation_px": "auto"}, "nothing tells the resolution of the map: give resolution_A"),
        ({"output": "map", "threshold": 0.1, "complement": True}, "threshold, complement makes a mask"),
    ],
)
def test_what_does_not_fit_is_said(parameters: dict, message: str):
    with pytest.raises(InputError) as error:
        run_volume_tools(**parameters)
    assert message in str(error.value)


def test_something_must_be_given():
    with pytest.raises(InputError, match="neither was given"):
        volume_tools.run(volume_tools.VolumeToolsParameters(), MapContext({}))  # type: ignore[arg-type]


def test_lengths_and_positions():
    assert parse_length_px("7A", 1.4, "x") == pytest.approx(5)
    assert parse_length_px(" 5 ", 1.4, "x") == 5
    assert parse_position_xyz_px("249.5,250.1,253.3A", 1.4, "fulcrum") == pytest.approx((178.2, 178.6, 180.9), abs=0.05)
    for text in ("", "nan", "1,2,3,4", "1;2;3"):
        with pytest.raises(InputError, match="wanted x,y,z"):
            parse_position_xyz_px(text, 1.4, "fulcrum")


def half_maps(noise: float) -> dict[tuple[str, str], Volume]:
    texture = two_balls().array * (1 + np.random.default_rng(0).standard_normal((BOX_PX,) * 3))
    return {
        ("J1", name): Volume(texture + noise * np.random.default_rng(seed).standard_normal((BOX_PX,) * 3), PIXEL_A)
        for seed, name in ((1, "half_a"), (2, "half_b"))
    }


def test_sharpen_leaves_map_curves_plots_and_summary():
    context = MapContext(half_maps(1.0), {"J2": run_volume_tools(soft_padding_px=6).saved["mask"]})
    sharpen.run(sharpen.SharpenParameters(volume="J1", mask="J2"), context)  # type: ignore[arg-type]
    assert set(context.saved) == {"map_sharp", "fsc.json", "fsc.txt", "fsc.xml"} and set(sharpen.JOB.outputs) == {"map_sharp"}
    assert set(context.plots) == {"gsfsc", "guinier", "map_slices"}
    assert context.summary["resolution_A"] == context.saved["fsc.json"]["resolution_A"]["user_corrected"]
    assert context.summary["b_factor_A2"] == max(context.plots["guinier"]["b_factor_A2"], 0)


def test_sharpen_of_noise_ends_with_a_warning():
    context = MapContext(
        {("J1", name): Volume(np.random.default_rng(seed).standard_normal((32,) * 3), 2.0) for seed, name in ((4, "half_a"), (5, "half_b"))}
    )
    sharpen.run(sharpen.SharpenParameters(volume="J1", b_factor_A2=-50), context)  # type: ignore[arg-type]
    assert any("blurs the map" in warning for warning in context.warnings)
    assert "map_sharp" in context.saved
