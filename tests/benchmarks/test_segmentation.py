"""The judges of segmentations, on partitions whose indices are known."""

import numpy as np
import pytest
from benchmarks.segmentation import adjusted_rand_index, pick_domain

from triskelion.data.segmentation import Segmentation


def test_the_adjusted_rand_index():
    labels = np.repeat([1, 2, 3], 40)
    assert adjusted_rand_index(labels, 7 - labels) == 1
    assert adjusted_rand_index(labels, np.tile([1, 2, 3, 4], 30)) == pytest.approx(0, abs=0.03)
    # Hubert & Arabie: pairs together in both 6, in each 6 + 6 + 6 and 6 + 28, of 66
    second = np.repeat([1, 2, 2], 4)
    assert adjusted_rand_index(np.repeat([1, 2, 3], 4), second) == pytest.approx((18 - 18 * 34 / 66) / (26 - 18 * 34 / 66))


def test_picks_are_the_best_next_ones():
    labels = np.zeros((6, 6, 6), dtype=np.int32)
    labels[1, 1:5, 1:5], labels[2, 1:5, 1:5], labels[3, 1:5, 1:3], labels[4, 1, 1] = 1, 2, 3, 4
    segmentation = Segmentation(labels, np.array([0, 5, 5, 0, 0, 0]), np.array([0, 0, 0, 0, 0, 1]), 1.0, 1.0)
    wanted, everywhere = np.isin(labels, [1, 2, 3]), np.ones(labels.shape, dtype=bool)
    picked, jaccard = pick_domain(segmentation, wanted, everywhere)
    assert (picked, jaccard) == ([5, 3], 1)
    picked, jaccard = pick_domain(segmentation, labels == 1, everywhere)
    assert (picked, jaccard) == ([1], 1)
