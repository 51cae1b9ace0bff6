"""Images of other kinds go through the whole chain and come out as good as the plain ones."""

import pytest
from tests.end_to_end.chain import make_chain

MOST_OF_START, MOST_OF_PLAIN = 0.45, 1.25
LEAST_MAP_OF_ORACLE, LEAST_MAP_OF_PLAIN, LEAST_FOUND_OF_PLAIN = 0.8, 0.9, 0.85


def test_the_head_comes_into_focus(plain):
    before, after = plain.pose_error(plain.imported.path("particles")), plain.pose_error(plain.refined.path("particles"))
    assert before["angle_median_deg"] > 10 and before["over_8deg_percent"] > 65
    assert after["angle_median_deg"] < MOST_OF_START * before["angle_median_deg"]
    assert after["over_8deg_percent"] < 20
    assert after["position_median_A"] < 0.25 * before["position_median_A"]
    start = plain.map_quality(plain.reconstruct_at(plain.imported))
    assert plain.map_quality(plain.refined) > max(1.4 * start, LEAST_MAP_OF_ORACLE * plain.map_quality(plain.oracle))


@pytest.mark.parametrize(
    "difference",
    [{"contrast": "dark"}, {"n_optics_groups": 2}, {"contrast_spread": 0.2}, {"box_px": 57}],
    ids=["inverted contrast", "two optics groups", "contrast spread", "odd box"],
)
def test_other_images_give_the_same_quality(plain, tmp_path, difference):
    chain = make_chain(tmp_path / "project", **difference)
    expected, found = (each.pose_error(each.refined.path("particles")) for each in (plain, chain))
    assert found["angle_median_deg"] < MOST_OF_PLAIN * expected["angle_median_deg"]
    assert found["position_median_A"] < MOST_OF_PLAIN * expected["position_median_A"]
    assert 100 - found["over_8deg_percent"] > LEAST_FOUND_OF_PLAIN * (100 - expected["over_8deg_percent"])
    assert chain.map_quality(chain.refined) > LEAST_MAP_OF_PLAIN * plain.map_quality(plain.refined)
