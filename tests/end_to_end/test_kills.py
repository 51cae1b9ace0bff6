"""kill -9 of a local refinement at random moments: resumed, each ends as if nothing had been."""

import random
import signal
import time

import pytest
from tests.end_to_end.small_refinement import files_of, prepare_again, refine_small, start_worker
from tests.jobs.same_files import check_same_files

from triskelion.project.leftovers import is_temporary

KILLS = 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_refinement_killed_at_any_moment_ends_the_same(tmp_path):
    undisturbed = refine_small(tmp_path / "project")
    moments, wall_s = random.Random(50), undisturbed.summary["wall_s"]
    ended_before = 0
    for _ in range(KILLS):
        job = prepare_again(undisturbed)
        with start_worker(job) as worker:
            time.sleep(moments.uniform(0.0, wall_s))
            worker.send_signal(signal.SIGKILL)
        if job.status.state == "completed":  # it was quicker than the kill
            ended_before += 1
        else:
            assert job.status.state in ("queued", "failed"), job.status
            if job.status.state == "failed":
                job.requeue()
            with start_worker(job) as worker:
                assert worker.wait(600) == 0
        assert job.status.state == "completed"
        check_same_files(job.folder, undisturbed.folder)
        assert files_of(job) == files_of(undisturbed)
        assert not [path for path in job.folder.rglob("*") if is_temporary(path)]
    assert ended_before < KILLS / 2, "most kills came too late: was the machine busier when the undisturbed job ran?"
