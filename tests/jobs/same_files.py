"""Two refinements that must have ended alike."""

from pathlib import Path

import numpy as np

from triskelion.io.mrc import read_volume


def check_same_files(one: Path, other: Path) -> None:
    """Compare what two jobs of one refinement left, bit for bit."""
    for name in ("half_a.mrc", "half_b.mrc", "map.mrc"):  # their headers hold the time of day
        np.testing.assert_array_equal(read_volume(one / name).array, read_volume(other / name).array, err_msg=name)
    for name in ("particles.star", "fsc.txt"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in ("poses.npz", "shared.npz"):
        with np.load(one / name) as first, np.load(other / name) as second:
            assert sorted(first.files) == sorted(second.files), name
            for array in first.files:
                np.testing.assert_array_equal(first[array], second[array], err_msg=f"{name}: {array}")
