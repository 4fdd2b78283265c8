"""Where paging loses rows: caps, busy seconds, rows that vanish between pages, filters that hide."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES

Start = Callable[..., Any]


def smaller(name: str, **facts: Any) -> dict[str, Any]:
    """The resources with other limits for one of them."""
    return {**RESOURCES, name: replace(RESOURCES[name], **facts)}


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
                self._act(self._mall)
        return self._mall.rows(resource, *args, **more)


def test_a_day_beyond_the_offset_cap_is_read_in_parts(rig: Start) -> None:
    mall = rig()
    mall.order["api_resources"] = smaller("orders", limit=5, offset_cap=10)
    report = mall.sync(["orders"], tuning={"target": 12})
    assert report.agreed, report.rows()
    assert mall.wrong(["orders"]) == []
    assert max(w.landed for w in report.resources["orders"].windows) <= 12


def _same_second(mall: Any, count: int) -> None:
    orders = sorted(mall.mall.all_rows("orders", mall.now), key=lambda r: r["order_date"])[:count]
    for order in orders:
        mall.mall.put_override("orders", order["order_id"], {"order_date": orders[0]["order_date"]}, mall.now)


def test_a_second_beyond_the_cap_is_read_along_something_else(rig: Start) -> None:
    mall = rig()
    _same_second(mall, 40)
    mall.order["api_resources"] = smaller("orders", limit=10, offset_cap=30)
    report = mall.sync(["orders"], tuning={"target": 20})
    assert report.agreed, [w for w in report.resources["orders"].windows if not w.agreed]
    assert mall.wrong(["orders"]) == []


def test_a_second_that_cannot_be_cut_stays_open_and_is_told(rig: Start) -> None:
    mall = rig()
    _same_second(mall, 40)
    mall.order["api_resources"] = smaller("orders", limit=5, offset_cap=12)
    report = mall.sync(["orders"], tuning={"target": 15})
    assert not report.agreed
    assert [w.why for w in report.resources["orders"].open if "one second" in w.why]
    others = mall.lake.of("orders").count()
    assert others == sum(1 for _ in mall.mall.all_rows("orders", mall.now)) - 40


def test_an_order_deleted_between_two_pages_hides_no_other(rig: Start) -> None:
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


def test_one_deleted_and_one_added_between_two_pages_is_no_agreement(rig: Start) -> None:
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


def test_more_members_in_one_second_than_a_page_holds(rig: Start) -> None:
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
