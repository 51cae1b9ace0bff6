"""FSC curves against what statistics demands, and corrected FSCs against published tables."""

import csv
import json
import math
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import apply_shell_gain, lowpass
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import fourier_to_volume, volume_to_fourier
from triskelion.masks.make import make_mask
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.curves import format_fsc_text, format_fsc_xml
from triskelion.resolution.fsc import compute_fsc_curves, fsc
from triskelion.resolution.noise_substitution import correct_fsc, randomize_phases

BOX_PX, PIXEL_A = 64, 2.0


def white_noise(seed: int, box_px: int = BOX_PX) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((box_px,) * 3).astype(np.float32)


@cache
def ball(radius_px: float) -> np.ndarray:
    return sum((axis - BOX_PX // 2) ** 2 for axis in np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]) <= radius_px**2


@cache
def half_maps(noise: float = 1.0) -> tuple[Volume, Volume]:
    """A particle of random density, band-limited at 8 Å, in two different noises."""
    texture = (1 + white_noise(1)) * ball(16)
    signal = lowpass(torch.from_numpy(texture.astype(np.float32)), PIXEL_A, 8.0).numpy()
    return Volume(signal + noise * white_noise(2), PIXEL_A), Volume(signal + noise * white_noise(3), PIXEL_A)


def shell_counts(box_px: int) -> np.ndarray:
    return shell_sum(torch.ones(box_px, box_px, box_px // 2 + 1), box_px, 3).numpy()


@pytest.mark.parametrize("box_px", [20, 21])
def test_a_map_agrees_with_itself_whatever_its_scale(box_px: int):
    noise = white_noise(0, box_px)
    assert np.allclose(fsc(Volume(noise, 1.0), Volume(3 * noise, 1.0)), 1, atol=1e-6)
    assert np.allclose(fsc(Volume(noise, 1.0), Volume(-noise, 1.0)), -1, atol=1e-6)


def test_independent_noise_scatters_about_0_by_the_number_of_coefficients():
    n = BOX_PX
    values = np.array([fsc(Volume(white_noise(10 + i), 1.0), Volume(white_noise(100 + i), 1.0)) for i in range(12)])
    scores = (values * np.sqrt(shell_counts(n)))[:, 3:]  # N coefficients of the full grid: variance 1 / N
    assert abs(scores.mean()) < 0.25
    assert scores.var() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_a_known_signal_to_noise_ratio_gives_its_fsc(ratio: float):
    signal = math.sqrt(ratio) * white_noise(4)
    curve = fsc(Volume(signal + white_noise(5), 1.0), Volume(signal + white_noise(6), 1.0))
    spread = 1 / np.sqrt(shell_counts(BOX_PX))
    assert (np.abs(curve - ratio / (1 + ratio))[8:] < 5 * spread[8:]).all()


def test_an_empty_shell_says_nothing():
    slow = np.cos(np.arange(16) * 2 * np.pi / 16 * 2)[None, None, :] * np.ones((16, 16, 1))
    curve = fsc(Volume(slow, 1.0), Volume(np.zeros_like(slow), 1.0))
    assert (curve == 0).all()


def test_maps_on_different_grids_are_refused():
    with pytest.raises(InputError, match="box 20 px"):
        fsc(Volume(white_noise(0, 20), 1.0), Volume(white_noise(0, 21), 1.0))
    with pytest.raises(InputError, match="the mask"):
        compute_fsc_curves(*half_maps(), Mask(np.ones((20, 20, 20)), PIXEL_A))


@pytest.mark.parametrize(
    ("curve", "shell", "first_below"),
    [
        ([1, 1, 0.9, 0.243, 0.043, 0, 0.5], 3.5, 4),
        ([-1, 0.2, 0.9, 0.343, 0.143, 0.043], 4, 5),
        ([1, 0.9, 0.8, 0.7], 3, None),
        ([1, 0.0, 0.0, 0.9], 0, 2),
        ([1, 0.0, 0.9, 0.0], 2 + (0.9 - 0.143) / 0.9, 3),
    ],
)
def test_crossings_are_linear_in_frequency(curve: list[float], shell: float, first_below: int | None):
    crossing = find_crossing(np.array(curve, dtype=float), 0.143)
    assert crossing.shell == pytest.approx(shell)
    assert crossing.first_below == first_below


def test_random_phases_keep_amplitudes_symmetry_and_low_shells():
    for n in (16, 17):
        coefficients = volume_to_fourier(torch.from_numpy(white_noise(7, n)).double())
        random = randomize_phases(coefficients, n, 4, seed=1)
        assert torch.allclose(random.abs(), coefficients.abs(), rtol=1e-6)
        volume = fourier_to_volume(random, n)
        assert torch.allclose(volume_to_fourier(volume), random, atol=1e-6)  # so it is the transform of a real map
        agreement = fsc(Volume(volume.numpy(), 1.0), Volume(white_noise(7, n), 1.0))
        assert np.allclose(agreement[:4], 1, atol=1e-6)
        assert (np.abs(agreement[4:] * np.sqrt(shell_counts(n)[4:])) < 5).all()
        assert torch.equal(random, randomize_phases(coefficients, n, 4, seed=1))
        assert not torch.equal(random, randomize_phases(coefficients, n, 4, seed=2))


def test_noise_substitution_leaves_a_good_mask_alone():
    curves = compute_fsc_curves(*half_maps(), make_mask(Volume(ball(18).astype(float), PIXEL_A), 0.5, 0, 10), seed=5)
    assert curves.headline == "user_corrected"
    assert curves.resolution_A() == pytest.approx(curves.resolution_A("user"), rel=0.03)
    assert curves.resolution_A() < curves.resolution_A("none")
    assert curves.tight_mask_shells()[0] == 0 and curves.warnings() == []


def test_noise_substitution_corrects_a_mask_that_is_too_tight():
    # A hard, speckled mask: what both halves share beyond the resolution is the mask.
    halves = half_maps(noise=2.0)
    speckle = Mask(ball(16) & (white_noise(8) > 1.0), PIXEL_A)
    constant = [Volume(half.array + 3, PIXEL_A) for half in halves]
    curves = compute_fsc_curves(constant[0], constant[1], speckle, seed=5)
    beyond = slice(24, 31)
    assert curves.curves["user"][beyond].min() > 0.3
    assert np.abs(curves.curves["user_corrected"][beyond]).max() < 0.2
    assert curves.tight_mask_shells()[0] >= 3
    assert any("too tight" in warning for warning in curves.warnings())


def test_corrected_is_the_signal_to_noise_ratio_inside_the_mask():
    # White signal, cut by a shell gain to SNR 4 below shell 12 and nothing beyond; noise outside the mask is taken away by it.
    gain = torch.tensor([2.0] * 13 + [0.0] * 20)
    signal = apply_shell_gain(torch.from_numpy(white_noise(20)), gain).numpy()
    halves = [Volume(signal + white_noise(seed), PIXEL_A) for seed in (21, 22)]
    curves = compute_fsc_curves(halves[0], halves[1], make_mask(Volume(ball(18).astype(float), PIXEL_A), 0.5, 0, 10))
    assert curves.curves["user_corrected"][4:11].mean() == pytest.approx(0.8, abs=0.03)
    assert abs(curves.curves["user_corrected"][17:30].mean()) < 0.06
    assert 12 <= curves.crossing().shell <= 14.5


def test_all_curves_are_there_and_agree_for_one_seed():
    halves = half_maps()
    curves = compute_fsc_curves(*halves, seed=3)
    assert list(curves.curves) == ["none", "spherical", "loose", "tight", "corrected"]
    assert curves.headline == "corrected"
    assert curves.resolution_A("none") > curves.resolution_A("spherical") > curves.resolution_A("tight")
    again = compute_fsc_curves(*halves, seed=3)
    assert all(np.array_equal(curves.curves[name], again.curves[name]) for name in curves.curves)
    assert not np.array_equal(curves.randomized["tight"], compute_fsc_curves(*halves, seed=4).randomized["tight"])
    data = json.loads(json.dumps(curves.as_dict(), allow_nan=False))
    assert data["resolution_A"]["corrected"] == data["headline_resolution_A"] == curves.resolution_A()
    assert data["randomized_from_A"] == BOX_PX * PIXEL_A / curves.randomized_from_shell


def test_identical_halves_reach_nyquist_and_say_so():
    half = half_maps()[0]
    curves = compute_fsc_curves(half, half)
    assert curves.resolution_A() == 2 * PIXEL_A
    assert curves.randomized == {} and curves.randomized_from_shell is None
    assert curves.as_dict()["at_nyquist"] == list(curves.curves)
    assert any("Nyquist" in warning for warning in curves.warnings())


def test_halves_without_anything_in_common_have_no_resolution():
    # positive low frequencies for the automatic masks, different in both
    halves = [Volume(white_noise(seed), PIXEL_A) for seed in (30, 33)]
    curves = compute_fsc_curves(halves[0], halves[1])
    assert curves.resolution_A("none") > 40
    if math.isinf(curves.resolution_A("none")):
        assert curves.as_dict()["resolution_A"]["none"] is None


def test_written_formats_hold_the_numbers():
    curves = compute_fsc_curves(*half_maps(), seed=3)
    lines = format_fsc_text(curves).splitlines()
    names = lines[0].removeprefix("#").split()
    table = np.loadtxt(lines[1:])
    assert names[:3] == ["shell", "frequency_per_A", "resolution_A"] and table.shape == (BOX_PX // 2 + 1, len(names))
    assert np.allclose(table[:, names.index("corrected")], curves.curves["corrected"], atol=1e-6)
    assert np.allclose(table[:, 1], curves.frequency_per_A, atol=1e-8)
    root = ET.fromstring(format_fsc_xml(curves, title='a "quoted" & title'))
    assert root.tag == "fsc" and root.get("title") == 'a "quoted" & title'
    assert (root.get("xaxis"), root.get("yaxis")) == ("Resolution (A-1)", "Correlation Coefficient")
    x, y = (np.array([float(place.findtext(tag) or "nan") for place in root]) for tag in "xy")
    assert np.allclose(x, curves.frequency_per_A, atol=1e-8) and np.allclose(y, curves.curves["corrected"], atol=1e-6)


def test_real_half_maps_agree_as_published_ones_do(shared_dir: Path):
    from triskelion.io.mrc import read_volume

    folder = shared_dir / "data" / "real_ribosome"
    curves = compute_fsc_curves(*(read_volume(folder / f"relion313_half{half}.mrc") for half in (1, 2)))
    assert curves.crossing("none").shell == pytest.approx(10, abs=0.5)
    assert curves.resolution_A("tight") == pytest.approx(curves.resolution_A(), rel=0.05)  # the tight mask is soft enough
    assert curves.warnings() == []


def read_relion_star(path: Path) -> np.ndarray:
    """Columns corrected, unmasked, masked, randomised of data_fsc."""
    block = path.read_text().split("data_fsc", 1)[1].split("data_", 1)[0]
    return np.array([[float(v) for v in line.split()[3:7]] for line in block.splitlines() if line[:1] == " " and len(line.split()) == 7])


def read_relion_csv(path: Path) -> np.ndarray:
    rows = csv.reader(line for line in path.read_text().splitlines() if not line.startswith("#"))
    return np.array([[float(v) for v in row[2:6]] for row in rows])


@pytest.mark.parametrize(("name", "read"), [("postprocess.star", read_relion_star), ("relion4_tutorial_fsc.csv", read_relion_csv)])
def test_the_correction_reproduces_published_tables(shared_dir: Path, name: str, read):
    corrected, unmasked, masked, randomized = read(shared_dir / "data" / "fsc" / name).T
    first_shell = find_crossing(unmasked, 0.8).first_below  # where that program begins
    assert first_shell is not None
    ours = correct_fsc(masked, randomized, first_shell)
    assert np.abs(ours - corrected).max() < 7e-6  # small values are printed with five decimals
    assert np.abs(masked - corrected).max() > 0.01  # so the correction is what was tested
