"""Attacks that once cost rows, or passed for agreement: each is a small mall that misbehaves in one way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cafe24_pipelines.cafe24.admin_api.answers import decoded
from cafe24_pipelines.cafe24.admin_api.errors import MalformedAnswer
from cafe24_pipelines.cafe24.admin_api.pace import level_said
from cafe24_pipelines.cafe24.sync.windows import Miscounted, Window, beginning, plan
from cafe24_pipelines.sandbox.server.errors import Refusal
from cafe24_pipelines.stores.records import RecordStore

Start = Callable[..., Any]


def without(mall: Any, *scopes: str) -> list[str]:
    return [s for s in mall.server.config.scopes if s not in {f"mall.read_{x}" for x in scopes}]


# Rows that must not go ----------------------------------------------------------------------------------------


def test_shops_that_cannot_be_listed_any_more_keep_their_rows(rig: Start, two_shops_path: Path) -> None:
    mall = rig(path=two_shops_path)
    names = ["customers_privacy", "orders", "refunds"]
    assert mall.sync(names).agreed
    mall.grant(without(mall, "store"))
    report = mall.sync(names, whole=True)
    assert [r.removed for n, r in report.resources.items() if n in names] == [0, 0, 0]
    assert mall.wrong(names) == []


def test_wish_lists_read_alone_without_the_list_of_members_stay(rig: Start) -> None:
    mall = rig()
    mall.grant(without(mall, "privacy"))
    mall.sync(["products", "coupons", "coupon_issues", "customers", "wish_lists"])
    landed = mall.lake.of("wish_lists").count()
    assert landed
    mall.sync(["wish_lists"])
    assert mall.lake.of("wish_lists").count() == landed


def test_one_empty_answer_ends_no_walk_over_issues(odd: Start) -> None:
    mall, served = odd("coupon_issues")
    names = ["coupons", "coupon_issues"]
    mall.sync(names)
    empty = iter([True])
    served.change = lambda rows, asked: [] if next(empty, False) else rows
    report = mall.sync(names, whole=True)
    assert report.agreed
    assert report.resources["coupon_issues"].removed == 0
    assert mall.wrong(names) == []


def test_an_address_that_the_api_no_longer_knows_empties_no_list(odd: Start) -> None:
    mall, served = odd("carts")
    names = ["products", "carts"]
    mall.sync(names)
    landed = mall.lake.of("carts").count()

    def unknown(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        raise Refusal(404, "No API found", {"path": "/carts"})

    served.change = unknown
    report = mall.sync(names)
    assert not report.agreed
    assert mall.lake.of("carts").count() == landed > 0


# Rows that must not be missed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ("points", ["points"]),
        pytest.param("articles", ["boards", "articles"], marks=pytest.mark.slow),
        ("customers_privacy", ["customers_privacy"]),
    ],
)
def test_pages_shorter_than_what_was_asked_for_lose_nothing(odd: Start, resource: str, names: list[str]) -> None:
    mall, served = odd(resource)
    served.change = lambda rows, asked: rows[:20]
    report = mall.sync(names)
    assert report.agreed, report.rows()
    assert mall.wrong([resource]) == []


def test_a_silence_since_the_oldest_member_is_no_beginning() -> None:
    first, now, span = datetime(2018, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=89)

    def occupied(window: Window) -> bool:
        return window.start <= first < window.end or window.end > now - timedelta(days=200)

    assert (beginning(occupied, now, span) or now) > first
    assert (beginning(occupied, now, span, oldest=first - timedelta(days=9)) or now) <= first


def test_orders_from_before_a_pause_of_years_are_read(rig: Start) -> None:
    mall = rig()
    members = sorted(mall.mall.all_rows("customers_privacy", mall.now), key=lambda r: r["created_date"])
    mall.mall.put_override("customers_privacy", members[0]["member_id"],
                           {"created_date": "2021-01-01T09:00:00+09:00"}, mall.now)  # fmt: skip
    order = next(iter(mall.mall.all_rows("orders", mall.now)))
    old = {**order, "order_id": "20210105-0000011", "order_date": "2021-01-05T10:00:00+09:00"}
    mall.mall.add_row("orders", old, mall.now)
    names = ["customers_privacy", "orders"]
    assert mall.sync(names).agreed
    assert mall.wrong(names) == []


def test_members_that_a_partial_run_met_are_looked_up_by_the_next(rig: Start) -> None:
    mall = rig()
    mall.grant(without(mall, "privacy"))
    mall.sync(["orders"])
    mall.sync(["customers", "orders"])
    seen = {row["member_id"] for row in mall.mall.all_rows("orders", mall.now)}
    assert mall.wrong(["customers"], keep=lambda row: row["member_id"] in seen) == []
    assert mall.sync(["customers", "orders"]).resources["orders"].read < 200  # not whole again and again


# What must not pass for agreement -----------------------------------------------------------------------------


def test_a_refusal_on_the_way_is_an_error_and_no_choice(odd: Start) -> None:
    mall, served = odd("orders")
    answers = iter(range(3))

    def refused(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        if next(answers, None) is None:
            raise Refusal(403, "Forbidden")
        return rows

    served.change = refused
    report = mall.sync(["orders"], tuning={"target": 20}, workers=1)
    assert not report.agreed
    assert report.resources["orders"].error


def test_counts_that_ignore_time_are_noticed_before_millions_of_calls() -> None:
    calls = 0

    def count(window: Window) -> int:
        nonlocal calls
        calls += 1
        assert calls < 100
        return 20_000

    with pytest.raises(Miscounted):
        list(plan(Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)), count))


@pytest.mark.parametrize("header", ["²/40", "99999999/40", "8/0", "8/99999999999999999999", "", "x"])
def test_a_slip_in_a_header_holds_nobody_up(header: str) -> None:
    assert level_said(header) == (0.0, 0)


# Rows that can't land -----------------------------------------------------------------------------------------


def test_a_row_of_any_kind_costs_no_other(odd: Start) -> None:
    mall, served = odd("orders")
    served.change = lambda rows, asked: [{**r, "member_id": ["x"]} if n == 3 else r for n, r in enumerate(rows)]
    report = mall.sync(["orders"])
    assert report.agreed
    assert report.resources["orders"].quarantined == mall.lake.quarantined().num_rows > 0
    in_mall = sum(1 for _ in mall.mall.all_rows("orders", mall.now))
    assert mall.lake.of("orders").count() + report.resources["orders"].quarantined == in_mall


def test_half_a_character_costs_no_page() -> None:
    request = httpx.Request("GET", "https://mall.example/")
    body = decoded(httpx.Response(200, content=rb'{"orders": [{"title": "\ud83d"}, {"n": 1e999}]}', request=request))
    assert len(body["orders"]) == 2
    with pytest.raises(MalformedAnswer):
        decoded(httpx.Response(200, content=b'{"orders": [', request=request))


def test_a_bad_late_change_lies_in_quarantine_once_and_leaves_when_it_is_good(odd: Start) -> None:
    mall, served = odd("orders")
    mall.sync(["orders"])
    order = sorted(mall.mall.all_rows("orders", mall.now), key=lambda r: r["order_date"])[20]

    def bad(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        return [{**r, "items": "nonsense"} if r["order_id"] == order["order_id"] else r for r in rows]

    for _ in range(2):
        now = mall.forward(hours=7)
        items = [{**item, "cancel_date": now.isoformat(), "order_status": "C40"} for item in order["items"]]
        change = {"items": items, "cancel_date": now.isoformat()}
        mall.mall.put_override("orders", order["order_id"], change, now)
        served.change = bad
        mall.sync(["orders"])
        assert mall.lake.quarantined().num_rows == 1
    served.change = None
    mall.forward(hours=1)
    mall.sync(["orders"])
    assert mall.lake.quarantined().num_rows == 0
    assert mall.wrong(["orders"]) == []


def test_a_kill_between_quarantine_and_rows_leaves_nothing_behind(
    odd: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    mall, served = odd("orders")
    served.change = lambda rows, asked: [{**r, "items": "nonsense"} if n == 0 else r for n, r in enumerate(rows)]

    commit = RecordStore.commit

    def killed(store: RecordStore, *args: Any, **more: Any) -> Any:
        if store.folder.name == "orders" and args and args[0]:
            raise KeyboardInterrupt
        return commit(store, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(RecordStore, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            mall.sync(["orders"])
    assert mall.lake.quarantined().num_rows > 0
    served.change = None
    mall.forward(hours=1)
    assert mall.sync(["orders"]).agreed
    assert mall.lake.quarantined().num_rows == 0
    assert mall.wrong(["orders"]) == []


def test_a_ledger_that_cannot_be_read_counts_for_nothing(rig: Start) -> None:
    mall = rig()
    mall.sync(["orders"])
    path = mall.lake.root / "orders" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["state"]["ledgers"]["1"]["closed"] = [["x", 2]]
    path.write_text(json.dumps(manifest))
    report = mall.sync(["orders"])
    assert report.agreed
    assert report.resources["orders"].read >= mall.lake.of("orders").count()
