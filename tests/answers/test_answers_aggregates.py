"""The aggregate library: values against hand counts, every shown query runs again, every question finds its query."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cafe24_pipelines.answers.aggregates import AGGREGATES, with_values
from cafe24_pipelines.answers.ask import Answer, Services, ask
from cafe24_pipelines.answers.figures import show, wilson
from cafe24_pipelines.answers.lake_names import open_session
from cafe24_pipelines.cafe24.malls import Mall


@pytest.fixture
def shop(made_mall: Callable[..., Services], rows: Any) -> Services:
    """Seven orders on both sides of a midnight that is another day in UTC."""
    orders = [
        rows.order(1, "2026-01-10 10:00", "10000", member="m1"),
        rows.order(2, "2026-01-31 23:30", "20000", member="m2"),  # still January in Seoul, January 31 14:30 UTC
        rows.order(3, "2026-02-01 00:30", "30000", member="m1"),  # February in Seoul, January 31 15:30 UTC
        rows.order(4, "2026-02-10 12:00", "40000", member=None),
        rows.order(5, "2026-02-11 12:00", "50000", member="m3", status="cancelled"),
        rows.order(6, "2026-02-12 12:00", "60000", member="m3", status="returned"),
        rows.order(7, "2026-02-28 12:00", "50000", member="m2", coupon_no="c1"),
    ]
    items = [
        rows.line(1, "p1", 1, "10000", category="신발"), rows.line(2, "p2", 2, "10000", category="가방"),
        rows.line(3, "p1", 3, "10000", category="신발"), rows.line(4, "p2", 4, "10000", category="가방"),
        rows.line(5, "p1", 5, "10000", category="신발"), rows.line(7, "p1", 5, "10000", category="신발"),
    ]  # fmt: skip
    return made_mall(orders=orders, order_items=items)


def values(answer: Answer) -> list[float]:
    assert not answer.refused, answer.answer
    return [n.value for n in answer.numbers]


def asked(services: Services, question: str) -> tuple[tuple[str, ...], list[float]]:
    answer = ask(question, services)
    return answer.aggregates, values(answer)


@pytest.mark.parametrize(
    ("question", "key", "wanted"),
    [
        ("전체 매출은?", "net_sales", [150000, 5]),
        ("1월 매출은?", "net_sales", [30000, 2]),
        ("2월 매출은?", "net_sales", [120000, 3]),
        ("2월 객단가는?", "aov", [40000, 120000, 3]),
        ("2월 주문은 몇 건?", "order_count", [5, 3]),
        ("2월 판매 수량은?", "units_sold", [12, 2]),
        ("2월 구매한 고객은 몇 명?", "buyers", [2, 1]),
        ("2월 신규 고객과 기존 고객 수", "new_vs_returning", [0, 2, 0, 80000]),
        ("전체 기간 가장 많이 팔린 상품 1개", "top_products_by_quantity", [9, 90000]),
        ("신발 카테고리 매출은?", "category_sales", [90000, 9, 3]),
        ("상품 p1 매출은?", "product_sales", [90000, 9, 3]),
        ("90일 동안 안 산 고객은 몇 명?", "inactive_customers", [0, 2, 0, 0.0, 65.8]),
        ("20일 동안 안 산 고객은 몇 명?", "inactive_customers", [1, 2, 50, 9.5, 90.5]),
        ("2월 취소율", "cancel_rate", [20, 1, 5, 3.6, 62.4]),
        ("2월 반품률", "return_rate", [25, 1, 4, 4.6, 69.9]),
        ("재구매 주기는?", "repurchase_cycle", [24.6, 2, 2]),
    ],
)
def test_values_against_a_hand_count(shop: Services, question: str, key: str, wanted: list[float]) -> None:
    assert asked(shop, question) == ((key,), wanted)


def test_a_change_is_decomposed_without_remainder(shop: Services) -> None:
    answer = ask("1월과 2월 매출을 비교해줘", shop)
    assert answer.aggregates == ("sales_change",)
    now, before, change, rate, orders, orders_before, aov, aov_before, by_orders, by_aov = values(answer)
    assert (now, before, change, rate) == (120000, 30000, 90000, 300)
    assert (orders, orders_before, aov, aov_before) == (3, 2, 40000, 15000)
    assert by_orders == (3 - 2) * (40000 + 15000) / 2 and by_orders + by_aov == change
    assert "원인을 증명하지는 않습니다" in answer.answer


def test_money_is_in_the_malls_currency_and_zone(made_mall: Callable[..., Services], rows: Any) -> None:
    london = Mall("london", time_zone="Europe/London", currency="GBP")
    orders = [rows.order(1, "2026-02-01 08:30", "10.25"), rows.order(2, "2026-02-02 08:30", "20.50")]
    shop = made_mall(london, orders=orders)  # the first is on January 31 in London
    answer = ask("2월 매출은?", shop)
    assert [(n.value, n.unit) for n in answer.numbers] == [(20.5, "GBP"), (1, "건")]
    assert "20.50 GBP" in answer.answer


def test_a_small_sample_says_so(shop: Services) -> None:
    answer = ask("2월 취소율", shop)
    assert "표본이 5건으로 적어" in answer.answer and "3.6%~62.4%" in answer.answer


def test_wilson_against_the_textbook() -> None:
    assert wilson(1, 5) == (3.6, 62.4)
    assert wilson(0, 10) == (0.0, 27.8)
    assert wilson(81, 263) == (25.5, 36.6)  # Newcombe 1998, table I


def test_there_is_no_number_when_there_is_nothing_to_divide(made_mall: Callable[..., Services], rows: Any) -> None:
    shop = made_mall(
        orders=[rows.order(1, "2026-01-10 10:00", "0", status="unpaid"), rows.order(2, "2026-02-10 10:00", "5")]
    )
    answer = ask("1월 객단가는?", shop)
    assert answer.numbers == () and "계산할 수 없습니다" in answer.answer


def test_every_question_of_the_library_finds_its_query_and_the_query_runs_again(sandbox_services: Services) -> None:
    names = {"tier": "VIP", "region": "서울", "resource": "orders", "branch": "스킨케어"}
    names["coupon_name"] = "생일 축하 15% 쿠폰"
    with open_session(sandbox_services.lake, sandbox_services.mall.time_zone) as opened:
        shared, db = replace(sandbox_services, session=opened), opened.db
        product = db.sql("SELECT max(product_name) FROM products").fetchall()[0][0]
        category = db.sql("SELECT min(category) FROM products").fetchall()[0][0]
        names["member"] = db.sql("SELECT min(member_key) FROM orders").fetchall()[0][0]
        for key, aggregate in AGGREGATES.items():
            for text in aggregate.asks if aggregate.banked else ():
                question = text.format(period="올해", product=product, category=category, **names)
                answer = ask(question, shared)
                assert answer.aggregates == (key,), (question, answer.aggregates, answer.answer)
                assert answer.numbers and not answer.withheld, question
                assert "조건으로 쓰지 않았습니다" not in answer.answer, answer.answer
                if not aggregate.python:
                    again = db.sql(answer.numbers[0].query).fetchall()
                    shown = {
                        float(v) for row in again for v in row if isinstance(v, int | float) or hasattr(v, "quantize")
                    }
                    stated = [n.value for n in answer.numbers if "Wilson" not in n.query]
                    assert aggregate.count or set(map(float, stated)) <= shown, question


def test_the_library_is_well_formed() -> None:
    assert len(AGGREGATES) >= 240
    for aggregate in AGGREGATES.values():
        assert aggregate.asks and aggregate.tables and (aggregate.sql or aggregate.python)
        assert aggregate.say or (aggregate.lead and aggregate.each)


def test_a_quote_in_a_value_stays_a_value() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shown = with_values("SELECT $name,  $at\n, $n", {"name": "x'; DROP TABLE y --", "at": at, "n": 3})
    assert shown == "SELECT 'x''; DROP TABLE y --', TIMESTAMP '2026-01-01 00:00:00' , 3"


@pytest.mark.parametrize(
    ("value", "unit", "currency", "wanted"),
    [
        (1234567, "money", "KRW", "1,234,567원"),
        (1234.5, "money", "GBP", "1,234.50 GBP"),
        (2.50, "%", "KRW", "2.5%"),
        (0, "건", "KRW", "0건"),
        (100, "명", "KRW", "100명"),
    ],
)
def test_numbers_as_text(value: float, unit: str, currency: str, wanted: str) -> None:
    assert show(value, unit, currency) == wanted
