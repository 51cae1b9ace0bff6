"""Refinements of scenes this small are quickest on one core, and tests side by side do not wait for each other."""

import numba
import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    before = numba.get_num_threads(), torch.get_num_threads()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    yield
    numba.set_num_threads(before[0])
    torch.set_num_threads(before[1])
