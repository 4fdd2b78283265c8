"""The score: what it is made of, and that more wrong rows never raise it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafe24_pipelines.ontology.health_report import (
    NOTES,
    PARTS_KO,
    WEIGHTS,
    Violation,
    parts_of,
    score_of,
    shown_row,
    violation,
    worst_first,
)


def broken(part: str, count: int, total: int, path: str = "status") -> Violation:
    return violation(part, "minCount", "Violation", "CRM_Order", path, count=count, total=total, message="값이 없음",
                     remedy="고치세요")  # fmt: skip


def score(*violations: Violation) -> float:
    return score_of(parts_of(violations))


def test_parts_add_up_to_a_hundred_and_have_korean_names() -> None:
    assert sum(WEIGHTS.values()) == 100 and set(PARTS_KO) == set(WEIGHTS)
    assert score() == 100


@pytest.mark.parametrize(("count", "total", "points"), [
    (0, 100, 20), (1, 100, 18), (5, 100, 10), (10, 100, 0), (60, 100, 0), (1, 0, 0), (1, 3, 0),
])  # fmt: skip
def test_a_tenth_of_wrong_rows_costs_all_of_a_part(count: int, total: int, points: float) -> None:
    assert parts_of([broken("properties", count, total)])["properties"] == points
    assert score(broken("properties", count, total)) == 80 + points


def test_one_wrong_row_among_millions_is_not_a_hundred() -> None:
    assert score(broken("coverage", 1, 3_000_000)) == 99.9


def test_notes_cost_nothing_and_come_last() -> None:
    note, small, large = broken(NOTES, 90, 100), broken("orphans", 1, 100), broken("coverage", 1, 100)
    assert score(note) == 100
    assert worst_first([note, small, large]) == [large, small, note]


ROWS = st.tuples(st.sampled_from([*WEIGHTS, NOTES]), st.integers(0, 10**6), st.integers(0, 10**6))


@given(st.lists(ROWS, max_size=12), st.integers(0, 11), st.integers(1, 10**6))
def test_more_wrong_rows_never_raise_the_score(rows: list[Any], at: int, more: int) -> None:
    """Whether good rows turned bad or bad rows came, and whether they break one rule more or another one too."""
    before = [broken(part, count, max(count, total)) for part, count, total in rows]
    assert 0 <= score(*before) <= 100
    for v in before:
        assert score(*before, v) <= score(*before)
    if not before:
        return
    v = before[at % len(before)]
    turned = broken(v.part, min(v.count + more, v.total), v.total)
    came = broken(v.part, v.count + more, v.total + more)
    for worse in (turned, came):
        after = [worse if x is v else x for x in before]
        assert score(*after) <= score(*before)
        assert all(parts_of(after)[p] <= parts_of(before)[p] for p in WEIGHTS)


@given(st.lists(ROWS, max_size=12))
def test_a_hundred_means_that_nothing_was_found(rows: list[Any]) -> None:
    found = [broken(part, count, max(count, total)) for part, count, total in rows]
    assert (score(*found) == 100) == all(v.count == 0 or v.part == NOTES for v in found)


def test_evidence_shows_twenty_rows_and_no_whole_pseudonym() -> None:
    from datetime import date, datetime, timedelta, timezone

    pseudonym = "0123456789abcdef0123456789abcdef"
    at = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    row = {"member_key": pseudonym, "from_member_key": pseudonym, "at": at, "day": date(2026, 1, 1),
           "title": "가" * 99, "amount": 1.5, "none": None}  # fmt: skip
    assert shown_row(row) == {
        "member": "01234567", "from_member": "01234567", "at": "2026-01-01T00:00:00+00:00", "day": "2026-01-01",
        "title": "가" * 59 + "…", "amount": 1.5, "none": None,
    }  # fmt: skip
    v = violation("orphans", "orphan", "Warning", "CRM_Order", "", count=99, total=99, message="", remedy="",
                  rows=[row] * 99)  # fmt: skip
    assert len(v.rows) == 20 and v.count == 99 and v.shape == "CRM_Order/orphan"
