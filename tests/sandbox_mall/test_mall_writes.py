"""What clients write lies over the mall from its moment on, through filters, counts and pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.sandbox.mall import building
from cafe24_pipelines.sandbox.mall.mall import END, START, SandboxMall

AT = END - timedelta(days=30)
BEFORE = AT - timedelta(seconds=1)


def test_a_deleted_order_is_gone_from_its_moment_on(mall: SandboxMall) -> None:
    rows = mall.rows("orders", AT)
    gone = rows[5]["order_id"]
    mall.put_override("orders", gone, None, AT)
    assert mall.rows("orders", BEFORE, where={"order_id": gone})
    assert not mall.rows("orders", AT, where={"order_id": gone})
    assert mall.count("orders", AT) == len(rows) - 1
    assert [r["order_id"] for r in mall.rows("orders", AT)] == [r["order_id"] for r in rows if r["order_id"] != gone]
    assert gone not in {r["order_id"] for r in mall.all_rows("orders", AT)}


def test_changed_and_added_rows_keep_pages_whole(mall: SandboxMall) -> None:
    rows = mall.rows("orders", AT)
    for k in (0, 1, 7, 50, len(rows) - 1):
        mall.put_override("orders", rows[k]["order_id"], {"shipping_status": "W"}, AT)
    mall.put_override("orders", rows[3]["order_id"], None, AT)
    mall.add_row("orders", {**rows[20], "order_id": "20261001-0999999"}, AT)
    whole = mall.rows("orders", AT)
    assert len(whole) == mall.count("orders", AT) == len(rows)
    assert [r["order_date"] for r in whole] == sorted((r["order_date"] for r in whole), reverse=True)
    for size in (7, 100, len(rows)):
        found = [r for k in range(0, len(rows) + size, size) for r in mall.rows("orders", AT, limit=size, offset=k)]
        assert [r["order_id"] for r in found] == [r["order_id"] for r in whole]
    assert sum(r["shipping_status"] == "W" for r in whole) == 5
    streamed = list(mall.all_rows("orders", AT))
    assert len([r for r in streamed if r["shop_no"] == 1]) == len(whole)


def test_a_change_moves_a_row_between_filters(mall: SandboxMall) -> None:
    row = mall.rows("orders", AT, where={"order_status": ["N50"]}, limit=1)[0]
    items = [{**item, "order_status": "R00"} for item in row["items"]]
    mall.put_override("orders", row["order_id"], {"items": items}, AT)
    asked = {r["order_id"] for r in mall.rows("orders", AT, where={"order_status": ["R00"]})}
    assert row["order_id"] in asked
    assert mall.count("orders", AT, where={"order_status": ["R00"]}) == len(asked)
    assert row["order_id"] not in {r["order_id"] for r in mall.rows("orders", AT, where={"order_status": ["N50"]})}


def test_members_are_one_in_both_resources(mall: SandboxMall) -> None:
    ids = [row["member_id"] for row in mall.rows("customers_privacy", AT, limit=3)]
    assert mall.move_members(4, [*ids, "nobody"], AT) == ids
    groups = {row["group_no"] for row in mall.rows("customers", AT, where={"member_id": ids})}
    assert groups == {4}
    mall.put_override("customers", ids[0], {"cellphone": "010-0000-1234", "sms": "T"}, AT)
    (open_row,) = mall.rows("customers", AT, where={"member_id": ids[0]})
    assert "cellphone" not in open_row
    assert open_row["sms"] == "T"
    (private,) = mall.rows("customers_privacy", AT, where={"member_id": ids[0]})
    assert private["cellphone"] == "010-0000-1234"
    written = [
        (number, fields["member_id"]) for _, number, fields in mall.events_between(BEFORE, AT) if number != 90032
    ]
    assert [(90144, m) for m in ids] == sorted(
        (w for w in written if w[0] == 90144 and w[1] in ids), key=lambda w: ids.index(w[1])
    )
    assert (90080, ids[0]) in written


def test_coupons_are_issued_above_all_others(mall: SandboxMall) -> None:
    coupon, ids = "6081125000000000014", [row["member_id"] for row in mall.rows("customers_privacy", END, limit=4)]
    last = mall.rows("coupon_issues", END, where={"coupon_no": coupon}, limit=1)[0]["issue_no"]
    assert mall.issue_coupon(coupon, [*ids, "nobody"], END) == 4
    assert mall.issue_coupon(coupon, ids[:1], END) == 1
    since = {"coupon_no": coupon, "since_issue_no": last}
    rows = mall.rows("coupon_issues", END, where=since)
    assert [int(r["issue_no"]) for r in rows] == sorted({int(r["issue_no"]) for r in rows})
    assert sorted(r["member_id"] for r in rows) == sorted([*ids, ids[0]])
    assert mall.count("coupon_issues", END, where={**since, "used_coupon": "F"}) == 5


def test_a_product_is_changed_in_one_shop_or_in_both(mall: SandboxMall) -> None:
    mall.put_override("products", "1010", {"price": "1.00", "shop_no": 1}, AT)
    mall.put_override("products", "1010", {"display": "F"}, AT)
    (one,), (two,) = (mall.rows("products", AT, shop_no=n, where={"product_no": 1010}) for n in (1, 2))
    assert (one["price"], one["display"]) == ("1.00", "F")
    assert (two["price"] == "1.00", two["display"]) == (False, "F")
    code = one["variants"][0]["variant_code"]
    mall.put_override("inventories", code, {"quantity": 3}, AT)
    assert mall.rows("inventories", AT, where={"variant_code": code})[0]["quantity"] == 3
    assert mall.rows("products", AT, where={"product_no": 1010})[0]["variants"][0]["quantity"] == 3
    assert mall.rows("variants", BEFORE, where={"variant_code": code})[0]["quantity"] != 3


def test_rows_without_a_key_can_be_added(mall: SandboxMall) -> None:
    row = mall.rows("points", AT, limit=1)[0]
    before = mall.count("points", AT)
    mall.add_row("points", {**row, "case": "A"}, AT)
    mall.add_row("points", {**row, "case": "D"}, AT)
    assert mall.count("points", AT) == before + 1
    assert len(mall.rows("points", AT)) == before + 1


def test_writes_outlive_the_process_and_reset_forgets_them(mall: SandboxMall, tmp_path: Path) -> None:
    gone = mall.rows("orders", AT, limit=1)[0]["order_id"]
    mall.put_override("orders", gone, None, AT)
    with closing(SandboxMall.open(mall.path, overlay=tmp_path / "writes")) as other:
        assert not other.rows("orders", AT, where={"order_id": gone})
        mall.put_override("orders", gone, {"paid": "T"}, AT)  # a write to what was deleted brings it back
        assert other.rows("orders", AT, where={"order_id": gone})
        mall.reset()
        assert other.rows("orders", AT, where={"order_id": gone})


def test_the_same_arguments_give_the_same_rows(built: Callable[..., Path], tmp_path: Path) -> None:
    first = SandboxMall.open(built(customers=60, seed=9, shops=2))
    second = SandboxMall.build(tmp_path / "again.mall", customers=60, seed=9, shops=2)
    for resource in ("orders", "customers_privacy", "articles", "points", "carts", "product_sales", "wish_lists"):
        for at in (END, START + timedelta(days=400, seconds=7)):
            assert list(first.all_rows(resource, at)) == list(second.all_rows(resource, at))
    other = SandboxMall.build(tmp_path / "other.mall", customers=60, seed=10, shops=2)
    assert list(first.all_rows("orders", END)) != list(other.all_rows("orders", END))


def test_a_finished_file_is_used_again_and_a_killed_build_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a" / "sandbox.mall"
    with pytest.raises(NotBuilt):
        SandboxMall.open(path)
    SandboxMall.build(path, customers=20, seed=1).close()
    made = path.stat().st_mtime_ns
    SandboxMall.build(path, customers=20, seed=1).put_override("orders", "x", None, END)
    assert path.stat().st_mtime_ns == made
    path.with_name(f"{path.name}.building").write_bytes(b"half a file")
    path.write_bytes(b"not a database")
    mall = SandboxMall.build(path, customers=20, seed=1)
    assert mall.count("customers", END) == 20
    assert building.arguments_of(path) == mall.arguments
    assert SandboxMall.build(path, customers=21, seed=1).count("customers", END) == 21


def test_a_build_refuses_what_makes_no_mall(tmp_path: Path) -> None:
    for wrong in ({"customers": 0}, {"seed": -1}, {"shops": 3}):
        with pytest.raises(ValueError, match="not"):
            SandboxMall.build(tmp_path / "x.mall", **wrong)
    assert SandboxMall.customers_for(10_000) == 3125


def test_threads_read_while_another_writes(mall: SandboxMall) -> None:
    ids = [row["order_id"] for row in mall.rows("orders", AT, limit=40)]
    whole = mall.count("orders", AT)

    def delete(order_id: str) -> int:
        mall.put_override("orders", order_id, None, AT)
        found = len(mall.rows("orders", AT))
        mall.close()
        return found

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(delete, ids))
    assert mall.count("orders", AT) == whole - len(ids)
    assert all(whole - len(ids) <= n < whole for n in counts)
