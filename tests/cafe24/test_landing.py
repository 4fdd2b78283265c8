"""The landing of whole folders: what reaches the lake, what never does, and that every line is accounted for."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.landing import across_the_privacy_line, land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.cafe24.privacy import Pseudonyms, pseudonyms
from cafe24_pipelines.errors import BadInput, ConfigError, NotBuilt
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.stores.lake import Lake


def test_a_folder_lands_typed_in_utc_with_exact_money(shop) -> None:
    report = shop.land()
    orders = {o["order_id"]: o for o in shop.lake.read("orders").to_pylist()}
    assert orders["O1"]["ordered_at"] == datetime(2024, 3, 1, 1, 0, tzinfo=UTC)  # 10:00 in Seoul
    assert orders["O1"]["paid_amount"] == Decimal("30000.0000")
    assert (orders["O1"]["status"], orders["O2"]["status"]) == ("paid", "delivered")
    assert orders["O1"]["currency"] == "KRW"
    lines = [
        (i["order_id"], i["line_no"], i["product_no"], i["amount"]) for i in shop.lake.read("order_items").to_pylist()
    ]
    assert lines == [("O1", 1, "P1", 20000), ("O1", 2, "P2", 10000), ("O2", 1, "P1", 5000)]
    assert report.changed and report.quarantined == 0
    assert report.reconciliation is not None and report.reconciliation.balanced


def test_members_are_hashed_and_guests_stay_guests(shop) -> None:
    shop.land()
    keys = [o["member_key"] for o in shop.lake.read("orders").to_pylist()]
    assert keys == [pseudonyms(shop.settings, "myshop").of("kim01"), None]
    assert "kim01" not in _everything_under(shop.settings.home.root)


def test_personal_columns_of_the_file_never_leave_it(shop) -> None:
    shop.write(
        "customers.csv",
        "member_id,created_at,group_name,name,phone,email",
        "kim01,2023-01-01,VIP,김하늘,010-1234-5678,sky@example.com",
        "lee02,언젠가,일반,이바다,010-9876-5432,sea@example.com",
    )
    report = shop.land()
    everything = _everything_under(shop.settings.home.root) + json.dumps(report.to_json(), ensure_ascii=False)
    for personal in ("김하늘", "이바다", "1234-5678", "9876-5432", "example.com", "lee02", "kim01"):
        assert personal not in everything
    account = next(f for f in report.reconciliation.files if f.resource == "customers")
    assert account.not_landed == ["name", "phone", "email"]
    (held,) = shop.quarantine()
    assert json.loads(held["row"])["member_key"] == pseudonyms(shop.settings, "myshop").of("lee02")


def test_free_text_is_masked(shop) -> None:
    shop.items("O1,P1,각인 010-1234-5678 hello@shop.kr,주방,2,10000")
    shop.write("reviews.csv", "review_no,product_no,member_id,content,created_at",
               "R1,P1,kim01,전화 주세요 010-2222-3333,2024-03-05",
               "R2,,kim01,제 번호 010-4444-5555,2024-03-05")  # fmt: skip
    shop.land()
    assert shop.lake.read("order_items")["product_name"].to_pylist() == ["각인 [전화번호] [이메일]"]
    assert shop.lake.read("reviews")["content"].to_pylist() == ["전화 주세요 [전화번호]"]
    (held,) = shop.quarantine()
    assert "content" not in json.loads(held["row"]) and "010" not in held["row"]


def test_tiers_get_a_stable_number(shop) -> None:
    shop.write("customers.csv", "member_id,created_at,group_name", "kim01,2023-01-01,VIP", "lee02,,일반", "park03,,")
    shop.land()
    first = {g["group_name"]: g["group_no"] for g in shop.lake.read("customer_groups").to_pylist()}
    members = shop.lake.read("customers")
    assert sorted(n for n in members["group_no"].to_pylist() if n) == sorted(first.values())
    shop.write("customers.csv", "member_id,created_at,group_name", "lee02,,일반", "kim01,2023-01-01,VIP", "park03,,")
    again = shop.land()
    assert not again.changed
    assert set(first) == {"VIP", "일반"}


def test_landing_again_changes_nothing_and_a_later_period_adds(shop) -> None:
    shop.land()
    digest = shop.lake.digest()
    assert not shop.land().changed and shop.lake.digest() == digest
    shop.orders("O2,,2024-03-02 09:30,5000,취소", "O3,kim01,2024-04-01,7000,결제완료")
    shop.items("O2,P1,머그컵,주방,1,5000", "O3,P9,컵,주방,1,7000")
    shop.land()
    status = {o["order_id"]: o["status"] for o in shop.lake.read("orders").to_pylist()}
    assert status == {"O1": "paid", "O2": "cancelled", "O3": "paid"}
    assert shop.lake.counts() == {"orders": 3, "order_items": 4}


def test_events_have_an_id_of_their_content(shop) -> None:
    lines = ["kim01,조회,P1,2024-03-01 09:00", "kim01,cart,P1,2024-03-01 09:01", "kim01,view,P1,2024-03-01 09:00"]
    shop.write("events.csv", "member_id,event,product_no,at", *lines, ",hover,P1,2024-03-01")
    report = shop.land()
    account = next(f for f in report.reconciliation.files if f.resource == "events")
    assert (account.landed, account.merged, account.quarantined) == (2, 1, 1)
    ids = shop.lake.read("events")["event_id"].to_pylist()
    shop.write("events.csv", "member_id,event,product_no,at", *reversed(lines))
    shop.land()
    assert shop.lake.read("events")["event_id"].to_pylist() == ids


def test_products_land_with_flags_and_currency(shop) -> None:
    shop.write("products.csv", "product_no,product_name,price,selling,stock_quantity,created_at",
               "P1,머그컵,10000,T,3,2023-01-01", "P2,접시,-1,F,0,2023-01-01")  # fmt: skip
    shop.land()
    (product,) = shop.lake.read("products").to_pylist()
    assert (product["selling"], product["stock_quantity"], product["currency"]) == (True, 3, "KRW")
    assert [q["reason"] for q in shop.quarantine()] == ["price is negative"]


def test_the_sandbox_lands_whole_without_a_personal_word(shop) -> None:
    lake = Lake(shop.settings.home.lake).mall("sandbox")
    small = replace(shop.settings, sandbox_customers=60)
    report = land_shop(Mall("sandbox"), lake, small)
    raw = sandbox_tables(customers=60, seed=small.sandbox_seed)
    assert {n: t.num_rows for n, t in raw.items()} == {n: landed.rows for n, landed in report.landed.items()}
    written = _everything_under(small.home.lake)
    for column in ("member_id", "name", "email", "cellphone"):
        if column in raw["customers"].column_names:
            assert not [v for v in raw["customers"][column].to_pylist() if v and str(v) in written]
    assert not land_shop(Mall("sandbox"), lake, small).changed and report.reconciliation is None


def test_a_mall_of_the_api_that_was_never_synced_says_what_to_do(shop) -> None:
    with pytest.raises(NotBuilt, match=r"nothing has been landed.*cafe24 sync --mall myshop"):
        land_shop(Mall("myshop", "api"), shop.lake, shop.settings)


def test_a_real_shop_can_not_take_the_sandboxs_public_key(shop) -> None:
    with pytest.raises(ConfigError, match="invented members"):
        shop.land("sandbox")


def test_nothing_lands_from_a_folder_of_which_one_file_is_bad(shop) -> None:
    shop.write("products.csv", "product_no,price", "P1,10000")
    with pytest.raises(BadInput, match=r"products\.csv: the column 'product_name' is missing"):
        shop.land()
    assert shop.lake.counts() == {}


def test_a_shop_of_which_no_order_lands_is_an_error_with_its_reasons(shop) -> None:
    shop.orders("O1,kim01,언제,30000,결제완료")
    with pytest.raises(BadInput, match=r"not one order.*ordered_at is not a date"):
        shop.land()
    assert len(shop.quarantine()) == 4  # the order and its three lines


def test_progress_and_report_rows_name_every_table(shop) -> None:
    seen: list[str] = []
    rows = shop.land(progress=seen.append).rows()
    assert any(s.startswith("orders.csv: 2 rows") for s in seen)
    assert {what for where, what, _ in rows if where == "lake"} == {"orders", "order_items", "quarantined"}


def test_the_privacy_line_drops_whatever_is_personal() -> None:
    raw = pa.table(
        {"member_id": ["a", None, "a"], "name": ["x"] * 3, "email": ["x@y.kr"] * 3, "region": ["서울"] * 3}
    )
    safe = across_the_privacy_line("customers", raw, Pseudonyms(b"k"))
    assert sorted(safe.column_names) == ["member_key", "region"]
    first, guest, again = safe["member_key"].to_pylist()
    assert first == again and guest is None and first != "a"
    empty = across_the_privacy_line("customers", raw.slice(0, 0), Pseudonyms(b"k"))
    assert empty.num_rows == 0


def test_importing_the_landing_is_cheap() -> None:
    code = (
        "import sys, cafe24_pipelines.cafe24.landing, cafe24_pipelines.cafe24.csv_import.shop;"
        "print([m for m in ('numpy', 'pyarrow', 'pandas', 'yaml', 'dagster') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )


def _everything_under(root: Path) -> str:
    """All text below a folder, Parquet decoded into rows."""
    import pyarrow.parquet as pq

    parts = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        parts.append(
            str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text(errors="replace")
        )
    return "\n".join(parts)
