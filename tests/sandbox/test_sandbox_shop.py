"""The sandbox shop as data: complete, consistent, repeatable, Korean, and full of personal fields."""

import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.privacy import PERSONAL_COLUMNS, mask_text
from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.sandbox.generator import sandbox_latent, sandbox_tables
from cafe24_pipelines.sandbox.truth import INJECTIONS
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

Shop = dict[str, pa.Table]


def count(lake: MallLake, sql: str) -> int:
    return lake.query(f"SELECT count(*) AS n FROM ({sql})")["n"][0].as_py()


def bytes_of(shop: Shop) -> str:
    h = hashlib.sha256()
    for name in sorted(shop):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, shop[name].schema) as writer:
            writer.write_table(shop[name].combine_chunks())
        h.update(sink.getvalue())
    return h.hexdigest()


# -- shape ---------------------------------------------------------------------------------------------------


def test_sizes_and_two_years(raw_shop: Shop, sandbox_lake: MallLake) -> None:
    assert set(raw_shop) == set(SHOP_TABLES)
    assert raw_shop["customers"].num_rows == 2400
    assert raw_shop["orders"].num_rows >= 6000
    assert 110 <= raw_shop["products"].num_rows <= 130
    assert raw_shop["reviews"].num_rows > 1500
    row = sandbox_lake.query(
        "SELECT min(ordered_local)::DATE AS a, max(ordered_local)::DATE AS z, "
        "count(DISTINCT strftime(ordered_local, '%Y-%m')) AS months, max(ordered_local) AS last FROM order_facts"
    ).to_pylist()[0]
    assert (str(row["a"]), str(row["z"]), row["months"]) == ("2024-11-01", "2026-10-31", 24)
    assert count(sandbox_lake, "SELECT 1 FROM events e WHERE e.at >= TIMESTAMPTZ '2026-10-31 15:00:00+00'") == 0
    assert count(sandbox_lake, "SELECT 1 FROM customers WHERE last_login_at < created_at") == 0


def test_columns_are_those_of_the_lake_plus_personal_ones(raw_shop: Shop) -> None:
    for name, rows in raw_shop.items():
        expected = {"member_id" if c.name == "member_key" else c.name: c for c in TABLES[name].columns[1:]}
        extra = set(rows.column_names) - set(expected)
        assert extra <= PERSONAL_COLUMNS, name
        for column, spec in expected.items():
            assert rows.schema.field(column).type == spec.type, (name, column)
            if not spec.nullable:
                assert rows[column].null_count == 0, (name, column)
            if spec.allowed:
                assert set(rows[column].unique().to_pylist()) - {None} <= set(spec.allowed)
        rows.validate(full=True)


def test_it_lands_in_the_lake(raw_shop: Shop, sandbox_lake: MallLake) -> None:
    """Landing casts to the lake's schema and rejects repeated keys, so this proves both."""
    assert sandbox_lake.counts() == {name: rows.num_rows for name, rows in raw_shop.items()}


@pytest.mark.parametrize("customers", [1, 2, 50, 300])
def test_small_shops_are_whole(customers: int) -> None:
    for seed in (0, 1, 20260401):
        shop = sandbox_tables(customers=customers, seed=seed)
        assert shop["customers"].num_rows == customers
        assert set(shop) == set(SHOP_TABLES)
        orders = set(shop["orders"]["order_id"].to_pylist())
        assert set(shop["order_items"]["order_id"].to_pylist()) == orders
        if customers >= 50:
            texts = " ".join(shop["reviews"]["content"].to_pylist())
            assert INJECTIONS[0] in texts
            assert mask_text(texts).count("[전화번호]") >= 1
            assert mask_text(texts).count("[이메일]") >= 1
            assert "VIP" in shop["customer_groups"]["group_name"].to_pylist()
            assert "4" in shop["customers"]["group_no"].to_pylist()


def test_senseless_arguments_are_refused() -> None:
    for arguments in ({"customers": 0, "seed": 1}, {"customers": 10, "seed": -1}):
        with pytest.raises(ValueError, match="at least"):
            sandbox_tables(**arguments)


# -- repeatable ----------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_whatever_the_hash_order() -> None:
    here = bytes_of(sandbox_tables(customers=300, seed=5))
    assert here == bytes_of(sandbox_tables(customers=300, seed=5))
    assert here != bytes_of(sandbox_tables(customers=300, seed=6))
    program = (
        "import hashlib, pyarrow as pa\nfrom cafe24_pipelines.sandbox.generator import sandbox_tables\n"
        "h = hashlib.sha256()\nshop = sandbox_tables(customers=300, seed=5)\n"
        "for name in sorted(shop):\n"
        "    sink = pa.BufferOutputStream()\n"
        "    with pa.ipc.new_stream(sink, shop[name].schema) as writer:\n"
        "        writer.write_table(shop[name].combine_chunks())\n"
        "    h.update(sink.getvalue())\n"
        "print(h.hexdigest())"
    )
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == here


