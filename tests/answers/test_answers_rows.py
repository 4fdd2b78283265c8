"""The rows behind a number: as many as it counts, or adding up to it, and nothing else on request."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.answers import gather
from cafe24_pipelines.answers.aggregates import AGGREGATES, Computed
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.intents import route
from cafe24_pipelines.answers.rows import MAX_ROWS, read_rows
from cafe24_pipelines.errors import BadInput

COUNTED = [
    ("올해 매출은 얼마야?", "net_sales", 0, "amount"),
    ("올해 주문은 몇 건이야?", "order_count", 0, "count"),
    ("올해 토요일 VIP 매출은?", "tier_sales", 0, "amount"),
    ("올해 취소율은?", "cancel_rate", 1, "count"),
    ("올해 반품률은?", "return_rate", 1, "count"),
    ("올해 판매 수량은?", "units_sold", 0, "quantity"),
    ("올해 시카 진정 세럼 매출은?", "product_sales", 0, "amount"),
    ("올해 세럼 카테고리 매출은?", "category_sales", 0, "amount"),
    ("올해 구매한 고객은 몇 명이야?", "buyers", 0, "count"),
    ("단골이 몇 명이야?", "loyal_customers", 0, "count"),
    ("90일 동안 안 산 고객은 몇 명이야?", "inactive_customers", 0, "count"),
    ("한 번도 구매 안 한 회원은 몇 명이야?", "never_bought", 0, "count"),
    ("VIP 회원은 몇 명이야?", "tier_members", 0, "count"),
    ("올해 3만원 이상 주문은 몇 건이야?", "amount_orders", 0, "count"),
    ("올해 별점 2점 이하 리뷰는 몇 개야?", "reviews_by_rating", 0, "count"),
    ("올해 리뷰 작성률은?", "review_write_rate", 1, "count"),
    ("쿠폰 사용률은?", "coupon_use_rate", 2, "count"),
    ("올해 할인 금액 합계는?", "discount_total", 1, "count"),
]


@pytest.fixture(scope="module")
def shop(small_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Services:
    return small_shop.services(tmp_path_factory.mktemp("rows"))


def computed(question: str, shop: Services) -> Computed:
    result = gather.computed(route(question), shop)
    assert isinstance(result, Computed), (question, result)
    return result


@pytest.mark.parametrize(("question", "key", "place", "how"), COUNTED)
def test_rows_reproduce_the_number(shop: Services, question: str, key: str, place: int, how: str) -> None:
    result = computed(question, shop)
    number = result.numbers[place]
    assert result.key == key and number.value > 0
    page = read_rows(number.rows, shop.lake, shop.mall, limit=MAX_ROWS)
    total = page.total if how == "count" else sum(row[how] for row in page.rows)
    assert (page.total, total) == (len(page.rows), number.value)
    assert len({tuple(row.values()) for row in page.rows}) == page.total  # none twice


def test_a_page_is_a_part_in_a_fixed_order(shop: Services) -> None:
    reference = computed("올해 주문은 몇 건이야?", shop).numbers[0].rows
    whole = read_rows(reference, shop.lake, shop.mall, limit=MAX_ROWS).rows
    pages = [read_rows(reference, shop.lake, shop.mall, offset=o, limit=7) for o in (0, 7)]
    assert pages[0].rows + pages[1].rows == whole[:14] and pages[0].total == len(whole)


def test_a_reference_is_short_and_holds_no_query(shop: Services) -> None:
    result = computed("2026년 3월 VIP 매출은?", shop)
    assert result.numbers[0].rows == "computed:tier_sales?end=2026-04-01&filters=tier&start=2026-03-01&tier=VIP"
    assert result.numbers[0].to_json()["rows"] == result.numbers[0].rows


@pytest.mark.parametrize(
    "reference",
    [
        "", "computed:", "computed:nothing", "computed:net_sales", "computed:net_sales?start=2026-01-01",
        "computed:net_sales?start=2026-01-01&end=yesterday",
        "computed:net_sales?start=2026-01-01&end=2026-02-01&tier=VIP",
        "computed:net_sales?start=2026-01-01&end=2026-02-01&filters=product&product=p1",
        "computed:net_sales?start=2026-01-01&end=2026-02-01&start=2025-01-01",
        "computed:net_sales?start=2026-01-01' OR true --&end=2026-02-01",
        "computed:amount_orders?start=2026-01-01&end=2026-02-01&low=NaN&high=1",
        "computed:amount_orders?start=2026-01-01&end=2026-02-01&low=0&high=1e400",
        "computed:inactive_customers?as_of_end=2026-01-01&days=many", "../../etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(shop: Services, reference: str) -> None:
    with pytest.raises(BadInput):
        read_rows(reference, shop.lake, shop.mall)


def test_a_value_is_only_ever_a_value(shop: Services) -> None:
    evil = "computed:tier_members?tier=VIP' OR '1'='1"
    assert read_rows(evil, shop.lake, shop.mall).total == 0


@pytest.mark.parametrize(("offset", "limit"), [(-1, 5), (0, 0), (0, MAX_ROWS + 1)])
def test_pages_are_bounded(shop: Services, offset: int, limit: int) -> None:
    with pytest.raises(BadInput):
        read_rows("computed:customer_count", shop.lake, shop.mall, offset=offset, limit=limit)


def test_rows_never_hold_what_a_person_is_known_by() -> None:
    allowed = {"order_id", "member_key", "product_no", "review_no", "issue_no", "order_line"}
    for aggregate in AGGREGATES.values():
        if aggregate.rows:
            assert aggregate.rows["of"] in allowed, aggregate.key
            assert not any(word in aggregate.rows["sql"] for word in ("content", "SELECT *")), aggregate.key
    assert sum(bool(a.rows) for a in AGGREGATES.values()) > 100


def test_the_command_prints_the_rows(shop: Services, tmp_path: Path) -> None:
    import json

    from click.testing import CliRunner

    from cafe24_pipelines.cli import main

    home = shop.lake.root.parent.parent
    reference = computed("올해 매출은?", shop).numbers[0].rows
    done = CliRunner().invoke(
        main, ["rows", reference, "--limit", "3", "--json", "--home", str(home), "--mall", "sandbox"]
    )
    assert done.exit_code == 0, done.output
    page = json.loads(done.stdout)
    assert page["of"] == "order_id" and len(page["rows"]) == 3 and page["total"] > 3
    assert date.fromisoformat(reference.rpartition("=")[2])
