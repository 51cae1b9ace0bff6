import json

import pytest

from triskelion.errors import JobError


def test_a_rerun_gives_the_same_bit_for_bit_and_says_so(imported):
    for name, outputs in (("J5", ["map"]), ("J4", ["map", "half_a", "half_b"]), ("J1", ["particles"]), ("J3", ["particles"])):
        comparison = imported.rerun(name)
        assert comparison.is_identical and [output.name for output in comparison.outputs] == outputs
        assert comparison.summarize() == f"{comparison.rerun} gave what {name} gave, bit for bit: {', '.join(outputs)}"
    again = imported.job("J6")
    assert (again.record.parameters, again.record.cloned_from) == (imported.job("J5").record.parameters, "J5")
    assert json.loads((again.folder / "rerun.json").read_text())["identical"] is True


def test_differences_are_told_with_their_size(imported):
    imported.run("shift", particles="J1", drift=True)
    comparison = imported.rerun("J6")
    assert not comparison.is_identical
    assert "J7 differs from J6: particles differs in shift_A (differs by" in comparison.summarize()
    from triskelion.data.volume import Volume
    from triskelion.io.mrc import read_volume, write_volume

    path = imported.folder / "J5" / "map.mrc"
    volume = read_volume(path)
    write_volume(path, Volume(volume.array * 1.001, volume.pixel_size_A))
    assert "map differs by 1.0e-03 of its size" in imported.rerun("J5").summarize()


def test_a_segmentation_is_compared_array_by_array(project):
    project.run("cut")
    assert project.rerun("J1").summarize() == "J2 gave what J1 gave, bit for bit: segmentation"


def test_what_cannot_be_rerun_is_refused(imported):
    imported.upkeep.delete(["J4"], force=True)
    with pytest.raises(JobError, match="no job J4"):
        imported.rerun("J5")
    imported.upkeep.clear("J3")
    with pytest.raises(JobError, match="J3 is killed: only a completed job"):
        imported.rerun("J3")
    with pytest.raises(JobError, match="J2 is not a rerun"):
        imported.job("J2").compare_rerun()