def test_importing_costs_nothing() -> None:
    program = (
        "import sys, cafe24_pipelines.sandbox.generator, cafe24_pipelines.sandbox.truth\n"
        "print([m for m in ('numpy', 'pyarrow', 'pandas', 'duckdb') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_fifty_thousand_customers_order_as_much_each_as_a_few() -> None:
    shop = sandbox_tables(customers=50_000, seed=3)
    assert 2.5 < shop["orders"].num_rows / 50_000 < 4.5


# -- consistent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("item without order", "SELECT 1 FROM order_items ANTI JOIN orders USING (order_id)"),
        ("order without items", "SELECT 1 FROM orders ANTI JOIN order_items USING (order_id)"),
        ("item of no product", "SELECT 1 FROM order_items ANTI JOIN products USING (product_no)"),
        (
            "item that differs from its product",
            "SELECT 1 FROM order_items i JOIN products p USING (product_no) WHERE i.product_name <> p.product_name "
            "OR i.category <> p.category OR i.unit_price <> p.price",
        ),
        ("product of no category", "SELECT 1 FROM products ANTI JOIN categories USING (category_no)"),
        (
            "category whose parent is missing",
            "SELECT 1 FROM categories c WHERE parent_category_no IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM categories p WHERE p.category_no = c.parent_category_no)",
        ),
        (
            "order of an unknown member",
            "SELECT 1 FROM orders ANTI JOIN customers USING (member_key) WHERE member_key IS NOT NULL",
        ),
        ("member of no tier", "SELECT 1 FROM customers ANTI JOIN customer_groups USING (group_no)"),
        (
            "order before joining",
            "SELECT 1 FROM orders o JOIN customers c USING (member_key) WHERE o.ordered_at <= c.created_at",
        ),
        ("amount that is not quantity x price", "SELECT 1 FROM order_items WHERE amount <> quantity * unit_price"),
        (
            "paid amount that does not add up",
            "SELECT 1 FROM orders o JOIN (SELECT order_id, sum(amount) AS goods FROM order_items GROUP BY 1) i "
            "USING (order_id) WHERE paid_amount <> CASE WHEN status = 'cancelled' THEN 0 "
            "ELSE goods - discount_amount + shipping_fee END",
        ),
        ("money out of range", "SELECT 1 FROM orders WHERE paid_amount < 0 OR discount_amount < 0"),
        ("discount without coupon", "SELECT 1 FROM orders WHERE (discount_amount > 0) <> (coupon_no IS NOT NULL)"),
        (
            "used coupon whose order does not name it",
            "SELECT 1 FROM coupon_issues c LEFT JOIN orders o ON o.order_id = c.used_order_id "
            "WHERE used_order_id IS NOT NULL AND (o.coupon_no IS DISTINCT FROM c.coupon_no "
            "OR o.member_key IS DISTINCT FROM c.member_key OR o.ordered_at <> c.used_at OR c.used_at <= c.issued_at)",
        ),
        (
            "order with a coupon that nobody used",
            "SELECT 1 FROM orders o WHERE coupon_no IS NOT NULL AND (SELECT count(*) FROM coupon_issues c "
            "WHERE c.used_order_id = o.order_id AND c.coupon_no = o.coupon_no) <> 1",
        ),
        ("half-used coupon", "SELECT 1 FROM coupon_issues WHERE (used_at IS NULL) <> (used_order_id IS NULL)"),
        (
            "review by someone who did not buy it, or before delivery",
            "SELECT 1 FROM reviews r LEFT JOIN orders o USING (order_id) LEFT JOIN order_items i "
            "ON i.order_id = r.order_id AND i.product_no = r.product_no WHERE i.order_id IS NULL "
            "OR r.member_key IS NULL OR r.member_key <> o.member_key "
            "OR o.delivered_at IS NULL OR r.created_at <= o.delivered_at",
        ),
        ("delivery before the order", "SELECT 1 FROM orders WHERE delivered_at <= ordered_at"),
        (
            "delivery of what was never sent",
            "SELECT 1 FROM orders "
            "WHERE (delivered_at IS NULL) <> (status IN ('unpaid', 'paid', 'shipping', 'cancelled'))",
        ),
        (
            "event before joining",
            "SELECT 1 FROM events e JOIN customers c USING (member_key) WHERE e.at < c.created_at",
        ),
        (
            "bought line without an earlier view and cart",
            "SELECT 1 FROM order_items i JOIN orders o USING (order_id) WHERE o.member_key IS NOT NULL AND NOT ("
            "EXISTS (SELECT 1 FROM events e WHERE e.member_key = o.member_key AND e.product_no = i.product_no "
            "AND e.event = 'view' AND e.at < o.ordered_at) AND "
            "EXISTS (SELECT 1 FROM events e WHERE e.member_key = o.member_key AND e.product_no = i.product_no "
            "AND e.event = 'cart' AND e.at < o.ordered_at))",
        ),
        (
            "paid line without a purchase event",
            "SELECT 1 FROM order_items i JOIN orders o USING (order_id) ANTI JOIN (SELECT p.product_no, p.at, "
            "p.member_key AS m FROM events p WHERE event = 'purchase') e ON e.product_no = i.product_no "
            "AND e.at = o.ordered_at AND e.m IS NOT DISTINCT FROM o.member_key WHERE o.status <> 'unpaid'",
        ),
    ],
)
def test_nothing_contradicts(sandbox_lake: MallLake, what: str, sql: str) -> None:
    assert count(sandbox_lake, sql) == 0, what


