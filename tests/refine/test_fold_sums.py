"""Sums of folds give the same maps whether they are kept or, for want of memory, made again."""

import numpy as np
from tests.refine.scene import make_scene

from triskelion.kernels import cpu
from triskelion.refine import back_projection
from triskelion.refine.back_projection import PoseCloud, reconstruct_half
from triskelion.refine.consensus import rows_of_halves
from triskelion.refine.reference import deal_folds


def test_maps_do_not_depend_on_memory(monkeypatch):
    scene = make_scene()
    folds = deal_folds(rows_of_halves(scene.start.half_set)[0])
    cloud = PoseCloud(np.stack([scene.body.rotations] * 2), np.stack([scene.body.shifts_px] * 2))
    weighted = scene.images.weighted(scene.images.coefficients, np.ones((1, int(scene.images.disc.shell[-1]) + 1)))
    half, without = reconstruct_half(weighted, scene.images, folds, cloud, cpu)
    monkeypatch.setattr(back_projection, "KEPT_BYTES", 0)
    half_again, without_again = reconstruct_half(weighted, scene.images, folds, cloud, cpu)
    np.testing.assert_array_equal(half_again, half)
    np.testing.assert_array_equal(without_again, without)
