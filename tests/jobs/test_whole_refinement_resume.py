"""A refinement of whole particles that is interrupted goes on to the very result it would have had."""

import numpy as np
import pytest
from tests.jobs.same_files import check_same_files
from tests.refine.scene import make_scene
from tests.refine.scene_context import InterruptedContext, SceneContext, run_whole_refinement

from triskelion.errors import JobCancelled

HOW = {"search": {"poses": "search"}, "input": {"poses": "input", "symmetry": "C2"}}


@pytest.fixture(scope="module", params=HOW)
def undisturbed(request, tmp_path_factory) -> tuple[SceneContext, dict[str, str]]:
    how = HOW[request.param]
    return run_whole_refinement(SceneContext(tmp_path_factory.mktemp("undisturbed") / "J2", make_scene()), **how), how


@pytest.mark.parametrize(("stop_in", "done"), [("iteration 3", 2), ("reconstruct", 2)])
def test_an_interrupted_job_ends_as_if_nothing_had_happened(undisturbed, tmp_path, stop_in, done):
    whole, how = undisturbed
    with pytest.raises(JobCancelled):
        run_whole_refinement(InterruptedContext(tmp_path / "J2", make_scene(), stop_in), **how)
    resumed = run_whole_refinement(SceneContext(tmp_path / "J2", make_scene()), **how)
    assert f"continued from the checkpoint: {done} iterations were done" in resumed.logs
    check_same_files(whole.folder, resumed.folder)
    assert resumed.summary == whole.summary
    assert len(resumed.plots["nonuniform_cut"]) == len(whole.plots["nonuniform_cut"]) - done
    assert resumed.plots["iterations"][-1] == whole.plots["iterations"][-1]


def test_extra_passes_are_counted_across_an_interruption(tmp_path):
    how = {"poses": "input", "max_iterations": 9, "extra_passes": 2}
    whole = run_whole_refinement(SceneContext(tmp_path / "J2", make_scene()), **how)
    n = whole.summary["iterations"]
    with np.load(whole.folder / "checkpoint.npz") as stored:
        first_converged = 1 + stored["history"][:, -1].tolist().index(1.0)
    assert n == first_converged + 2 and whole.summary["converged"]
    with pytest.raises(JobCancelled):
        run_whole_refinement(InterruptedContext(tmp_path / "J4", make_scene(), f"iteration {n}"), **how)
    resumed = run_whole_refinement(SceneContext(tmp_path / "J4", make_scene()), **how)
    assert resumed.summary == whole.summary


def test_shared_quantities_of_a_run_give_it_again(undisturbed, tmp_path):
    whole, how = undisturbed
    (tmp_path / "shared.npz").write_bytes((whole.folder / "shared.npz").read_bytes())
    check_same_files(whole.folder, run_whole_refinement(SceneContext(tmp_path / "J2", make_scene()), replay="shared.npz", **how).folder)
