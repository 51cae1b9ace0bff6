"""The particle table: defaults, checks, half-sets, and joining by uid."""

import numpy as np
import pytest

from triskelion.data.particles import COLUMNS, HALF_A, HALF_B, NO_HALF, OpticsGroup, Particles, join_by_uid
from triskelion.errors import DataError, InputError

OPTICS = (OpticsGroup("one", 1.4, 380, 300.0, 2.7, 0.1), OpticsGroup("two", 1.1, 480, 300.0, 2.7, 0.1))


def make_particles(uids=(11, 12, 13, 14), **columns) -> Particles:
    n = len(uids)
    given = {
        "uid": uids,
        "image_path": [f"{uid}.mrcs" for uid in uids],
        "image_index": np.arange(n),
        "rotvec_rad": np.arange(3.0 * n).reshape(n, 3) / 10,
        "shift_A": np.arange(2.0 * n).reshape(n, 2),
        **columns,
    }
    return Particles.build(OPTICS, {"rlnMicrographName": np.array([f"m{uid}" for uid in uids])}, **given)


def test_every_column_is_there_with_its_type_and_shape():
    particles = make_particles()
    assert set(particles.table) == set(COLUMNS)
    for name, (dtype, tail, _) in COLUMNS.items():
        assert particles[name].shape == (4, *tail)
        assert np.issubdtype(particles[name].dtype, dtype)


def test_a_new_table_says_nothing_of_half_sets_and_takes_its_poses_as_the_consensus():
    particles = make_particles()
    assert (particles["half_set"] == NO_HALF).all()
    assert (particles["contrast"] == 1).all()
    np.testing.assert_array_equal(particles["consensus_rotvec_rad"], particles["rotvec_rad"])
    np.testing.assert_array_equal(particles["consensus_shift_A"], particles["shift_A"])


def test_new_poses_leave_the_consensus_and_the_old_table_alone():
    before = make_particles()
    after = before.with_columns(rotvec_rad=np.zeros((4, 3)), shift_A=np.ones((4, 2)))
    assert (after["rotvec_rad"] == 0).all()
    np.testing.assert_array_equal(after["consensus_rotvec_rad"], before["rotvec_rad"])
    np.testing.assert_array_equal(after["consensus_shift_A"], before["shift_A"])
    assert before["rotvec_rad"].any()


def test_selected_rows_keep_order_and_foreign_columns():
    chosen = make_particles().select([3, 1])
    assert len(chosen) == 2
    assert chosen["uid"].tolist() == [14, 12]
    assert chosen.extra["rlnMicrographName"].tolist() == ["m14", "m12"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"shift_A": np.zeros((4, 3))}, r"shift_A has shape \(4, 3\), wanted \(4, 2\)"),
        ({"shifts": np.zeros((4, 2))}, "unknown particle columns: shifts"),
        ({"image_index": np.arange(3)}, r"image_index has shape \(3,\)"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, message):
    with pytest.raises(InputError, match=message):
        make_particles(**columns)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="needs a column image_path"):
        Particles.build(OPTICS, uid=[1], image_index=[0], rotvec_rad=np.zeros((1, 3)))


def test_half_sets_part_the_rows():
    particles = make_particles(half_set=[HALF_B, HALF_A, HALF_B, HALF_A])
    particles.require_half_sets()
    assert particles.rows_of_half(HALF_A).tolist() == [1, 3]
    assert particles.rows_of_half(HALF_B).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("half_set", "message"),
    [
        ([HALF_A, HALF_B, NO_HALF, NO_HALF], "2 particles have no half-set, the first in row 3"),
        ([HALF_A] * 4, "half-set b is empty"),
        ([HALF_B] * 4, "half-set a is empty"),
    ],
)
def test_missing_half_sets_say_what_to_do(half_set, message):
    with pytest.raises(DataError, match=f"{message}.*half_sets='draw'"):
        make_particles(half_set=half_set).require_half_sets()


def test_tables_join_by_uid_whatever_their_order():
    first, second = make_particles((5, 3, 9, 7)), make_particles((9, 4, 3, 8))
    rows_first, rows_second = join_by_uid(first, second)
    assert first["uid"][rows_first].tolist() == second["uid"][rows_second].tolist() == [3, 9]
