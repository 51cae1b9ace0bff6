"""Subsets: how many of which half-set stay, and which."""

import numpy as np
import pytest
from tests.data.test_particles import make_particles

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.data.subsets import draw_subsets, half_sets_differ, keep_between, keep_extreme
from triskelion.errors import InputError


def particles_in_halves(n_a: int, n_b: int):
    return make_particles(np.arange(100, 100 + n_a + n_b), half_set=np.random.default_rng(0).permutation([HALF_A] * n_a + [HALF_B] * n_b))


def test_the_best_of_each_half_stay_in_the_order_of_the_table():
    particles = particles_in_halves(60, 40)
    values = np.random.default_rng(1).permutation(100).astype(float)
    rows = keep_extreme(particles, values, 30, highest=True)
    assert (np.diff(rows) > 0).all() and len(rows) == 30
    for half, n in ((HALF_A, 18), (HALF_B, 12)):
        of_half = particles.rows_of_half(half)
        kept = np.intersect1d(rows, of_half)
        assert len(kept) == n
        assert values[kept].min() > values[np.setdiff1d(of_half, kept)].max()


def test_a_value_that_one_half_has_more_of_does_not_unbalance_them():
    particles = particles_in_halves(50, 50)
    values = np.where(particles["half_set"] == HALF_A, 10.0, 0.0) + np.arange(100) / 1000
    kept = particles.select(keep_extreme(particles, values, 50, highest=True))
    assert len(kept.rows_of_half(HALF_A)) == len(kept.rows_of_half(HALF_B)) == 25


def test_the_lowest_and_ties_do_not_depend_on_the_order_of_the_table():
    particles, values = particles_in_halves(40, 40), np.arange(80) // 10
    first = set(particles["uid"][keep_extreme(particles, values, 30, highest=False)].tolist())
    order = np.random.default_rng(3).permutation(80)
    shuffled = particles.select(order)
    assert first == set(shuffled["uid"][keep_extreme(shuffled, values[order], 30, highest=False)].tolist())


def test_particles_without_a_value_never_stay():
    particles = particles_in_halves(10, 10)
    values = np.where(np.arange(20) < 5, np.nan, np.arange(20))
    assert keep_extreme(particles, values, 10, highest=False).min() >= 5
    assert keep_between(values, -np.inf, np.inf).tolist() == list(range(5, 20))
    with pytest.raises(InputError, match="have a value: keep fewer"):
        keep_extreme(particles, values, 19, highest=True)
    with pytest.raises(InputError, match="21 of 20 particles"):
        keep_extreme(particles, values, 21, highest=True)


def test_both_ends_of_a_range_belong_to_it():
    assert keep_between(np.array([1, 2, 3, 4.0]), 2, 3).tolist() == [1, 2]


def test_random_subsets_keep_the_shares_and_follow_the_seed():
    particles = particles_in_halves(60, 40)
    (rows,) = draw_subsets(particles, 50, 1, seed=4)
    assert len(particles.select(rows).rows_of_half(HALF_A)) == 30
    assert np.array_equal(rows, draw_subsets(particles, 50, 1, seed=4)[0]) and not np.array_equal(rows, draw_subsets(particles, 50, 1, seed=5)[0])


def test_half_sets_that_differ_by_more_than_chance():
    assert not half_sets_differ(particles_in_halves(60, 40)) and half_sets_differ(particles_in_halves(70, 30))
