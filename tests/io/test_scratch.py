"""Room on disk that leaves nothing behind, however a process ends."""

import errno
import os

import numpy as np
import pytest

from triskelion.errors import JobError
from triskelion.io.scratch import ScratchStore


def test_nothing_is_in_the_folder_even_while_it_is_in_use(tmp_path):
    array = ScratchStore(tmp_path).empty("domain_matched", (100, 30, 2))
    assert list(tmp_path.iterdir()) == []
    values = np.random.default_rng(1).standard_normal((100, 30, 2)).astype(np.float16)
    array[:] = values
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_arrays_are_files_of_the_type_that_was_asked_for(tmp_path, dtype):
    array = ScratchStore(tmp_path, dtype).empty("domain_power", (7, 5))
    assert isinstance(array, np.memmap) and array.dtype == dtype and array.shape == (7, 5)


def test_arrays_of_one_name_do_not_share_their_room(tmp_path):
    store = ScratchStore(tmp_path)
    one, other = store.empty("domain", (10,)), store.empty("domain", (10,))
    one[:], other[:] = 1, 2
    assert (one == 1).all() and (other == 2).all()


def test_a_disk_without_room_is_named(tmp_path, monkeypatch):
    def refuse(descriptor: int, start: int, length: int):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(JobError, match=r"no room for 4\.0 GB of packed images in .*: No space left on device"):
        ScratchStore(tmp_path).empty("domain", (1000, 2_000_000))
    assert list(tmp_path.iterdir()) == []
