"""import_volume: maps, half maps, masks, and grids that do not fit."""

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.data.volume import Mask, Volume
from triskelion.errors import DataError, InputError
from triskelion.io.mrc import write_volume


def make_volume(box=8, pixel_size_A=2.0, seed=0):
    return Volume(np.random.default_rng(seed).standard_normal((box, box, box)).astype(np.float32), pixel_size_A)


def import_volume(tmp_path, **parameters):
    return run_job("import_volume", FakeContext(tmp_path / "project"), **{name: str(value) for name, value in parameters.items()})


def test_a_map_with_half_maps(tmp_path):
    for seed, name in enumerate(("run_map", "run_half1", "run_half2")):
        write_volume(tmp_path / f"{name}.mrc", make_volume(seed=seed))
    context = import_volume(tmp_path, path=tmp_path / "run_m*.mrc", path_half_a=tmp_path / "run_half1.mrc", path_half_b=tmp_path / "run_half2.mrc")
    for seed, name in enumerate(("map", "half_a", "half_b")):
        np.testing.assert_array_equal(context.read_volume("J1", name).array, make_volume(seed=seed).array)
    assert context.summary == {"box_px": 8, "pixel_size_A": 2.0, "kinds": ["map", "half_a", "half_b"]}
    assert "map_slices" in context.plots


@pytest.mark.parametrize("kind", ["half_a", "half_b"])
def test_one_half_map(tmp_path, kind):
    write_volume(tmp_path / "half.mrc", make_volume())
    context = import_volume(tmp_path, path=tmp_path / "half.mrc", kind=kind)
    assert [path.name for path in context.folder.glob("*.mrc")] == [f"{kind}.mrc"]


def test_a_mask(tmp_path):
    write_volume(tmp_path / "m.mrc", Mask(np.pad(np.ones((4, 4, 4)), 2), 2.0))
    context = import_volume(tmp_path, path=tmp_path / "m.mrc", kind="mask")
    assert context.read_mask("J1").array.sum() == 64
    write_volume(tmp_path / "map.mrc", make_volume())
    with pytest.raises(InputError, match=r"map\.mrc: a mask holds values from 0 to 1"):
        import_volume(tmp_path, path=tmp_path / "map.mrc", kind="mask")


def test_the_pixel_size_can_be_replaced(tmp_path):
    write_volume(tmp_path / "map.mrc", make_volume())
    context = import_volume(tmp_path, path=tmp_path / "map.mrc", pixel_size_A=1.5)
    assert context.read_volume("J1").pixel_size_A == 1.5


@pytest.mark.parametrize(("box", "pixel_size_A", "message"), [(10, 2.0, "box 10 px at 2 Å/px"), (8, 2.2, "box 8 px at 2.2 Å/px")])
def test_misfitting_grids_say_both(tmp_path, box, pixel_size_A, message):
    write_volume(tmp_path / "map.mrc", make_volume())
    write_volume(tmp_path / "a.mrc", make_volume(seed=1))
    write_volume(tmp_path / "b.mrc", make_volume(box, pixel_size_A, seed=2))
    with pytest.raises(InputError, match=rf"map\.mrc\) has box 8 px at 2 Å/px, half_b .*b\.mrc\) has {message}"):
        import_volume(tmp_path, path=tmp_path / "map.mrc", path_half_a=tmp_path / "a.mrc", path_half_b=tmp_path / "b.mrc")
    assert not list((tmp_path / "project").glob("*/*.mrc"))


def test_files_that_do_not_fit_the_question(tmp_path):
    for name in "ab":
        write_volume(tmp_path / f"{name}.mrc", make_volume())
    with pytest.raises(InputError, match=r"\*\.mrc fits 2 files"):
        import_volume(tmp_path, path=tmp_path / "*.mrc")
    with pytest.raises(InputError, match=r"nowhere\.mrc fits no file"):
        import_volume(tmp_path, path=tmp_path / "nowhere.mrc")
    with pytest.raises(InputError, match="give both path_half_a and path_half_b"):
        import_volume(tmp_path, path=tmp_path / "a.mrc", path_half_a=tmp_path / "a.mrc")
    with pytest.raises(InputError, match="half maps a and b are the same"):
        import_volume(tmp_path, path=tmp_path / "a.mrc", path_half_a=tmp_path / "a.mrc", path_half_b=tmp_path / "b.mrc")
    (tmp_path / "cut.mrc").write_bytes((tmp_path / "a.mrc").read_bytes()[:-10])
    with pytest.raises(DataError, match=r"cut\.mrc is cut short"):
        import_volume(tmp_path, path=tmp_path / "cut.mrc")


def test_real_maps(shared_dir, tmp_path):
    folder = shared_dir / "data" / "real_ribosome"
    halves = {f"path_half_{half}": folder / f"relion313_half{number}.mrc" for half, number in (("a", 1), ("b", 2))}
    context = import_volume(tmp_path, path=folder / "reference_independent.mrc", **halves, pixel_size_A=12)
    assert context.summary["box_px"] == 32
