import numpy as np
import pytest
from matplotlib.figure import Figure

from triskelion.errors import InputError
from triskelion.plots import before_after, gsfsc, guinier, iterations, noise_model
from triskelion.plots.frequency_axis import SMALLEST_GAP, choose_resolutions_A
from triskelion.resolution.curves import FscCurves


def lines_by_label(figure: Figure) -> dict[str, np.ndarray]:
    return {line.get_label(): np.column_stack(line.get_data()) for line in figure.axes[0].lines}


@pytest.fixture
def relion_curves(shared_dir) -> FscCurves:
    """The FSC that the RELION 4 tutorial publishes (box 256, 1.244 Å/px)."""
    table = np.loadtxt(shared_dir / "data/fsc/relion4_tutorial_fsc.csv", delimiter=",")
    curves = {"none": table[:, 3], "tight": table[:, 4], "corrected": table[:, 2]}
    return FscCurves(256, 1.244, table[:, 0] / (256 * 1.244), curves)


def test_fsc_curves_are_drawn_as_they_are(relion_curves):
    lines = lines_by_label(gsfsc.draw(relion_curves.as_dict()))
    for name, label in (("none", "no mask"), ("tight", "tight"), ("corrected", "corrected")):
        drawn = next(line for text, line in lines.items() if text.startswith(label))
        np.testing.assert_array_equal(drawn, np.column_stack([relion_curves.frequency_per_A, relion_curves.curves[name]])[1:])


def test_the_resolution_stands_in_title_legend_and_at_the_crossing(relion_curves):
    axes = gsfsc.draw(relion_curves.as_dict()).axes[0]
    resolution = relion_curves.resolution_A("corrected")
    assert axes.get_title(loc="left").startswith(f"{resolution:.2f} Å at FSC = 0.143")
    assert f"corrected  {resolution:.2f} Å" in [text.get_text() for text in axes.get_legend().get_texts()]
    point = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(np.ravel(point.get_data()), [1 / resolution, 0.143])


def make_curves(curve: np.ndarray) -> dict:
    n = len(curve)
    return FscCurves(2 * (n - 1), 2.0, np.arange(n) / (2 * (n - 1) * 2.0), {"tight": curve, "corrected": curve}).as_dict()


def test_noise_has_no_resolution():
    assert "No resolution" in gsfsc.draw(make_curves(np.zeros(20))).axes[0].get_title(loc="left")


def test_a_curve_that_never_drops_is_limited_by_the_pixel():
    assert gsfsc.draw(make_curves(np.ones(20))).axes[0].get_title(loc="left").startswith("4.00 Å, limited by the pixel size")


def test_the_users_mask_gives_the_headline(plot_data):
    axes = gsfsc.draw(plot_data["gsfsc"]).axes[0]
    assert "user mask, corrected" in axes.get_title(loc="left")
    thickest = max((line for line in axes.lines if not line.get_label().startswith("_")), key=lambda line: line.get_linewidth())
    assert thickest.get_label().startswith("user mask, corrected")


def test_the_guinier_line_has_the_slope_of_its_b_factor():
    frequency = np.linspace(0, 0.3, 40)
    data = {
        "frequency_per_A": frequency.tolist(),
        "log_amplitude": [None if i > 30 else float(5 - 25 * k**2) for i, k in enumerate(frequency)],
        "log_amplitude_unweighted": (5 - 25 * frequency**2).tolist(),
        "fit_from_A": 10.0,
        "fit_to_A": 4.0,
        "b_factor_A2": 100.0,
        "intercept": 5.0,
        "note": "",
    }
    figure = guinier.draw(data)
    lines = lines_by_label(figure)
    fit = lines["fit, 10 to 4 Å"]
    np.testing.assert_allclose(fit, [[0.01, 4.75], [0.0625, 3.4375]])
    weighted = lines["FSC-weighted"]
    np.testing.assert_allclose(weighted[:30], np.column_stack([frequency**2, 5 - 25 * frequency**2])[1:31])
    assert np.isnan(weighted[30:, 1]).all()
    assert "B = 100 Å²" in figure.axes[0].get_title(loc="left")


def test_the_noise_model_keeps_groups_and_frequencies():
    sigma2 = np.array([[4.0, 2, 1, 0.5], [8, 4, 2, 1]])
    data = noise_model.collect_noise_model(sigma2, 8, 2.0, previous=sigma2 / 1.25)
    np.testing.assert_allclose(data["frequency_per_A"], np.arange(4) / 16)
    assert data["sigma2"] == sigma2.tolist()
    figure = noise_model.draw(data)
    np.testing.assert_allclose(lines_by_label(figure)["optics group 2"], np.column_stack([np.arange(4) / 16, sigma2[1]])[1:])
    assert "25.0 %" in figure.axes[0].get_title(loc="left")


def test_a_noise_model_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"\(1, 4\).*\(1, 5\)"):
        noise_model.collect_noise_model(np.ones(4), 8, 2.0, previous=np.ones(5))


def test_iterations_are_numbered_and_missing_values_stay_missing():
    data = iterations.collect_iterations(
        resolution_A=[12, None, 9], rotation_change_deg=[None, 2, 1], shift_change_A=[3, 2, 1], log_likelihood=[1, 2, 3]
    )
    assert data["iteration"] == [1, 2, 3]
    assert data["resolution_A"] == [12, None, 9]
    drawn = iterations.draw(data).axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [12, np.nan, 9])


def test_the_first_iteration_has_no_change_yet():
    data = iterations.collect_iterations(resolution_A=[12], rotation_change_deg=[None], shift_change_A=[None], log_likelihood=[-12345.6])
    figure = iterations.draw(data)
    figure.draw_without_rendering()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Resolution 12 Å", "Rotations move", "Shifts move", "Log-likelihood -12,346 nat"]


def test_iterations_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="'shift_change_A': 1"):
        iterations.collect_iterations(resolution_A=[1, 2], rotation_change_deg=[1, 2], shift_change_A=[1], log_likelihood=[1, 2])


def test_curves_before_and_after_are_drawn_as_they_are(volume):
    fsc = {"consensus": np.linspace(1, 0, 17), "refined": np.linspace(1, 0.1, 17)}
    figure = before_after.draw(before_after.collect_before_after({"consensus": volume, "refined": volume}, fsc=fsc, resolution_A={"refined": 9.0}))
    lines = {line.get_label(): line for line in figure.axes[-1].lines}
    np.testing.assert_allclose(lines["consensus"].get_ydata(), fsc["consensus"][1:], rtol=1e-5)
    np.testing.assert_allclose(lines["refined  9.0 Å"].get_ydata(), fsc["refined"][1:], rtol=1e-5)


@pytest.mark.parametrize("nyquist_A", [2.0, 2.5, 8.4, 24.0])
def test_resolution_labels_do_not_collide(nyquist_A):
    chosen = choose_resolutions_A(1 / nyquist_A)
    assert len(chosen) >= 4
    places = nyquist_A / np.array(chosen)
    assert np.diff(places).min() >= SMALLEST_GAP
    assert places[-1] <= 1
