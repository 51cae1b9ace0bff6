import pytest

from triskelion.errors import InputError, JobError
from triskelion.project.connect import resolve_input
from triskelion.project.layout import ProjectPaths


@pytest.fixture
def made(project):
    project.run("make")
    project.run("make", kind="mask")
    return project


def test_a_job_means_its_first_output_of_the_kind(made):
    paths = ProjectPaths(made.folder)
    assert resolve_input(paths, "J1", "volume") == made.folder / "J1" / "map.mrc"
    assert resolve_input(paths, "J1.half_b", "volume") == made.folder / "J1" / "half_b.mrc"
    assert resolve_input(paths, "J1.map", "volume", "half_a") == made.folder / "J1" / "half_a.mrc"
    assert resolve_input(paths, "J2", "mask") == made.folder / "J2" / "mask.mrc"


@pytest.mark.parametrize(
    ("reference", "kind", "message"),
    [
        ("J1", "mask", r"J1 \(make\) gives no mask: it has volume map, half_a, half_b; the slot wants a mask"),
        ("J1.map", "mask", "J1.map is a volume, the slot wants a mask.*volume_tools"),
        ("J2.mask", "volume", "J2.mask is a mask, the slot wants a map"),
        ("J1", "particles", "gives no particles"),
        ("J1", "segmentation", r"gives no segmentation.*wants a segmentation: J5, J5.name or the path of an \.npz file"),
        ("J1.map_sharp", "volume", "has no map_sharp: it has volume map, half_a, half_b"),
        ("head.mrc", "mask", "neither a job nor a file"),
        ("notes.txt", "mask", r"ends in \.txt"),
        ("notes.txt", "particles", r"wants particles: J5, J5.name or the path of a \.star file"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(made, reference, kind, message):
    (made.folder / "notes.txt").write_text("")
    with pytest.raises(InputError, match=message):
        resolve_input(ProjectPaths(made.folder), reference, kind)


def test_a_missing_job_is_refused(made):
    with pytest.raises(JobError, match="no job J7"):
        resolve_input(ProjectPaths(made.folder), "J7", "volume")


def test_a_map_without_half_maps_is_refused_where_they_are_wanted(made):
    made.run("use", volume="J1")
    with pytest.raises(InputError, match=r"J3 \(use\) has no half_a: it has volume map; give a job that made half maps"):
        resolve_input(ProjectPaths(made.folder), "J3", "volume", "half_a")


def test_a_path_has_no_half_maps(made):
    paths = ProjectPaths(made.folder)
    file = str(made.folder / "J1" / "map.mrc")
    assert resolve_input(paths, file, "volume") == made.folder / "J1" / "map.mrc"
    with pytest.raises(InputError, match="is one map, but its half a is wanted too"):
        resolve_input(paths, file, "volume", "half_a")


def test_only_completed_jobs_are_inputs(made):
    queued = made.prepare("make")
    with pytest.raises(JobError, match="J3 is queued; only a completed job"):
        made.run("use", volume=queued)
    with pytest.raises(JobError):
        made.run("fail")
    with pytest.raises(JobError, match="J4 is failed: got a fulcrum outside the box"):
        made.run("use", volume="J4")
    assert [job.name for job in made.jobs] == ["J1", "J2", "J3", "J4"]  # a refused job leaves no folder
