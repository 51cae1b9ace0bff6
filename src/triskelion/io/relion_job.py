"""What a finished Refine3D or PostProcess job of RELION left in its folder: particles, half maps, map, mask.

The names in RELION's files start in the folder of its project, which lies some levels above the job; of a folder that was copied alone they are
looked for in the folder itself.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from triskelion.errors import DataError
from triskelion.io.star import StarTable, read_star

KINDS = ("Refine3D", "PostProcess")
_NONE = ("", "None", "none")


@dataclass(frozen=True)
class RelionJob:
    """Files of a job, all of which are there.

    Attributes
    ----------
    kind : str
        ``Refine3D`` or ``PostProcess``.
    particles : Path
    volumes : dict of str to Path
        ``half_a``, ``half_b`` (RELION's half 1 and 2), ``map``, and ``map_sharp`` after postprocessing.
    mask : Path or None
    missing : tuple of str
        What the job names but that is no longer there and can be done without.
    """

    kind: str
    particles: Path
    volumes: dict[str, Path] = field(default_factory=dict)
    mask: Path | None = None
    missing: tuple[str, ...] = ()


def find_relion_job(folder: Path) -> RelionJob:
    """Look through the folder of a RELION job.

    Raises
    ------
    DataError
        It is not the folder of a finished Refine3D or PostProcess job, or a file is missing; names it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: give that of a RELION job, such as Refine3D/job019")
    if (folder / "postprocess.star").is_file():
        return _find_postprocess(folder)
    if list(folder.glob("run*_data.star")):
        return _find_refinement(folder)
    of_type = _read_job_type(folder)
    says = f", but of a job {of_type}" if of_type else ": it holds neither run_data.star nor postprocess.star"
    raise DataError(f"{folder} is not the folder of a finished {' or '.join(KINDS)} job{says}")


def _find_refinement(folder: Path) -> RelionJob:
    root = _find_root_name(folder)
    particles = folder / f"{root}_data.star"
    general = _read_general(folder / f"{root}_optimiser.star")
    if general.get("rlnDoSplitRandomHalves") == "0":
        raise DataError(f"{folder} holds no refinement of two halves (rlnDoSplitRandomHalves 0 in {root}_optimiser.star): classes have no half maps")
    volumes = {
        "half_a": _require(folder / f"{root}_half1_class001_unfil.mrc", "the half map of half 1"),
        "half_b": _require(folder / f"{root}_half2_class001_unfil.mrc", "the half map of half 2"),
        "map": _require(folder / f"{root}_class001.mrc", "the map"),
    }
    named = general.get("rlnSolventMaskName") or _read_options(folder).get("fn_mask", "")
    mask, missing = _find_mask(named, folder)
    return RelionJob("Refine3D", particles, volumes, mask, missing)


def _find_postprocess(folder: Path) -> RelionJob:
    general = _read_general(folder / "postprocess.star")
    halves = {}
    for name, label in (("half_a", "rlnUnfilteredMapHalf1"), ("half_b", "rlnUnfilteredMapHalf2")):
        if label not in general:
            raise DataError(f"{folder / 'postprocess.star'} does not name the half maps ({label} missing)")
        halves[name] = _locate(general[label], folder)
        if halves[name] is None:
            raise DataError(f"{folder / 'postprocess.star'} names the half map {general[label]}, which is not below any folder above {folder}")
    refinement = halves["half_a"].parent
    try:
        refined = _find_refinement(refinement)
    except DataError as error:
        raise DataError(f"the particles of {folder} must lie where its half maps do: {error}") from error
    volumes = {**refined.volumes, **halves, "map_sharp": _require(folder / "postprocess.mrc", "the sharpened map")}
    mask, missing = _find_mask(general.get("rlnMaskName", ""), folder)
    return RelionJob("PostProcess", refined.particles, volumes, mask or refined.mask, missing)


def _find_root_name(folder: Path) -> str:
    """Return ``run``, or ``run_ct18`` where the job was continued; the particles of an iteration are not those of a finished job."""
    names = [path.name.removesuffix("_data.star") for path in folder.glob("run*_data.star")]
    finished = [name for name in names if re.fullmatch(r"run(_ct\d+)?", name)]
    if not finished:
        last = max(names)
        raise DataError(
            f"{folder} holds a refinement that has not finished ({last}_data.star is its last iteration, there is no run_data.star): let it finish, "
            f"or import that table by itself with import_particles"
        )
    return max(finished, key=lambda name: int(name.partition("_ct")[2] or 0))


def _require(path: Path, what: str) -> Path:
    if not path.is_file():
        raise DataError(f"{path.parent} lacks {what}, {path.name}: copy it from where the job ran")
    return path


def _find_mask(named: str, folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    if named in _NONE:
        return None, ()
    found = _locate(named, folder)
    return found, () if found else (f"the mask {named}",)


def _locate(name: str, folder: Path) -> Path | None:
    absolute = folder.absolute()
    candidates = [*(above / name for above in absolute.parents), absolute / Path(name).name]
    return next((path for path in candidates if os.path.isfile(path)), None)  # False, too, for a name that no file can have


def _read_general(path: Path) -> dict[str, str]:
    """Return the single values of a STAR file, {} where there is none."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for table in read_star(path).values():
        if not table.is_loop or len(table) == 1:
            found |= {label: str(values[0]) for label, values in table.columns.items()}
    return found


def _read_job_type(folder: Path) -> str | None:
    """Return what job.star calls the job: ``relion.class3d``."""
    return _read_general(folder / "job.star").get("rlnJobTypeLabel")


def _read_options(folder: Path) -> dict[str, str]:
    """Return the options in job.star."""
    if not (folder / "job.star").is_file():
        return {}
    table = read_star(folder / "job.star").get("joboptions_values", StarTable())
    names, values = (table.columns.get(label, []) for label in ("rlnJobOptionVariable", "rlnJobOptionValue"))
    return dict(zip(map(str, names), map(str, values)))
