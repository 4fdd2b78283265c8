"""Members without the scope to list them: met in other rows, looked up, and looked up again before long."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.sync.look_ups import LookUps
from cafe24_pipelines.cafe24.sync.older import turned
from cafe24_pipelines.sandbox.mall.mall import END
from cafe24_pipelines.sandbox.server.config import DEFAULT_SCOPES
from cafe24_pipelines.sandbox.server.errors import Refusal
from cafe24_pipelines.settings import Settings

Start = Callable[..., Any]
WITHOUT = [scope for scope in DEFAULT_SCOPES if scope != "mall.read_privacy"]
NAMES = ["customers", "orders"]
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def unlisted(odd: Start) -> tuple[Any, Any]:
    """A mall that was read once without the privacy scope, and what serves its look-ups."""
    mall, served = odd("customers", at=END - timedelta(days=100))
    mall.grant(WITHOUT)
    assert mall.sync(NAMES).agreed
    return mall, served


def buyers(mall: Any) -> list[str]:
    """Members who ordered, whose last order lies longest back first; as the mall has them now."""
    last: dict[str, str] = {}
    for row in mall.mall.all_rows("orders", mall.now):
        if row["member_id"]:
            last[row["member_id"]] = max(row["order_date"], last.get(row["member_id"], ""))
    there = {row["member_id"] for row in mall.mall.all_rows("customers", mall.now)}
    return [m for m in sorted(last, key=lambda m: (last[m], m)) if m in there]


def wrong(mall: Any) -> list[str]:
    """How what landed differs from what the mall shows of those who ordered."""
    seen = set(buyers(mall))
    found: list[str] = mall.wrong(["customers"], keep=lambda row: row["member_id"] in seen)
    return found


def key_of(mall: Any, member: str) -> str:
    key: str = mall.line._hash(member)
    return key


# Who left --------------------------------------------------------------------------------------------------------


def test_a_member_who_left_is_removed_when_next_asked_for(unlisted: tuple[Any, Any]) -> None:
    mall, _ = unlisted
    recent = buyers(mall)[-1]
    assert key_of(mall, recent) in mall.lake.of("customers").known()
    mall.mall.put_override("customers_privacy", recent, None, mall.now)
    report = mall.sync(NAMES)
    assert report.agreed
    assert report.resources["customers"].removed == 1
    assert wrong(mall) == []


@pytest.mark.parametrize("cut", ["the last", "the first", "all but one"])
def test_an_answer_that_is_cut_removes_nobody(unlisted: tuple[Any, Any], cut: str) -> None:
    mall, served = unlisted
    shown = {"the last": slice(0, -1), "the first": slice(1, None), "all but one": slice(0, 1)}[cut]
    served.change = lambda rows, asked: rows[shown] if len(rows) > 1 else rows
    report = mall.sync(NAMES, whole=True)
    assert report.resources["customers"].removed == 0
    assert wrong(mall) == []


def test_an_answer_that_failed_or_cannot_be_read_removes_nobody(unlisted: tuple[Any, Any]) -> None:
    mall, served = unlisted
    before = mall.lake.of("customers").known()

    def unknown(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        raise Refusal(404, "No API found", {"path": "/customers"})

    served.change = unknown
    assert not mall.sync(NAMES).agreed
    served.change = lambda rows, asked: [{**row, "group_no": {"not": "a number"}} for row in rows]
    assert mall.sync(NAMES, whole=True).resources["customers"].removed == 0
    assert mall.lake.of("customers").known() == before


def test_the_contact_of_a_member_who_left_is_forgotten(odd: Start) -> None:
    mall, _ = odd("customers", at=END - timedelta(days=100))
    mall.grant(WITHOUT)
    mall.order["keep_contacts"] = True
    mall.sync(NAMES)
    contacts = ContactTable(sys.modules["sync_worker"].settings_of(mall.order, Settings), "sandbox")
    quiet = buyers(mall)[0]
    assert contacts.get(key_of(mall, quiet)) == {"member_id": quiet}
    mall.mall.put_override("customers_privacy", quiet, None, mall.now)
    mall.forward(days=20)
    report = mall.sync(NAMES)
    assert report.agreed
    assert contacts.get(key_of(mall, quiet)) is None
    assert wrong(mall) == [], "with ids at hand nobody waits for an order"


def test_the_wish_list_of_a_member_who_left_goes_too(rig: Start) -> None:
    mall = rig()
    mall.grant(WITHOUT)
    names = ["products", "customers", "orders", "wish_lists"]
    mall.sync(names)
    wishing = {row["member_id"] for row in mall.mall.all_rows("wish_lists", mall.now)}
    member = next(m for m in reversed(buyers(mall)) if m in wishing)
    prefix = f"1/{key_of(mall, member)}/"
    assert mall.lake.of("wish_lists").known(prefix=prefix)
    others = mall.lake.of("wish_lists").count() - len(mall.lake.of("wish_lists").known(prefix=prefix))
    mall.mall.put_override("customers_privacy", member, None, mall.now)
    assert mall.sync(names, whole=True).agreed
    assert mall.lake.of("wish_lists").known(prefix=prefix) == {}
    assert mall.lake.of("wish_lists").count() == others


# Who is quiet ----------------------------------------------------------------------------------------------------


def test_a_new_tier_of_a_long_quiet_member_is_found_within_thirty_days(unlisted: tuple[Any, Any]) -> None:
    mall, _ = unlisted
    quiet, left = buyers(mall)[:2]
    mall.mall.put_override("customers_privacy", quiet, {"group_no": 3}, mall.now)
    mall.mall.put_override("customers_privacy", left, None, mall.now)
    assert not mall.sync(NAMES).resources["customers"].changed, "nobody names them; that is what the coverage says"
    for _ in range(3):
        mall.forward(days=10)
        report = mall.sync(NAMES)
        assert report.agreed
    assert wrong(mall) == []
    assert key_of(mall, left) not in mall.lake.of("customers").known()
    coverage = report.resources["customers"].coverage
    assert f"the oldest of {(mall.now - timedelta(days=20)).astimezone(UTC):%Y-%m}" in coverage.text
    assert "not met" not in coverage.text


def test_the_turn_of_older_windows_is_spread_over_the_runs(unlisted: tuple[Any, Any]) -> None:
    mall, _ = unlisted
    read = []
    for _ in range(4):
        mall.forward(days=7)
        read.append(mall.sync(NAMES, tuning={"target": 10}).resources["orders"].read)
    assert max(read) < mall.lake.of("orders").count()


def test_members_whom_no_row_names_any_more_are_told_apart(unlisted: tuple[Any, Any]) -> None:
    mall, _ = unlisted
    member = buyers(mall)[0]
    for row in list(mall.mall.all_rows("orders", mall.now)):
        if row["member_id"] == member:
            mall.mall.put_override("orders", row["order_id"], None, mall.now)
    mall.forward(days=35)
    report = mall.sync(NAMES)
    coverage = report.resources["customers"].coverage
    assert "1 not met for 30 days or more" in coverage.text
    assert "unknown" in coverage.text


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 40 * 86_400), st.text(max_size=8))
def test_a_turn_comes_between_half_of_the_time_and_all_of_it(seconds: int, name: str) -> None:
    every, now = timedelta(days=30), T0 + timedelta(seconds=seconds)
    due = turned(T0, now, every, name)
    assert due or seconds < 30 * 86_400
    assert not due or seconds >= 15 * 86_400
    assert turned(None, now, every, name)


def test_days_of_look_ups_are_kept_beside_the_rows(tmp_path: Any) -> None:
    kept = LookUps(tmp_path)
    assert kept.oldest(["a"]) is None
    kept.note(["a", "b"], T0)
    kept.note(["b", "c"], T0 + timedelta(days=3))
    kept.save(["a", "b", "c"])
    again = LookUps(tmp_path)
    assert again.oldest(["a", "b"]) == date(2026, 1, 1)
    assert again.before(["a", "b", "c", "d"], T0 + timedelta(days=3)) == ["d", "a"]
    again.save(["b"])
    assert json.loads((tmp_path / "looked_up.json").read_text()) == {"2026-01-04": ["b"]}
    (tmp_path / "looked_up.json").write_text("[3")
    assert LookUps(tmp_path).oldest(["b"]) is None


# The other scope -------------------------------------------------------------------------------------------------


def test_customers_asked_for_with_the_privacy_scope_say_where_members_are(rig: Start) -> None:
    mall = rig()
    report = mall.sync(["customers"])
    assert report.agreed
    assert report.resources["customers"].skipped == "members are landed as customers_privacy"
    assert ("customers", "skipped", "members are landed as customers_privacy") in report.rows()
    assert "customers" in report.to_json()["resources"]
