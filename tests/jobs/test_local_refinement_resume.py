"""A local refinement that is interrupted goes on to the very result it would have had."""

import numpy as np
import pytest
from tests.jobs.same_files import check_same_files
from tests.refine.scene import make_scene
from tests.refine.scene_context import InterruptedContext, SceneContext, run_local_refinement

from triskelion.errors import JobCancelled


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> SceneContext:
    return run_local_refinement(SceneContext(tmp_path_factory.mktemp("undisturbed") / "J2", make_scene()))


@pytest.mark.parametrize(("stop_in", "done"), [("iteration 1", 0), ("iteration 3", 2)])
def test_an_interrupted_job_ends_as_if_nothing_had_happened(undisturbed, tmp_path, stop_in, done):
    with pytest.raises(JobCancelled):
        run_local_refinement(InterruptedContext(tmp_path / "J2", make_scene(), stop_in))
    assert not (tmp_path / "J2" / "half_a.mrc").exists()
    resumed = run_local_refinement(SceneContext(tmp_path / "J2", make_scene()))
    assert f"continued from the checkpoint: {done} iterations were done" in resumed.logs
    assert not any("rest of the particle was refined" in line for line in resumed.logs)
    check_same_files(undisturbed.folder, resumed.folder)
    assert resumed.summary == undisturbed.summary
    assert len(resumed.plots["gsfsc"]) == len(undisturbed.plots["gsfsc"]) - done
    assert resumed.plots["iterations"][-1] == undisturbed.plots["iterations"][-1]
    assert resumed.plots["iterations"][-1]["iteration"] == [1, 2, 3, 4]


def test_a_checkpoint_is_plain_arrays_and_there_is_none_after_the_last_iteration(undisturbed):
    with np.load(undisturbed.folder / "checkpoint.npz", allow_pickle=False) as stored:
        assert stored["history"].shape == (3, 5)
        assert not any(stored[name].dtype.hasobject for name in stored.files)
