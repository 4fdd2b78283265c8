"""Where paging loses rows: caps, busy seconds, rows that vanish between pages, filters that hide."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.sandbox.mall.extras import BUSY_DAY

Start = Callable[..., Any]


class Meddling:
    """A mall that does something just before it answers the n-th further page of a resource."""

    def __init__(self, mall: Any, resource: str, act: Callable[[Any], None], *, page: int = 1) -> None:
        self._mall, self._resource, self._act, self._page = mall, resource, act, page

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mall, name)

    def rows(self, resource: str, *args: Any, **more: Any) -> Any:
        if resource == self._resource and more.get("offset"):
            self._page -= 1
            if self._page == 0:
                self.where = more["where"]
                self._act(self._mall)
        return self._mall.rows(resource, *args, **more)


def put_at(mall: Any, orders: list[Any], when: Callable[[int], datetime]) -> None:
    """Give the n-th of some orders the date `when(n)`."""
    for n, order in enumerate(orders):
        mall.mall.put_override("orders", order["order_id"], {"order_date": when(n).isoformat()}, mall.now)


def refused(mall: Any) -> int:
    """Calls that were out of specification, such as an offset beyond the cap."""
    found: int = mall.server.control.state()["statuses"].get("422", 0)
    return found


def test_a_busy_day_is_read_within_the_servers_own_caps(rig: Start, smaller: Start, busy_path: Path) -> None:
    """Its busiest minute holds more orders than offsets reach, and so does one second of that minute."""
    mall = rig(path=busy_path, at=BUSY_DAY + timedelta(days=1), offset_caps={"orders": 30})
    orders = mall.mall.rows("orders", mall.now, where={"start": BUSY_DAY, "end": BUSY_DAY + timedelta(hours=2)})
    minute = BUSY_DAY + timedelta(minutes=17)
    put_at(mall, orders[:70], lambda n: minute + timedelta(seconds=30 if n < 45 else n % 60))
    mall.order["api_resources"] = smaller("orders", limit=10, offset_cap=30)
    report = mall.sync(["orders"], tuning={"target": 35})
    assert report.agreed, report.resources["orders"].open
    assert mall.wrong(["orders"]) == []
    assert max(w.landed for w in report.resources["orders"].windows) > 40, "one second held more than offsets reach"
    assert refused(mall) == 0


def test_the_server_refuses_what_its_caps_forbid(rig: Start, smaller: Start, busy_path: Path) -> None:
    """A client that believes in larger caps is told, and does not take what it got for all there is."""
    mall = rig(path=busy_path, at=BUSY_DAY + timedelta(days=1), offset_caps={"orders": 30})
    mall.order["api_resources"] = smaller("orders", limit=10, offset_cap=15000)
    report = mall.sync(["orders"])
    assert not report.agreed
    assert refused(mall) > 0


def test_a_day_beyond_the_offset_cap_is_read_in_parts(rig: Start, smaller: Start) -> None:
    mall = rig(offset_caps={"orders": 10})
    mall.order["api_resources"] = smaller("orders", limit=5, offset_cap=10)
    report = mall.sync(["orders"], tuning={"target": 12})
    assert report.agreed, report.rows()
    assert mall.wrong(["orders"]) == []
    assert max(w.landed for w in report.resources["orders"].windows) <= 12
    assert refused(mall) == 0


def oldest(mall: Any, count: int) -> list[Any]:
    """The oldest orders."""
    return sorted(mall.mall.all_rows("orders", mall.now), key=lambda r: r["order_date"])[:count]


def test_a_second_beyond_the_cap_is_read_along_something_else(rig: Start, smaller: Start) -> None:
    mall = rig(offset_caps={"orders": 30})
    orders = oldest(mall, 40)
    put_at(mall, orders, lambda n: datetime.fromisoformat(orders[0]["order_date"]))
    mall.order["api_resources"] = smaller("orders", limit=10, offset_cap=30)
    report = mall.sync(["orders"], tuning={"target": 20})
    assert report.agreed, [w for w in report.resources["orders"].windows if not w.agreed]
    assert mall.wrong(["orders"]) == []
    assert refused(mall) == 0


def test_a_second_that_cannot_be_cut_stays_open_and_is_told(rig: Start, smaller: Start) -> None:
    """Of that second nothing lands and nothing is removed; every other row does land, and no call is refused."""
    mall = rig(offset_caps={"orders": 12})
    orders = oldest(mall, 40)
    put_at(mall, orders, lambda n: datetime.fromisoformat(orders[0]["order_date"]))
    mall.order["api_resources"] = smaller("orders", limit=5, offset_cap=12)
    report = mall.sync(["orders"], tuning={"target": 15})
    assert not report.agreed
    assert [w.why for w in report.resources["orders"].open if "one second" in w.why]
    landed = mall.lake.of("orders").known()
    assert {r["order_id"] for r in mall.mall.all_rows("orders", mall.now)} - landed.keys() == {
        order["order_id"] for order in orders
    }
    assert refused(mall) == 0


def test_a_long_list_fills_the_bucket_of_its_api_and_no_more(rig: Start, smaller: Start) -> None:
    mall = rig()
    mall.order["api_resources"] = smaller("orders", limit=3)
    assert mall.sync(["orders"]).agreed
    state = mall.server.control.state()
    assert state["highest_level"]["GET orders"] in (38, 39)
    assert state["given_429"] == 0
    assert mall.wrong(["orders"]) == []


def test_an_order_deleted_between_two_pages_hides_no_other(rig: Start, smaller: Start) -> None:
    newest: list[str] = []

    def act(mall: Any) -> None:
        mall.put_override("orders", newest[0], None, rigged.now)

    rigged = rig(wrap=lambda mall: Meddling(mall, "orders", act))
    rows = sorted(rigged.mall.all_rows("orders", rigged.now), key=lambda r: r["order_date"])
    newest.append(rows[-1]["order_id"])
    rigged.order["api_resources"] = smaller("orders", limit=10)
    report = rigged.sync(["orders"], workers=1)
    assert report.agreed
    assert newest[0] not in rigged.lake.of("orders").known()
    assert rigged.wrong(["orders"]) == []


def test_one_deleted_and_one_added_between_two_pages_is_no_agreement(rig: Start, smaller: Start) -> None:
    """The counts before and after are equal, and so is the number of rows read; only the seam tells."""
    ids: list[dict[str, Any]] = []

    def act(mall: Any) -> None:
        mall.put_override("orders", ids[-1]["order_id"], None, rigged.now)
        mall.add_row("orders", {**ids[0], "order_id": "20990101-0000001"}, rigged.now)

    rigged = rig(wrap=lambda mall: Meddling(mall, "orders", act))
    ids += sorted(rigged.mall.all_rows("orders", rigged.now), key=lambda r: r["order_date"])
    rigged.order["api_resources"] = smaller("orders", limit=10)
    report = rigged.sync(["orders"], workers=1)
    assert report.agreed
    assert rigged.wrong(["orders"]) == []


def test_more_members_in_one_second_than_a_page_holds(rig: Start, smaller: Start) -> None:
    mall = rig()
    members = sorted(mall.mall.all_rows("customers_privacy", mall.now), key=lambda r: r["created_date"])
    for member in members[10:35]:
        change = {"created_date": members[10]["created_date"]}
        mall.mall.put_override("customers_privacy", member["member_id"], change, mall.now)
    mall.order["api_resources"] = smaller("customers_privacy", limit=7)
    report = mall.sync(["customers_privacy"])
    assert report.agreed, report.rows()
    assert mall.wrong(["customers_privacy"]) == []


def test_a_member_who_left_is_removed_before_the_daily_walk(rig: Start) -> None:
    mall = rig()
    mall.sync(["customers_privacy"])
    gone = next(iter(mall.mall.all_rows("customers_privacy", mall.now)))["member_id"]
    mall.mall.put_override("customers_privacy", gone, None, mall.now)
    report = mall.sync(["customers_privacy"])
    assert report.resources["customers_privacy"].removed == 1
    assert mall.wrong(["customers_privacy"]) == []


def test_an_order_that_a_listing_hides_is_kept(rig: Start) -> None:
    """Gone from lists and counts, but its own address still answers: that is no deletion."""
    hidden: list[str] = []

    class Hiding:
        def __init__(self, mall: Any) -> None:
            self._mall = mall

        def __getattr__(self, name: str) -> Any:
            return getattr(self._mall, name)

        def _shown(self, resource: str, where: Any) -> bool:
            return resource != "orders" or "order_id" in where or not hidden

        def rows(self, resource: str, *args: Any, **more: Any) -> Any:
            rows = self._mall.rows(resource, *args, **more)
            if self._shown(resource, more.get("where", {})):
                return rows
            return [r for r in rows if r["order_id"] not in hidden]

        def count(self, resource: str, *args: Any, **more: Any) -> int:
            if self._shown(resource, more.get("where", {})):
                return self._mall.count(resource, *args, **more)
            return len(self.rows(resource, *args, **more))

    mall = rig(wrap=Hiding)
    mall.sync(["orders"])
    key = sorted(mall.lake.of("orders").known())[5]
    hidden.append(key)
    report = mall.sync(["orders"])
    assert report.agreed
    assert report.resources["orders"].hidden == 1
    assert key in mall.lake.of("orders").known()
    assert mall.sync(["orders"]).resources["orders"].read < 200  # what is hidden is not looked for again and again


def test_wish_lists_and_carts_take_turns(rig: Start) -> None:
    mall = rig()
    names = ["products", "customers_privacy", "carts", "wish_lists"]
    budgets = {"carts": 50, "wish_lists": 20}
    first = mall.sync(names, tuning=budgets)
    assert first.agreed
    coverage = first.resources["wish_lists"].coverage
    assert (coverage.known, coverage.unknown) == (20, mall.lake.of("customers_privacy").count() - 20)
    for _ in range(3):
        mall.forward(days=1)
        last = mall.sync(names, tuning=budgets)
    assert last.resources["wish_lists"].coverage.unknown == 0
    assert last.resources["carts"].coverage.unknown == 0


# Issues of a coupon beyond the reach of offsets -----------------------------------------------------------------


def long_coupon(mall: Any) -> str:
    """The coupon with the most issues."""
    numbers = Counter(row["coupon_no"] for row in mall.mall.all_rows("coupon_issues", mall.now))
    coupon, issues = numbers.most_common(1)[0]
    assert issues > 20
    return str(coupon)


def lacking(coupon: str, *, page: int) -> Callable[[list[Any], dict[str, Any]], list[Any]]:
    """Rows as the mall gives them, but for the n-th page of a coupon: that one lacks two in its middle, once."""
    seen = iter(range(page))

    def change(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        if asked["where"].get("coupon_no") != coupon or "since_issue_no" not in asked["where"] or len(rows) < 5:
            return rows
        return rows if next(seen, None) is not None else [*rows[:1], *rows[3:]] if once() else rows

    taken = iter([True])

    def once() -> bool:
        return next(taken, False)

    return change


ISSUES = ["coupons", "coupon_issues"]


@pytest.fixture
def issues(odd: Start, smaller: Start) -> tuple[Any, Any]:
    """A mall whose offsets reach the eleventh issue of a coupon, in pages of five, and what serves it."""
    mall, served = odd("coupon_issues", offset_caps={"coupon_issues": 10})
    mall.order["api_resources"] = smaller("coupon_issues", limit=5, offset_cap=10)
    return mall, served


@pytest.mark.parametrize("target", [5_000, 8])
def test_a_page_that_lacks_issues_beyond_the_cap_removes_none(issues: tuple[Any, Any], target: int) -> None:
    mall, served = issues
    assert mall.sync(ISSUES, tuning={"target": target}).agreed
    served.change = lacking(long_coupon(mall), page=1)
    report = mall.sync(ISSUES, whole=True, tuning={"target": target})
    assert report.agreed
    assert report.resources["coupon_issues"].removed == 0
    assert mall.wrong(ISSUES) == []
    assert refused(mall) == 0


def test_a_page_that_lacks_issues_beyond_the_cap_hides_none(issues: tuple[Any, Any]) -> None:
    mall, served = issues
    served.change = lacking(long_coupon(mall), page=2)
    assert mall.sync(ISSUES).agreed
    assert mall.wrong(ISSUES) == []


def test_issues_deleted_beyond_the_cap_are_removed(issues: tuple[Any, Any]) -> None:
    mall, _ = issues
    mall.sync(ISSUES)
    coupon = long_coupon(mall)
    rows = [r["issue_no"] for r in mall.mall.all_rows("coupon_issues", mall.now) if r["coupon_no"] == coupon]
    for issue_no in (rows[1], rows[12]):
        mall.mall.put_override("coupon_issues", issue_no, None, mall.now)
    report = mall.sync(ISSUES, whole=True)
    assert report.agreed
    assert report.resources["coupon_issues"].removed == 2
    assert mall.wrong(ISSUES) == []


def test_a_list_that_never_reads_alike_stays_open_and_removes_nothing(issues: tuple[Any, Any]) -> None:
    mall, served = issues
    mall.sync(ISSUES)
    before, dice, coupon = mall.lake.of("coupon_issues").known(), random.Random(4), long_coupon(mall)

    def some(rows: list[Any], asked: dict[str, Any]) -> list[Any]:
        return [r for r in rows if r["coupon_no"] != coupon or dice.random() < 0.8]

    served.change = some
    report = mall.sync(ISSUES, whole=True)
    assert not report.agreed
    assert [w.why for w in report.resources["coupon_issues"].open if "two readings differ" in w.why]
    assert mall.lake.of("coupon_issues").known().keys() == before.keys()


# Rows that change while later pages are read --------------------------------------------------------------------


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("page", [1, 6])
def test_an_order_that_changes_status_between_two_pages_is_read_again(
    rig: Start, smaller: Start, dated: bool, page: int
) -> None:
    """Lists are newest first: the window's newest order was on its first page. One sync lands what the mall has."""
    changed: list[str] = []

    def act(mall: Any) -> None:
        order = mall.rows("orders", rigged.now, where=served[0].where, limit=1)[0]
        at = rigged.now.isoformat()
        status = {"order_status": "C40", "cancel_date": at} if dated else {"order_status": "N20"}
        change: dict[str, Any] = {"items": [{**item, **status} for item in order["items"]]}
        mall.put_override("orders", order["order_id"], change | ({"cancel_date": at} if dated else {}), rigged.now)
        changed.append(order["order_id"])

    served: list[Meddling] = []
    rigged = rig(wrap=lambda mall: served.append(Meddling(mall, "orders", act, page=page)) or served[0])
    rigged.order["api_resources"] = smaller("orders", limit=10)
    report = rigged.sync(["orders"], workers=1)
    assert report.agreed
    assert changed
    assert rigged.wrong(["orders"]) == []
