"""A model's SQL: what is run gives its figures, and hostile statements are refused or harmless."""
# ruff: noqa: E501

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.free_query import MAX_ROWS, TABLES, Rejected, checked, run_free_query

HOSTILE = [
    "", " ", ";", "SELECT 1; SELECT 2", "SELECT count(*) FROM orders; DROP TABLE orders", "SELECT 1",
    "SELECT count(*) FROM orders; COPY orders TO 'x.csv'", "COPY orders TO 'x.csv'", "ATTACH 'x.db'", "INSTALL httpfs",
    "LOAD httpfs", "PRAGMA database_list", "SET enable_external_access = true", "RESET ALL", "CALL pragma_version()",
    "EXPLAIN SELECT count(*) FROM orders", "EXPLAIN ANALYZE SELECT count(*) FROM orders", "DESCRIBE orders", "SHOW TABLES",
    "SUMMARIZE orders", "CHECKPOINT", "VACUUM", "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'", "USE main",
    "CREATE TABLE t AS SELECT 1", "CREATE MACRO f(x) AS x", "INSERT INTO orders VALUES (1)", "DELETE FROM orders",
    "UPDATE orders SET status = 'x'", "DROP VIEW orders", "PREPARE p AS SELECT 1", "BEGIN", "FROM orders",
    "SELECT * FROM orders", "SELECT orders FROM orders", "SELECT count(*), * FROM orders GROUP BY ALL",
    "SELECT count(*) FROM 'file.parquet'", "SELECT count(*) FROM '/etc/passwd'", 'SELECT count(*) FROM "file.csv"',
    "SELECT count(*) FROM read_parquet('x')", "SELECT count(*) FROM read_csv('/etc/passwd')",
    "SELECT count(*) FROM read_text('/etc/passwd')", "SELECT count(*) FROM read_blob('*')", "SELECT count(*) FROM glob('*')",
    "SELECT count(*) FROM parquet_scan('../other/orders/*.parquet')", "SELECT count(*) FROM duckdb_settings()",
    "SELECT count(*) FROM duckdb_tables", "SELECT count(*) FROM information_schema.tables",
    "SELECT count(*) FROM sqlite_master", "SELECT count(*) FROM pg_catalog.pg_class", "SELECT count(*) FROM main.orders",
    "SELECT count(*) FROM memory.main.orders", "SELECT count(*) FROM query_table('orders')",
    "SELECT count(*) FROM query('SELECT 1')", "SELECT max(getenv('HOME')) FROM orders",
    "SELECT count(*) FROM range(1000000000000)", "SELECT count(*) FROM generate_series(1, 1000000000)",
    "SELECT max(current_setting('memory_limit')) FROM orders", "SELECT max(repeat('x', 1000000000)) FROM orders",
    "SELECT string_agg(order_id, ',') FROM orders", "SELECT list(order_id) FROM orders",
    "SELECT count(*) FROM orders, lines", "SELECT count(*) FROM orders CROSS JOIN lines", "SELECT count(*) FROM orders a, orders b, orders c",
    "SELECT count(*) FROM orders a JOIN orders b ON true", "SELECT count(*) FROM orders a JOIN orders b ON a.order_id <> b.order_id",
    "SELECT count(*) FROM orders a JOIN orders b ON a.order_id = a.order_id", "SELECT count(*) FROM orders POSITIONAL JOIN lines",
    "SELECT count(*) FROM orders NATURAL JOIN lines", "SELECT count(*) FROM orders a, LATERAL (SELECT 1) b",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n * 2 FROM r, orders) SELECT max(n) FROM r",
    "WITH orders AS (SELECT count(*) AS n FROM read_csv('/etc/passwd')) SELECT max(n) FROM orders",
    "SELECT count(*) FROM orders WHERE EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
    "SELECT count(*) FROM orders ORDER BY (SELECT max(content) FROM read_text('/etc/passwd'))",
    "SELECT count(*) FROM orders LIMIT (SELECT count(*) FROM glob('*'))",
    "SELECT count(*) FILTER (WHERE getenv('X') = '') FROM orders", "SELECT sum(net_amount) OVER (ORDER BY random()) FROM orders",
    "SELECT count(*) FROM (VALUES (1), (2)) t(x)", "SELECT count(*) FROM (FROM read_csv('x'))", "SELECT count(*) FROM orders AT (VERSION => 1)",
    "SELECT count(*) FROM orders USING SAMPLE 10%", "SELECT count(*) FROM orders TABLESAMPLE 5 ROWS",
    "PIVOT orders ON status USING sum(net_amount)", "UNPIVOT orders ON net_amount INTO NAME n VALUE v",
    "SELECT count(*) FROM (PIVOT orders ON status USING sum(net_amount))", "SELECT member_no FROM orders", "SELECT order_id FROM orders",
    "SELECT member_no, count(*) FROM orders GROUP BY member_no", "SELECT max(member_no) FROM members",
    "SELECT count(*) || min(member_no) FROM members", "SELECT count($1) FROM orders", "SELECT count(?) FROM orders",
    "SELECT list_transform([1], x -> x) FROM orders GROUP BY 1", "SELECT count(*) FROM customers", "SELECT count(*) FROM contacts",
    "SELECT count(*) FROM orders\x00; DROP TABLE x", "SELECT count(*) FROM ｏｒｄｅｒｓ",
    "SELECT count(*) FROM оrders", "/* x */ DROP TABLE orders --", "SELECT/**/count(*)FROM/**/'x.parquet'",
    "SELECT count(*) FROM orders WHERE status = 'a' UNION ALL SELECT count(*) FROM read_csv('x')",
    "SELECT count(*) FROM orders EXCEPT SELECT * FROM orders", "SELECT CAST(max(status) AS JSON) FROM orders",
    "SELECT count(*) FROM orders WHERE nextval('s') > 0", "SELECT max(pg_sleep(10)) FROM orders", "SELECT count(COLUMNS(*)) FROM orders",
    "SELECT sum(paid_amount) FROM orders WHERE system.main.getenv('x') = ''", "SELECT " + "(" * 400 + "1" + ")" * 400,
    "SELECT count(*) FROM orders WHERE " + " AND ".join(["is_sale"] * 5000),
]  # fmt: skip

