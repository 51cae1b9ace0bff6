"""What every refinement is told about how it runs, beside what it refines: filter, memory, packing, device, recording; one description for all."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zipfile import is_zipfile

import numpy as np
from pydantic import field_validator

from triskelion.data.images import ArrayStore, MemoryStore
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, parameter
from triskelion.ranks import N_HALVES

if TYPE_CHECKING:
    from triskelion.refine.memory import MemoryEstimate

FREE_SHARE = 0.9  # of the free memory that a job takes without being told
IN_MEMORY: dict[str, type[np.floating]] = {"float32": np.float32, "float16": np.float16}


class RefinementParameters(JobParameters):
    """What every refinement wants to know."""

    max_align_resolution_A: float | None = parameter(
        None, title="Maximum align resolution", unit="Å", gt=0, le=100, help="Finer shells are not used to find poses; left out, the FSC decides."
    )
    nonuniform: bool = parameter(
        True, title="Non-uniform", help="Low-pass each voxel of the references where its own half maps stop agreeing; off, one filter for all."
    )
    marginalize: bool = parameter(True, title="Marginalise", help="Back-project each particle at poses drawn from its posterior.")
    packing: Literal["auto", "float32", "float16", "disk"] = parameter(
        "auto",
        title="Packing",
        advanced=True,
        help="How images are kept between iterations: in memory as float32 or float16, or as float16 in mapped files; auto takes what fits.",
    )
    device: Literal["auto", "cpu", "cuda"] = parameter(
        "auto",
        title="Device",
        advanced=True,
        help="Where poses are searched and images inserted; auto takes an NVIDIA device where there is one and triton is installed.",
    )
    memory_GB: float | None = parameter(
        None, title="Memory", unit="GB", gt=0, advanced=True, help="Memory the job may take; left out, nine tenths of what is free."
    )
    restart_audit: bool = parameter(
        True,
        title="Restart audit",
        advanced=True,
        help="At the end, search a hundredth of the particles once more, from random poses or anywhere, and say for how many that finds better ones.",
    )
    ranks: int = parameter(
        1,
        title="Ranks",
        ge=1,
        le=256,
        advanced=True,
        help="Processes that refine together, an even number: each half-set is one's, or shared by several. They share the job's cores and memory.",
    )
    max_iterations: int = parameter(15, title="Maximum iterations", ge=1, le=100, advanced=True, help="It stops by itself when nothing improves.")
    replay: Path | None = parameter(
        None,
        title="Replay shared quantities",
        advanced=True,
        help="shared.npz of another run: what both halves share (resolution limits, filters, noise, masks ...) is taken from there.",
    )

    @field_validator("ranks")
    @classmethod
    def _share_out_evenly(cls, ranks: int) -> int:
        if ranks > 1 and ranks % N_HALVES:
            raise ValueError("1, or an even number: each half-set has as many as the other")
        return ranks


def read_recording(parameters: RefinementParameters, context: JobContext) -> dict[str, np.ndarray] | None:
    """Read the shared quantities that are to be replayed, None where none are.

    Raises
    ------
    InputError
        There is no such recording.
    """
    if parameters.replay is None:
        return None
    path = context.project_folder / parameters.replay
    if not is_zipfile(path):
        found = "which is something else" if path.is_file() else "there is no such file"
        raise InputError(f"cannot replay {parameters.replay}, {found}: give the shared.npz of a refinement of the same kind")
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def choose_store(parameters: RefinementParameters, context: JobContext, estimate: "MemoryEstimate", box_px: int) -> ArrayStore:
    """Decide how images are packed, and say what the run will take.

    Raises
    ------
    InputError
        Even with the images on disk it takes more memory than there is.
    """
    from triskelion.devices import available_memory_bytes

    allowed = (FREE_SHARE * available_memory_bytes() if parameters.memory_GB is None else parameters.memory_GB * 1e9) / context.ranks.size
    estimate = replace(estimate, packed_values=estimate.packed_values / context.ranks.size)
    packing = parameters.packing
    if packing == "auto":
        fitting = (name for name, dtype in IN_MEMORY.items() if estimate.total_bytes(dtype) <= allowed)
        packing = next(fitting, "disk")
    packing = str(context.ranks.from_rank(0, np.array(packing)))  # as the first has found the memory
    needed = estimate.working_bytes if packing == "disk" else estimate.total_bytes(IN_MEMORY[packing])
    window = f"a window of {estimate.window_px} px" if estimate.window_px < box_px else f"the whole box of {box_px} px"
    each = f", each of {context.ranks.size} ranks" if context.ranks.size > 1 else ""
    on_disk = f" and {estimate.packed_values * 2 / 1e9:.1f} GB on disk" if packing == "disk" else ""
    context.log(f"search in {window}; images packed as {packing}: it takes about {needed / 1e9:.1f} GB of memory{on_disk}{each}")
    if needed > allowed:
        raise InputError(
            f"it takes about {needed / 1e9:.1f} GB of memory, {allowed / 1e9:.1f} GB may be taken: bin the particles, "
            "give it more memory (memory_GB), or packing=auto"
        )
    return context.open_scratch() if packing == "disk" else MemoryStore(IN_MEMORY[packing])