def test_order_ids_have_the_local_date(raw_shop: Shop) -> None:
    orders = raw_shop["orders"].select(["order_id", "ordered_at"]).to_pylist()
    for row in orders:
        assert re.fullmatch(r"\d{8}-\d{7}", row["order_id"])
        assert row["order_id"][:8] == (row["ordered_at"].astimezone(UTC) + timedelta(hours=9)).strftime("%Y%m%d")
    ids = [row["order_id"] for row in sorted(orders, key=lambda r: r["ordered_at"])]
    assert ids == sorted(ids)


def test_shares_are_those_of_a_plausible_shop(sandbox_lake: MallLake) -> None:
    row = sandbox_lake.query(
        "SELECT avg((member_key IS NULL)::INT) AS guest, avg((status = 'cancelled')::INT) AS cancelled, "
        "avg((status = 'returned')::INT) AS returned, avg((status = 'exchanged')::INT) AS exchanged, "
        "avg((status = 'unpaid')::INT) AS unpaid FROM orders"
    ).to_pylist()[0]
    assert row["guest"] == pytest.approx(0.12, abs=0.001)
    assert row["cancelled"] == pytest.approx(0.04, abs=0.012)
    assert row["returned"] == pytest.approx(0.03, abs=0.01)
    assert 0.005 < row["exchanged"] < 0.02
    assert 0.005 < row["unpaid"] < 0.02
    counts = sandbox_lake.query(
        "SELECT n, count(*) AS m FROM (SELECT count(o.order_id) AS n FROM customers c "
        "LEFT JOIN orders o USING (member_key) GROUP BY c.member_key) GROUP BY n"
    ).to_pydict()
    by_orders = dict(zip(counts["n"], counts["m"], strict=True))
    assert 0.05 < by_orders[0] / 2400 < 0.15, "some members never buy"
    assert 0.25 < by_orders[1] / (2400 - by_orders[0]) < 0.65, "many buy once"


# -- Korean --------------------------------------------------------------------------------------------------


def test_names_and_texts_are_korean(raw_shop: Shop) -> None:
    names = raw_shop["customers"]["name"].to_pylist()
    assert all(re.fullmatch(r"[가-힣]{3,4}", n) for n in names)
    kims = sum(n.startswith("김") for n in names) / len(names)
    assert 0.17 < kims < 0.28, "Kim is about a fifth of Korea"
    assert all(re.search(r"[가-힣]", n) for n in raw_shop["products"]["product_name"].to_pylist())
    texts = raw_shop["reviews"]["content"].to_pylist()
    assert all(re.search(r"[가-힣]", t) for t in texts)
    for topic in ("배송", "품질", "향", "포장", "사이즈"):
        assert sum(topic in t for t in texts) > 30, topic
    lengths = sorted(map(len, texts))
    assert lengths[0] < 15 and lengths[-1] > 80
    assert len(set(texts)) > 0.6 * len(texts)
    assert all(p % 100 == 0 for p in raw_shop["products"]["price"].to_pylist()), "won, in round hundreds"


def test_category_tree_has_two_to_three_levels(raw_shop: Shop) -> None:
    parents = {r["category_no"]: r["parent_category_no"] for r in raw_shop["categories"].to_pylist()}

    def depth(number: str) -> int:
        return 1 if parents[number] is None else 1 + depth(parents[number])

    assert {depth(n) for n in parents} == {1, 2, 3}


