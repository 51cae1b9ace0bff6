"""What the halves share is recorded, and a recording is played back without computing."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.refine.shared import SharedRecord


def refuse():
    raise AssertionError("computed")


def test_what_is_settled_is_kept_and_played_back():
    first = SharedRecord()
    np.testing.assert_array_equal(first.settle("domain.noise.1", lambda: np.arange(3.0)), np.arange(3.0))
    assert first.settle("domain.converged.1", lambda: True)
    assert sorted(first.settled) == ["domain.converged.1", "domain.noise.1"]
    replayed = SharedRecord(first.settled)
    np.testing.assert_array_equal(replayed.settle("domain.noise.1", refuse), np.arange(3.0))
    assert replayed.settle("domain.converged.1", refuse)
    assert sorted(replayed.settled) == sorted(first.settled)


def test_what_the_recording_lacks_is_named():
    with pytest.raises(InputError, match=r"holds no domain\.noise\.2"):
        SharedRecord({}).settle("domain.noise.2", refuse)
