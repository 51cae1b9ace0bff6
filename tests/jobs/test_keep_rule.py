"""What people write of which particles to keep."""

import math

import pytest

from triskelion.errors import InputError
from triskelion.jobs.keep_rule import KeepRule, parse_keep


@pytest.mark.parametrize(
    ("text", "by", "rule"),
    [
        ("best 80%", "contrast", KeepRule(True, share=0.8)),
        ("best 80 %", "rotation_sd_deg", KeepRule(False, share=0.8)),
        ("Highest 5000", "defocus_u_A", KeepRule(True, number=5000)),
        ("lowest 10%", "contrast", KeepRule(False, share=0.1)),
        ("0.7..1.3", "contrast", KeepRule(None, between=(0.7, 1.3))),
        ("-5 .. ", "rlnX", KeepRule(None, between=(-5, math.inf))),
        ("..4e3", "rlnX", KeepRule(None, between=(-math.inf, 4000))),
    ],
)
def test_rules_are_read(text, by, rule):
    assert parse_keep(text, by) == rule


@pytest.mark.parametrize(
    ("text", "by", "says"),
    [
        ("best 80%", "defocus_u_A", "say 'highest' or 'lowest'"),
        ("80%", "contrast", "wanted: best 80%"),
        ("..", "contrast", "wanted: best 80%"),
        ("nan..3", "contrast", "nothing lies between"),
        ("3..1", "contrast", "nothing lies between 3 and 1"),
        ("best 120%", "contrast", "up to 100 %"),
        ("best 0", "contrast", "whole number"),
        ("best 1.2.3%", "contrast", "wanted: best 80%"),
    ],
)
def test_what_is_no_rule_is_refused(text, by, says):
    with pytest.raises(InputError, match=says):
        parse_keep(text, by)


def test_shares_become_numbers():
    assert parse_keep("best 80%", "contrast").count(201) == 161 and parse_keep("best 30", "contrast").count(201) == 30
