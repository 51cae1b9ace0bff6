"""References between projects: those of a job from elsewhere are translated, to jobs that have other names here and files that stayed there."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from triskelion.errors import InputError
from triskelion.io import particle_labels as labels
from triskelion.io.star import read_star, write_star
from triskelion.jobs.registry import job_type
from triskelion.project.connect import anchor_path
from triskelion.project.image_links import list_particle_tables, particle_blocks
from triskelion.project.layout import JobPaths, ProjectPaths
from triskelion.project.lineage import job_of_path, job_of_text
from triskelion.project.parameters import command_line, describe_parameters
from triskelion.project.plain_json import read_json, write_json


@dataclass(frozen=True)
class Translation:
    """From one project to another.

    Attributes
    ----------
    project : ProjectPaths
        Where the jobs are now.
    origin : Path
        Folder of the project they come from.
    names : dict of str to str
        Jobs that are here -> what they are called here.
    """

    project: ProjectPaths
    origin: Path
    names: dict[str, str]

    def path(self, path: str) -> str:
        """Translate a path that is relative to the project, or absolute."""
        job = job_of_path(path)
        if job in self.names:
            return str(PurePosixPath(self.names[job], *PurePosixPath(path).parts[1:]))
        return path if os.path.isabs(path) else anchor_path(self.project, path, self.origin)

    def reference(self, reference: str, file: str) -> str:
        """Translate what stands in a slot: a job that is not here becomes the file it meant."""
        job = job_of_text(reference)
        if job is None or job_of_path(reference):
            return self.path(reference)
        return self.names[job] + reference[len(job) :] if job in self.names else self.path(file)

    def changes_nothing(self) -> bool:
        """Whether all references stay what they are."""
        return self.origin == self.project.folder and all(old == new for old, new in self.names.items())


def translate_job(paths: JobPaths, name: str, translation: Translation) -> None:
    """Rewrite job.json and the particle tables of a job that will be called ``name``; nothing is written where nothing changes."""
    if translation.changes_nothing():
        return
    record = read_json(paths.record)
    translated = _translate_record(record, name, translation)
    if translated != record:
        write_json(paths.record, translated)
    for table in list_particle_tables(paths):
        _translate_table(table, translation)


def _translate_record(record: dict[str, Any], name: str, translation: Translation) -> dict[str, Any]:
    inputs = {
        slot: {"reference": translation.reference(given["reference"], given["file"]), "file": translation.path(given["file"])}
        for slot, given in record.get("inputs", {}).items()
    }
    parameters = dict(record["parameters"])
    for slot, given in inputs.items():
        parameter, _, place = slot.partition(".")
        if place:
            parameters[parameter] = [*parameters[parameter][: int(place) - 1], given["reference"], *parameters[parameter][int(place) :]]
        else:
            parameters[parameter] = given["reference"]
    try:
        kind = job_type(record["type"])
    except InputError:  # a job of another version keeps what only that version understands
        kind = None
    command = record.get("command", "")
    for parameter, value in parameters.items():
        if parameter not in inputs and isinstance(value, str) and value in translation.names:  # a fulcrum, a job to run again
            parameters[parameter] = translation.names[value]
    if kind is not None:
        for each in describe_parameters(kind).values():
            if Path in each.kinds and isinstance(parameters.get(each.name), str):
                parameters[each.name] = translation.path(parameters[each.name])
        command = command_line(kind, parameters)
    others = {relation: translation.names.get(record.get(relation) or "") for relation in ("cloned_from", "started_by")}
    return {**record, "name": name, "inputs": inputs, "parameters": parameters, "command": command, **others}


def _translate_table(table: Path, translation: Translation) -> None:
    """Rewrite the paths of images, and of the masks that images were subtracted with."""
    tables = read_star(table)
    changed = False
    columns = [(block.columns, labels.IMAGE_NAME) for block in particle_blocks(tables)]
    if "optics" in tables and labels.KEPT_MASK in tables["optics"].columns:
        columns.append((tables["optics"].columns, labels.KEPT_MASK))
    for block, label in columns:
        values, inverse = np.unique(block[label], return_inverse=True)
        new = np.array([_translate_name(value, translation) for value in values.tolist()])
        changed |= not np.array_equal(new, values)
        block[label] = new[inverse]
    if changed:
        write_star(table, tables)


def _translate_name(value: str, translation: Translation) -> str:
    """Translate ``000012@J1/images/a.mrcs``, or the path of a mask."""
    if value == "None":
        return value
    number, at, path = value.rpartition("@")
    return f"{number}{at}{translation.path(path)}"
