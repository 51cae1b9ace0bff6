"""lanes.toml: what is read, and what is said where it is wrong."""

import pytest

from triskelion.errors import DataError, InputError
from triskelion.runners.lanes import LocalLane, SlurmLane, read_lanes

PERSON = """
default = "cluster"
[lanes.workstation]
kind = "local"
cpus = 16
gpus = 2
memory_GB = 120
[lanes.cluster]
kind = "slurm"
template = "cluster.sh.j2"
job = { cpus = 8, gpus = 1, memory_GB = 64 }
variables = { partition = "gpu", time = "2-00:00:00" }
"""


def test_without_a_file_there_is_one_lane_of_all_of_the_machine(project, lanes_file):
    lanes = read_lanes(project.paths)
    assert (list(lanes.lanes), lanes.default) == (["local"], "local")
    name, lane = lanes.find(None)
    assert isinstance(lane, LocalLane) and lane.cpus >= 1 and lane.memory_GB > 0.5
    assert lanes.slots_key(name) == ("", "local")


def test_lanes_of_a_project_stand_beside_those_of_the_person(project, lanes_file):
    lanes_file.write_text(PERSON)
    (lanes_file.parent / "cluster.sh.j2").write_text("#!/bin/bash\n")
    project.paths.lanes.write_text('default = "workstation"\n[lanes.workstation]\nkind = "local"\ncpus = 4\ngpus = ["GPU-8f"]\nmemory_GB = 16\n')
    lanes = read_lanes(project.paths)
    assert (list(lanes.lanes), lanes.default) == (["workstation", "cluster"], "workstation")
    workstation, cluster = lanes.lanes.values()
    assert isinstance(workstation, LocalLane) and (workstation.cpus, workstation.gpus) == (4, ("GPU-8f",))
    assert isinstance(cluster, SlurmLane) and cluster.variables["partition"] == "gpu"
    assert lanes.slots_key("workstation")[0] == str(project.paths.lanes) and lanes.slots_key("cluster")[0] == str(lanes_file)
    with pytest.raises(InputError, match="there is no lane 'gpu': there is workstation, cluster"):
        lanes.find("gpu")


def test_a_job_that_says_nothing_takes_a_gpu_and_its_part_of_the_machine():
    lane = LocalLane(kind="local", cpus=16, gpus=(0, 1, 2), memory_GB=120)
    assert lane.share().model_dump() == {"cpus": 5, "gpus": 1, "memory_GB": 40}
    assert LocalLane(kind="local", cpus=16, gpus=(), memory_GB=120).share().model_dump() == {"cpus": 16, "gpus": 0, "memory_GB": 120}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[lanes.gpu", "is not TOML: "),
        ('[lanes.gpu]\nkind = "local"\ncpus = "many"', r", lanes.gpu.cpus: got 'many'; wanted a valid integer"),
        ('[lanes.gpu]\nkind = "local"\ncpus = 0', ", lanes.gpu.cpus: got 0; wanted greater than or equal to 1"),
        ('[lanes.gpu]\nkind = "local"\ngpus = -1', ", lanes.gpu.gpus: got -1, wanted how many there are"),
        ('[lanes.gpu]\nkind = "local"\nmemory = 3', ", lanes.gpu.memory: there is no such entry"),
        ('[lanes.gpu]\nkind = "local"\njob = { core = 3 }', ", lanes.gpu.job.core: there is no such entry"),
        ("[lanes.gpu]\ncpus = 3", ", lanes.gpu.kind: it is missing: wanted 'local' or 'slurm'"),
        ('[lanes.gpu]\nkind = "pbs"', ", lanes.gpu.kind: got 'pbs', wanted 'local' or 'slurm'"),
        ('[lanes.gpu]\nkind = "slurm"\ntemplate = "mine.j2"', ", lanes.gpu.template: there is no .*mine.j2"),
        ('[lanes."g p"]\nkind = "local"', "lanes.g p: got the name 'g p', wanted a letter"),
        ("[lane.gpu]\ncpus = 3", ", lane: there is no such entry"),
        ("lanes = 3", ", lanes: got 3; wanted a valid dictionary"),
        ('default = "gpu"\n[lanes.cpu]\nkind = "local"', ", default: there is no lane 'gpu', only cpu"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_entry(project, lanes_file, text, message):
    lanes_file.write_text(text)
    with pytest.raises(DataError, match=f"{lanes_file}.*{message}"):
        read_lanes(project.paths)
