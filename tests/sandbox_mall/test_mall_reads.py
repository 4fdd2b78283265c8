"""What the mall shows at a moment: filters, counts, pages and the course of an order's life."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafe24_pipelines.sandbox.mall.mall import BUSY_DAY, END, IMPORTED, RESOURCES, START, SandboxMall
from cafe24_pipelines.sandbox.mall.orders_source import DATES
from cafe24_pipelines.sandbox.mall.sources import SOURCES
from cafe24_pipelines.sandbox.mall.statuses import NAMES

DAY = timedelta(days=1)
moments = st.integers(0, 731 * 86_400).map(lambda s: START + timedelta(seconds=s))
late = st.integers(300 * 86_400, 732 * 86_400).map(lambda s: START + timedelta(seconds=s))
window = {"start": moments, "end": moments}
product = st.lists(st.integers(1001, 1124), min_size=1, max_size=4)
coupon = st.integers(11, 14).map(lambda n: f"60811250000000000{n}")
unshown = {"place_date", "cancel_accept_date", "return_accept_date", "exchange_accept_date"}
shown_dates = sorted(DATES.keys() - unshown)  # no field of an order shows the others

WHERE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "orders": {
        "date_type": st.sampled_from(shown_dates), **window, "product_no": product,
        "order_status": st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=3),
        "payment_status": st.sampled_from(["F", "T", "A", "P", "M", "F,T"]), "member_type": st.sampled_from("23"),
    },
    "refunds": {"date_type": st.sampled_from(["refund_date", "accepted_refund_date"]), **window},
    "customers_privacy": {
        "created_start": moments, "group_no": st.integers(1, 4), "sms": st.sampled_from("TF"),
        "gender": st.sampled_from("FM"), **window, "date_type": st.sampled_from(["join", "login"]),
    },
    "coupon_issues": {
        "coupon_no": coupon, "since_issue_no": st.integers(0, 1400).map(lambda n: 6_100_000_000_000_000_000 + n),
        "used_coupon": st.sampled_from("TF"), "issued_start": moments, "issued_end": moments,
        "group_no": st.integers(1, 4),
    },
    "articles": {"board_no": st.sampled_from([1, 4, 6]), **window, "product_no": product},
    "points": {**window, "case": st.lists(st.sampled_from(["N", "P", "A", "D", "AB"]), min_size=1)},
    "credits": {**window, "case": st.sampled_from(["D", "E"]), "type": st.sampled_from("ID")},
    "carts": {"product_no": product},
    "wish_lists": {"product_no": product},
    "products": {
        "since_product_no": st.integers(1000, 1125), "selling": st.sampled_from("TF"),
        "category": st.integers(24, 60),
        "created_start": moments, "updated_end": moments, "product_no": product,
    },
    "hourly_sales": {**window, "collection_hour": st.integers(0, 23)},
    "product_sales": {**window, "product_no": product},
    "sales_volume": {**window, "product_no": product},
}  # fmt: skip


@st.composite
def reads(draw: st.DrawFn) -> tuple[str, dict[str, Any], datetime]:
    resource = draw(st.sampled_from(sorted(WHERE)))
    keys = draw(st.lists(st.sampled_from(sorted(WHERE[resource])), unique=True, max_size=4))
    return resource, {key: draw(WHERE[resource][key]) for key in keys}, draw(late)


@pytest.fixture(scope="module")
def small(built: Callable[..., Path]) -> SandboxMall:
    return SandboxMall.open(built(customers=120, seed=5, shops=2))


@given(reads())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_pages_and_tests_agree_for_any_filter(small: SandboxMall, read: tuple[str, dict, datetime]) -> None:
    resource, where, at = read
    rows = small.rows(resource, at, where=where)
    assert small.count(resource, at, where=where) == len(rows)
    size = max(1, len(rows) // 3)
    paged = [
        r for k in range(0, len(rows), size) for r in small.rows(resource, at, where=where, limit=size, offset=k)
    ]
    assert paged == rows
    source = SOURCES[resource]
    chosen = [r for r in small.rows(resource, at, where={k: v for k, v in where.items() if k == "case"})
              if all(source.filters[k].test(r, v, where) for k, v in where.items())]  # fmt: skip
    assert sorted(map(repr, chosen)) == sorted(map(repr, rows))


def test_an_unknown_filter_or_resource_is_refused(mall: SandboxMall) -> None:
    with pytest.raises(KeyError):
        mall.rows("orders", END, where={"colour": "red"})
    with pytest.raises(KeyError):
        mall.count("visitors_view", END, where={"colour": "red"})
    with pytest.raises(KeyError):
        mall.rows("invoices", END)


LADDERS = {
    "N": ["N00", "N10", "N20", "N30", "N40", "N50"], "C": ["C00", "C10", "C41", "C40"],
    "R": ["R00", "R10", "R41", "R40"],
    "E": ["E00", "E10", "E40"],
}  # fmt: skip


def test_statuses_go_forward_or_into_a_claim(mall: SandboxMall) -> None:
    history: dict[str, list[str]] = {}
    for hours in range(600 * 24, 640 * 24, 5):
        window = {"start": START + 600 * DAY, "end": START + 620 * DAY}
        for row in mall.rows("orders", START + timedelta(hours=hours), where=window):
            for item in row["items"]:
                history.setdefault(item["order_item_code"], []).append(item["order_status"])
    assert len(history) > 20
    seen = set()
    for codes in history.values():
        seen |= set(codes)
        for before, after in pairwise(codes):
            if before[0] == after[0] and before not in ("C47", "C48"):
                ladder = LADDERS[after[0]]
                assert ladder.index(before) <= ladder.index(after)
            else:
                assert before == after or (before[0] == "N" and after[0] in "CRE")
    assert {"N00", "N10", "N20", "N30", "N40", "N50"} <= seen


def test_what_was_deleted_was_there_before(mall: SandboxMall) -> None:
    deleted = [(when, e) for when, number, e in mall.events_between(START, END) if number == 90070]
    assert deleted
    when, event = deleted[0]
    where = {"order_id": [event["order_id"]]}
    assert mall.count("orders", when - timedelta(seconds=1), where=where) == 1
    assert mall.count("orders", when, where=where) == 0
    leavers = [(when, e["member_id"]) for when, number, e in mall.events_between(START, END) if number == 90147]
    when, member = leavers[0]
    assert mall.count("customers_privacy", when - timedelta(seconds=1), where={"member_id": member}) == 1
    assert mall.count("customers", when, where={"member_id": member}) == 0
    trial = next(when for when, number, e in mall.events_between(START, END) if number == 90003)
    assert mall.count("products", trial - timedelta(seconds=1)) == mall.count("products", trial) + 1


def test_every_order_event_names_an_order_that_shows_it(mall: SandboxMall) -> None:
    events = list(mall.events_between(START + 400 * DAY, START + 420 * DAY))
    assert [when for when, _, _ in events] == sorted(when for when, _, _ in events)
    assert {90023, 90024, 90025, 90032, 90084} <= {number for _, number, _ in events}
    for when, number, fields in events:
        if number == 90025:
            shop = int(fields["event_shop_no"])
            (row,) = mall.rows("orders", when, shop_no=shop, where={"order_id": fields["order_id"]})
            assert row["paid"] == "T"
            before = mall.rows(
                "orders", when - timedelta(seconds=1), shop_no=shop, where={"order_id": row["order_id"]}
            )
            assert all(one["paid"] == "F" for one in before)


def test_the_second_shop_sells_in_dollars(mall: SandboxMall) -> None:
    assert mall.shops == (1, 2)
    assert [s["currency_code"] for s in mall.all_rows("shops", END)] == ["KRW", "USD"]
    rows = mall.rows("orders", END, shop_no=2)
    assert {row["currency"] for row in rows} == {"USD"}
    assert 0 < len(rows) < mall.count("orders", END) / 10
    products = {row["product_no"]: row["price"] for row in mall.rows("products", END, shop_no=2)}
    for row in rows:
        total = sum(round(float(i["product_price"]) * 100) * i["quantity"] for i in row["items"])
        assert total == round(float(row["initial_order_amount"]["order_price_amount"]) * 100)
        assert all(products[i["product_no"]] == i["product_price"] for i in row["items"])
    every = list(mall.all_rows("orders", END))
    assert len({row["order_id"] for row in every}) == len(every) == mall.count("orders", END) + len(rows)


@pytest.mark.parametrize("resource", RESOURCES)
def test_all_rows_are_those_of_every_shop(mall: SandboxMall, resource: str) -> None:
    at = END - 40 * DAY
    whole = sum(1 for _ in mall.all_rows(resource, at))
    if resource in ("visitors_view", "visitors_unique", "visitors_pageview", "visitors_dailyactive"):
        assert whole == mall.count(resource, at)
    elif resource == "points":
        assert whole == mall.count(resource, at) + mall.count(resource, at, where={"case": "D"})
    elif resource in SOURCES and resource != "shops":
        assert whole == sum(mall.count(resource, at, shop_no=shop) for shop in mall.shops)
    assert whole > 0


def test_points_add_up(mall: SandboxMall) -> None:
    totals: dict[str, float] = {}
    for row in reversed(mall.rows("points", END, where={"case": ["N", "P", "A", "D", "AB"]})):
        change = float(row["available_points_increase"] or 0) - float(row["available_points_decrease"] or 0)
        totals[row["member_id"]] = totals.get(row["member_id"], 0) + change
    members = mall.rows("customers_privacy", END)
    assert {m["member_id"]: float(m["available_points"]) for m in members} == totals


def test_reports_add_up_to_the_orders(mall: SandboxMall) -> None:
    paid = mall.rows("orders", END, where={"date_type": "pay_date", "start": START, "end": END - timedelta(hours=1)})
    hours = mall.rows("hourly_sales", END, where={"start": START, "end": END - timedelta(hours=1)})
    assert sum(h["order_count"] for h in hours) == len(mall.rows("orders", END, where={"payment_status": "P"}))
    assert len(paid) <= sum(h["order_count"] for h in hours)
    pieces = sum(i["quantity"] for row in mall.rows("orders", END) if row["paid"] == "T" for i in row["items"])
    assert sum(r["settle_count"] for r in mall.rows("product_sales", END)) == pieces


def test_statistics_of_any_cut_add_up_to_visits_and_to_paid_orders(mall: SandboxMall) -> None:
    window = {"start": END - 90 * DAY, "end": END - 12 * DAY}

    def total(resource: str, field: str) -> int:
        return sum(int(row[field] or 0) for row in mall.rows(resource, END, where=window))

    visits = total("visitors_view", "visit_count")
    assert visits > 100
    for resource in ("visitpaths_ads", "visitpaths_domains", "visitpaths_urls", "adeffect_addetails"):
        assert total(resource, "visit_count") == visits, resource
    searched = total("visitpaths_keywords", "visit_count")
    assert 0 < searched == total("visitpaths_keyworddetails", "visit_count") < visits
    first = (END - 90 * DAY).replace(hour=0, minute=0, second=0)
    last = (END - 12 * DAY).replace(hour=23, minute=59, second=59)
    paid = mall.rows("orders", END, where={"date_type": "pay_date", "start": first, "end": last})
    orders = mall.rows("sales_orderdetails", END, where=window)
    assert {row["order_id"] for row in paid} <= {row["order_id"] for row in orders}, "deleted order forms had a sale"
    amounts = {row["order_id"]: float(row["initial_order_amount"]["payment_amount"]) for row in paid}
    assert all(amounts.get(row["order_id"], row["order_amount"]) == row["order_amount"] for row in orders)
    count, won = len(orders), sum(row["order_amount"] for row in orders)
    for resource in ("sales_times", "sales_paymethods", "visitpaths_adsales", "visitpaths_adkeywordsales",
                     "visitpaths_domainsales"):  # fmt: skip
        assert (total(resource, "order_count"), total(resource, "order_amount")) == (count, won), resource
    assert total("adeffect_addetails", "order_amount") == won
    (row,) = mall.rows("members_sales", END, where=window)
    assert row["member_order_count"] + row["nonmember_order_count"] == count
    assert mall.rows("sales_times", END, where={"start": END, "end": END}) == [], "today is not over"


def test_units_sold_are_those_of_the_report_for_approved_apps(mall: SandboxMall) -> None:
    approved, open_to_all = mall.rows("product_sales", END), mall.rows("sales_volume", END)
    assert [r["settle_count"] for r in approved] == [int(r["settle_count"]) for r in open_to_all]
    assert {type(r["shop_no"]) for r in open_to_all} == {str}


def test_a_busy_day_and_an_import(opened: Callable[..., SandboxMall]) -> None:
    with closing(opened(customers=60, seed=2, busy_day=700, bulk_members=50)) as mall:
        span = {"start": BUSY_DAY, "end": BUSY_DAY + timedelta(hours=2)}
        assert mall.count("orders", END, where=span) >= 700
        assert mall.count("customers_privacy", END, where={"created_start": IMPORTED}) >= 50
        walked = mall.rows("customers_privacy", END, where={"created_start": IMPORTED}, limit=50)
        assert {row["created_date"] for row in walked} == {IMPORTED.isoformat()}
        dates = [row["created_date"] for row in mall.rows("customers_privacy", END, where={"created_start": START})]
        assert dates == sorted(dates)
