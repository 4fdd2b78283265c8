"""Reports and analytics: read until two readings are equal, at the price of little more than one."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cafe24_pipelines.sandbox.mall.mall import END

Start = Callable[..., Any]
DAYS = 60
TUNING = {"tuning": {"reports": DAYS}}
BY_DAY = ["visitors_view", "visitors_pageview"]
BY_PRODUCT = ["carts_action", "products_view", "products_sales"]


def wrong(mall: Any, names: list[str], since: datetime) -> list[str]:
    """How what landed differs from the mall's rows from that day on."""
    first = since.date().isoformat()
    found: list[str] = mall.wrong(names, keep=lambda row: row["date"][:10] >= first)
    return found


def calls(mall: Any, path: str) -> int:
    """How often an API was asked since the last time this was; counters begin anew."""
    found: int = mall.server.control.state()["calls"].get(f"GET {path}", 0)
    mall.server.control.reset()
    return found


class Shelf:
    """Views of some products on each day that is over, as a mall adds them up over the days that it is asked for."""

    def __init__(self, products: int = 13) -> None:
        self.products, self.page = range(1001, 1001 + products), 1_000
        self.corrected: dict[tuple[date, int], int] = {}
        self.until = date.max
        self.fault: Callable[[list[Any], int], list[Any]] = lambda rows, days: rows

    def views(self, day: date, product: int) -> int:
        return self.corrected.get((day, product), 1 + day.toordinal() * product % 7)

    def __call__(self, _rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        first, last = asked["where"]["start"].date(), min(asked["where"]["end"].date(), self.until)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        sums = {p: sum(self.views(day, p) for day in days) for p in self.products if days}
        rows = [{"product_no": p, "product_name": f"product {p}", "count": n} for p, n in sums.items()]
        begin = asked.get("offset", 0)
        return self.fault(rows[begin : begin + min(self.page, asked["limit"])], len(days))


@pytest.fixture
def shelf(odd: Start) -> tuple[Any, Shelf]:
    """A mall that serves such a list as `products_view`."""
    mall, served = odd("products_view")
    served.change = made = Shelf()
    made.until = (mall.now - timedelta(days=1)).date()
    return mall, made


def landed(mall: Any) -> dict[tuple[date, int], int]:
    """Views by day and product."""
    rows = mall.lake.of("products_view").scan()
    return {(date.fromisoformat(row["date"][:10]), row["product_no"]): row["count"] for row in rows}


def expected(mall: Any, shelf: Shelf, days: int) -> dict[tuple[date, int], int]:
    """The same as the mall has it of so many days."""
    every = [(mall.now - timedelta(days=n)).date() for n in range(1, days + 1)]
    return {(day, product): shelf.views(day, product) for day in every for product in shelf.products}


def lacking_two(at: int) -> Callable[[list[Any], Any], list[Any]]:
    """The n-th answer with rows enough lacks two in its middle; every other is as it should be."""
    left = iter(range(at + 1))

    def change(rows: list[Any], _asked: Any) -> list[Any]:
        if len(rows) < 5 or next(left, None) != at:
            return rows
        return [*rows[:2], *rows[4:]]

    return change


@pytest.mark.parametrize("at", [0, 1])
def test_an_answer_that_lacks_days_is_not_believed(odd: Start, at: int) -> None:
    mall, served = odd("visitors_view")
    served.change = lacking_two(at)
    assert mall.sync(["visitors_view"], **TUNING).agreed
    assert wrong(mall, ["visitors_view"], mall.now - timedelta(days=DAYS)) == []
    assert mall.lake.of("visitors_view").count() == DAYS


@pytest.mark.parametrize("at", [0, 1, 7, 32])
def test_a_day_that_lacks_products_is_not_believed(shelf: tuple[Any, Shelf], at: int) -> None:
    mall, served = shelf
    served.fault = lacking_two(at)
    assert mall.sync(["products_view"], **TUNING).agreed
    assert landed(mall) == expected(mall, served, DAYS)


def test_one_more_call_a_month_proves_the_days(rig: Start) -> None:
    mall = rig()
    began = mall.now - timedelta(days=DAYS)
    assert mall.sync(BY_PRODUCT, **TUNING).agreed
    assert calls(mall, "carts/action") <= DAYS + 1 + 2 * 4  # today, and by month: all of it, and what lies behind
    assert mall.sync(BY_PRODUCT, **TUNING).agreed
    assert calls(mall, "carts/action") <= 3, "what did not change is told by its sums"
    mall.forward(days=1)
    assert mall.sync(BY_PRODUCT, **TUNING).agreed
    assert calls(mall, "carts/action") <= 8, "today, yesterday twice, the day that leaves the look-back, the others"
    assert wrong(mall, BY_PRODUCT, began) == []


def test_a_month_without_a_row_is_not_read_day_by_day(odd: Start) -> None:
    mall, served = odd("carts_action")
    served.change = lambda rows, asked: []
    assert mall.sync(["carts_action"], **TUNING).agreed
    assert calls(mall, "carts/action") <= 1 + 2 * 2


def test_a_late_correction_within_the_look_back_is_found(shelf: tuple[Any, Shelf]) -> None:
    mall, served = shelf
    mall.sync(["products_view"], **TUNING)
    served.corrected[(mall.now - timedelta(days=11)).date(), 1003] = 50
    mall.server.control.reset()
    report = mall.sync(["products_view"], **TUNING)
    assert report.agreed
    assert report.resources["products_view"].changed == 1
    assert calls(mall, "products/view") < 20, "the day is found by halves"
    assert landed(mall) == expected(mall, served, DAYS)


def test_products_that_vanished_are_removed(shelf: tuple[Any, Shelf]) -> None:
    mall, served = shelf
    mall.sync(["products_view"], tuning={"reports": 8})
    served.products = range(1001, 1009)
    assert mall.sync(["products_view"], tuning={"reports": 8}).agreed
    assert landed(mall) == expected(mall, served, 8)


def test_lists_that_do_not_add_up_are_read_day_by_day(shelf: tuple[Any, Shelf]) -> None:
    """Should a mall show something else than sums over several days, that costs calls and nothing else."""
    mall, served = shelf
    served.fault = lambda rows, days: rows if days == 1 else [{**r, "count": 1} for r in rows]
    for _ in range(2):
        assert mall.sync(["products_view"], tuning={"reports": 10}).agreed
        assert landed(mall) == expected(mall, served, 10)


def test_a_cut_list_is_not_proven_by_another_cut_alike(shelf: tuple[Any, Shelf]) -> None:
    """A mall that gives fewer rows a page than it is asked for does so with the day and with the month."""
    mall, served = shelf
    served.products, served.page = range(1001, 1101), 60
    assert mall.sync(["products_view"], tuning={"reports": 6}).agreed
    assert landed(mall) == expected(mall, served, 6)


def test_today_changes_at_every_look_and_keeps_nothing_open(odd: Start) -> None:
    mall, served = odd("visitors_view", at=END - timedelta(days=60, hours=-13))
    seen = iter(range(1, 1000))
    today = mall.now.date()

    def with_today(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        if asked["where"]["end"].date() < today:
            return rows
        return [*rows, {"date": today.isoformat(), "visit_count": next(seen), "first_visit_count": 0,
                        "re_visit_count": 0}]  # fmt: skip

    served.change = with_today
    assert mall.sync(["visitors_view"], **TUNING).agreed
    assert mall.lake.of("visitors_view").count() == DAYS + 1
    served.change = None
    mall.forward(days=2)
    assert mall.sync(["visitors_view"], **TUNING).agreed
    assert wrong(mall, ["visitors_view"], mall.now - timedelta(days=DAYS + 2)) == []


def test_days_are_read_a_last_time_before_they_leave_the_look_back(odd: Start) -> None:
    """What was corrected when a day had 29 days behind it is found though nobody looked for weeks."""
    mall, served = odd("visitors_view")
    mall.sync(["visitors_view"], **TUNING)
    corrected = (mall.now - timedelta(days=29)).date().isoformat()
    served.change = lambda rows, asked: [{**r, "visit_count": 777} if r["date"] == corrected else r for r in rows]
    mall.forward(days=50)
    assert mall.sync(["visitors_view"], **TUNING).agreed
    assert mall.lake.of("visitors_view").body(f"1/{corrected}")["visit_count"] == 777


def test_months_of_pieces_sold_are_halved_until_they_can_be_paged(rig: Start, smaller: Start) -> None:
    mall = rig(approved=True, offset_caps={"product_sales": 20})
    mall.order["api_resources"] = smaller("product_sales", limit=10, offset_cap=20)
    since = (mall.now - timedelta(days=DAYS)).date().isoformat()
    report = mall.sync(["product_sales"], **TUNING)
    assert report.agreed, report.resources["product_sales"].open
    assert mall.wrong(["product_sales"], keep=lambda row: row["collection_date"][:10] >= since) == []
    assert "422" not in mall.server.control.state()["statuses"]