def test_the_year_has_a_korean_shape(sandbox_lake: MallLake) -> None:
    daily = "SELECT strftime(ordered_local, '%Y-%m-%d') AS day, count(*) AS n FROM order_facts GROUP BY 1"
    days = {row["day"]: row["n"] for row in sandbox_lake.query(daily).to_pylist()}
    usual = sorted(days.values())[len(days) // 2]
    fridays = ("2024-11-29", "2024-11-30", "2024-12-01", "2025-11-28", "2025-11-29", "2025-11-30")
    assert days["2025-11-11"] > 1.5 * usual
    assert sum(days[d] for d in fridays) / len(fridays) > 1.3 * usual
    feasts = ("2025-01-28", "2025-01-29", "2025-10-05", "2025-10-06", "2026-02-16", "2026-02-17", "2026-09-25")
    assert sum(days.get(d, 0) for d in feasts) / len(feasts) < 0.75 * usual
    hours = sandbox_lake.query(
        "SELECT hour(ordered_local) AS h, count(*) AS n FROM order_facts GROUP BY 1"
    ).to_pydict()
    by_hour = dict(zip(hours["h"], hours["n"], strict=True))
    assert by_hour[21] > 5 * by_hour[4], "evenings are busy, nights are not"
    weekdays = "SELECT avg((isodow(ordered_local) = 6)::INT) * 7 AS w FROM order_facts"
    assert sandbox_lake.query(weekdays)["w"][0].as_py() < 0.95, "Saturdays are quiet"
    sundays = "SELECT 1 FROM orders WHERE isodow(delivered_at AT TIME ZONE 'Asia/Seoul') = 7"
    assert count(sandbox_lake, sundays) == 0, "no parcels on Sundays"


# -- raw -----------------------------------------------------------------------------------------------------


def test_personal_fields_are_raw_and_nobody_real(raw_shop: Shop) -> None:
    customers = raw_shop["customers"]
    assert {"member_id", "name", "cellphone", "email", "address1", "birthday", "zipcode"} <= set(
        customers.column_names
    )
    assert all(re.fullmatch(r"010-0\d{3}-\d{4}", p) for p in customers["cellphone"].to_pylist())
    assert all(e.split("@")[1].startswith("example.") for e in customers["email"].to_pylist())
    assert len(set(customers["member_id"].to_pylist())) == len(set(customers["email"].to_pylist())) == 2400
    births = [datetime.fromisoformat(b).year for b in customers["birthday"].to_pylist()]
    assert min(births) >= 1950 and max(births) <= 2011
    assert {"buyer_name", "buyer_email", "buyer_cellphone", "receiver_name"} <= set(raw_shop["orders"].column_names)
    assert raw_shop["orders"]["buyer_name"].null_count == 0, "guests have names too"
    assert {"writer", "writer_email", "client_ip"} <= set(raw_shop["reviews"].column_names)


def test_some_reviews_hold_personal_data_and_two_give_orders(raw_shop: Shop) -> None:
    texts = raw_shop["reviews"]["content"].to_pylist()
    assert sum(bool(re.search(r"010-\d{4}-\d{4}", t)) for t in texts) >= 10
    assert sum("@" in t for t in texts) >= 10
    masked = [mask_text(t) for t in texts]
    assert not any(re.search(r"010-\d{4}-\d{4}|@", t) for t in masked)
    assert [sum(sentence in t for t in texts) for sentence in INJECTIONS] == [1, 1]


# -- latent --------------------------------------------------------------------------------------------------


def test_latent_truth_belongs_to_the_same_members(raw_shop: Shop) -> None:
    latent = sandbox_latent(seed=20260401)
    assert latent["member_id"].to_pylist() == raw_shop["customers"]["member_id"].to_pylist()
    orders: dict[str, list[datetime]] = {}
    for row in raw_shop["orders"].select(["member_id", "ordered_at"]).to_pylist():
        orders.setdefault(row["member_id"], []).append(row["ordered_at"])
    devoted: list[int] = []
    others: list[int] = []
    for row in latent.to_pylist():
        mine = orders.get(row["member_id"], [])
        (devoted if row["devoted"] else others).append(len(mine))
        if not row["buyer"]:
            assert not mine and row["left_at"] is None
        elif row["left_at"] is not None:
            assert max(mine) == row["left_at"], "who left, left with the last order"
    assert sum(devoted) / len(devoted) > 2.5 * sum(others) / len(others)