HARMLESS = [
    "SELECT count(*) FROM orders -- ; DROP TABLE orders", "SELECT count(*) FROM orders /* ; DROP TABLE orders */",
    "SELECT count(*) AS \"'; DROP TABLE orders --\" FROM orders", "SELECT count(*) FROM orders WHERE status = '''; DROP TABLE x --'",
    "SELECT count(*) FROM \"orders\"", "WITH lines AS (SELECT status FROM orders) SELECT count(*) FROM lines",
    "SELECT count(*) FROM orders WHERE coupon_no = 'read_csv(''/etc/passwd'')'", "SELECT count(*) FROM orders LIMIT 1000000000",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(small_shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Services:
    return small_shop.services(tmp_path_factory.mktemp("free"))


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_hostile_statement_is_refused(sql: str) -> None:
    with pytest.raises(Rejected):
        checked(sql)


@pytest.mark.parametrize("sql", HARMLESS)
def test_odd_statements_run_without_harm(shop: Services, sql: str) -> None:
    found = run_free_query(sql, shop.lake, "Asia/Seoul")
    assert len(found.rows) == 1 and "DROP TABLE orders" not in found.query.split('"')[0]


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        ("SELECT sum(net_amount) FROM orders WHERE is_sale", "SELECT sum(net_amount) FROM order_facts WHERE is_sale"),
        ("SELECT p.category, sum(l.amount) FROM lines l JOIN products p USING (product_no) GROUP BY 1 ORDER BY 2 DESC",
         "SELECT p.category, sum(l.amount) FROM sale_lines l JOIN known_products p USING (product_no) GROUP BY 1 "
         "ORDER BY 2 DESC"),
        ("WITH v AS (SELECT member_no FROM members WHERE tier = 'VIP') SELECT count(DISTINCT member_no) FROM orders "
         "JOIN v USING (member_no)",
         "SELECT count(DISTINCT o.member_key) FROM order_facts o JOIN known_customers c USING (member_key) "
         "WHERE c.group_no = '2'"),
        ("SELECT strftime(ordered_local, '%Y-%m'), count(*) FROM orders WHERE paid_amount BETWEEN 1 AND 50000 "
         "GROUP BY 1 HAVING count(*) > 2 ORDER BY 1 DESC LIMIT 3",
         "SELECT strftime(ordered_local, '%Y-%m'), count(*) FROM order_facts WHERE paid_amount BETWEEN 1 AND 50000 "
         "GROUP BY 1 HAVING count(*) > 2 ORDER BY 1 DESC LIMIT 3"),
    ],
)  # fmt: skip
def test_a_legitimate_statement_gives_its_figures(shop: Services, sql: str, same: str) -> None:
    found = run_free_query(sql, shop.lake, "Asia/Seoul")
    with shop.lake.duckdb() as db:
        assert list(found.rows) == db.sql(same).fetchall() and found.rows


def test_rows_are_bounded_and_members_are_numbers_without_meaning(shop: Services, small_shop: Any) -> None:
    found = run_free_query("SELECT order_id, count(*) FROM orders GROUP BY 1", shop.lake, "Asia/Seoul")
    assert len(found.rows) == MAX_ROWS
    listed = run_free_query(
        "SELECT m, count(*) FROM (SELECT member_no AS m FROM orders) GROUP BY m", shop.lake, "Asia/Seoul"
    )
    assert not {str(cell) for row in listed.rows for cell in row} & set(small_shop.members)


@pytest.mark.parametrize("sql", ["SELECT max(content) FROM reviews", "SELECT count(member_key) FROM orders"])
def test_what_people_wrote_and_their_keys_are_not_there(shop: Services, sql: str) -> None:
    with pytest.raises(Rejected, match="does not run"):
        run_free_query(sql, shop.lake, "Asia/Seoul")


def test_a_long_query_is_interrupted(shop: Services) -> None:
    once = "SELECT a.order_id FROM orders a JOIN orders b USING (country) JOIN orders c USING (country)"
    bomb = f"SELECT count(*) FROM ({once}) x JOIN orders d ON x.order_id = d.order_id JOIN orders e USING (country)"
    with pytest.raises(Rejected):
        run_free_query(bomb, shop.lake, "Asia/Seoul", seconds=0.2)
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer) and not t.finished.is_set()]


_PIECES = st.sampled_from(
    ["SELECT", "count(*)", "FROM", "orders", "lines", "read_csv('x')", "'x.parquet'", ";", "--\n", "/*", "*/", "(", ")", ",",
     "WITH", "AS", "r", "RECURSIVE", "UNION ALL", "JOIN", "ON", "true", "USING (order_id)", "WHERE", "getenv('A')", "COPY",
     "TO", "'f'", "member_no", "*", "GROUP BY", "ALL", "ATTACH", "PRAGMA", "sum(net_amount)", "main.", "\"orders\"", "1",
     "=", "LIMIT", "glob('*')", "EXISTS", "query_table('orders')", "COLUMNS(*)", "::JSON", "$1", "duckdb_settings()"]
)  # fmt: skip
_FORBIDDEN = ("read_csv", "parquet", "getenv", "glob", "duckdb_settings", "query_table", "attach", "pragma", "copy")


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=14))
def test_any_mix_of_pieces_is_refused_or_reads_allowed_tables(pieces: list[str]) -> None:
    try:
        text, tables = checked("SELECT count(*) FROM " + " ".join(pieces))
    except Rejected:
        return
    assert tables <= TABLES.keys()
    assert not any(word in text.lower().replace("'x.parquet'", "") for word in _FORBIDDEN)


def test_nothing_is_written_and_no_other_mall_is_seen(shop: Services, small_shop: Any, tmp_path: Path) -> None:
    other = small_shop.services(tmp_path)
    before = sorted(p for p in tmp_path.rglob("*"))
    run_free_query("SELECT count(*) FROM orders", other.lake, "Asia/Seoul")
    assert sorted(p for p in tmp_path.rglob("*")) == before
    with pytest.raises(Rejected):
        run_free_query(f"SELECT count(*) FROM '{shop.lake.root}/orders/*.parquet'", other.lake, "Asia/Seoul")
