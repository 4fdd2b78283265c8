"""What has landed is read back; what did not change is not written; what is erased is gone."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.errors import Cafe24Error, LakeDamaged
from cafe24_pipelines.stores import records_store
from cafe24_pipelines.stores.records import ApiLake, Committed
from cafe24_pipelines.stores.records_live import MERGE_AT
from cafe24_pipelines.stores.records_parts import RecordParts

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def files(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("*") if not p.name.startswith((".writer", ".readers"))}


def day(n: float) -> datetime:
    return BEGIN + timedelta(days=n)


def test_nothing_landed_is_empty_and_creates_nothing(lake) -> None:
    store = lake.of("orders")
    assert (store.state(), store.known(), store.count(), store.body("a"), list(store.scan())) == ({}, {}, 0, None, [])
    assert store.count(start=day(0)) == 0 and store.erase(["a"]) == 0 and len(store.digest()) == 32
    with lake.duckdb(["orders"]) as db:
        assert db.sql("SELECT count(*), count(key), count(body) FROM orders").fetchall() == [(0, 0, 0)]
    assert lake.counts() == lake.digests() == {} and lake.quarantined().num_rows == 0 and not lake.root.exists()


def test_rows_and_state_are_read_back(lake, record) -> None:
    store = lake.of("orders")
    assert store.commit(
        [record("b"), record("a", day=None), record("b", 2)], state={"cursor": [1, None]}
    ) == Committed(2)
    assert store.state() == {"cursor": [1, None]} and store.count() == 2
    assert store.body("b") == {"key": "b", "version": 2} and store.body("c") is None
    assert store.known() == {"a": record("a").digest, "b": record("b", 2).digest}
    assert sorted(map(str, store.scan())) == sorted(map(str, (store.body("a"), store.body("b"))))
    assert store.commit([record("a", 5)], deleted=["b", "zz"]) == Committed(0, 1, 1)
    assert store.known() == {"a": record("a", 5).digest} and store.state() == {"cursor": [1, None]}
    assert store.commit([record("b", 2)], deleted=["b"]) == Committed(1), "what is both given and deleted stays"
    store.state()["cursor"] = "changed by a caller"
    assert lake.of("orders").state() == {"cursor": [1, None]}


def test_a_commit_of_the_same_rows_writes_nothing(lake, record) -> None:
    store = lake.of("orders")
    rows = [record(f"k{n}", sealed=b"x") for n in range(5)]
    store.commit(rows, state={"n": 1})
    before = files(store.folder)
    assert store.commit(rows[::-1], deleted=["unknown"], state={"n": 1}) == Committed() == store.commit()
    assert files(store.folder) == before
    store.commit(state={"n": 2})
    assert files(store.folder).keys() == before.keys() and store.state() == {"n": 2}, "state alone writes no part"
    store.commit([rows[0], record("k1", 1), *rows[2:]])
    added = files(store.folder).keys() - before.keys()
    assert len(added) == 1
    part = RecordParts(store.folder).manifest()["parts"][-1]
    assert part["rows"] == 1, "only the changed row is written"


def test_windows_buckets_and_prefixes(lake, record) -> None:
    store = lake.of("orders")
    for month in range(3):
        store.commit([record(f"{month}/{n}", bucket=f"2026-0{month + 1}", day=30 * month + n) for n in range(30)])
    store.commit([record("x/none", bucket="2026-01", day=None)], deleted=["0/0"])
    assert store.count() == 90 and store.count(start=day(0)) == 89
    assert store.count(start=day(1), end=day(2)) == 1 == store.count(end=day(2)), "ends are half open"
    assert store.count(start=day(29), end=day(31)) == 2 == len(store.known(start=day(29), end=day(31)))
    assert store.count(start=day(30), end=day(60)) == 30 and store.count(start=day(500)) == 0
    assert set(store.known(prefix="1/2")) == {"1/2", *(f"1/{n}" for n in range(20, 30))}
    assert (
        set(store.known(prefix="x/")) == {"x/none"}
        and store.known(prefix="y") == {}
        and len(store.known(prefix="")) == 90
    )
    assert len(store.known(bucket="2026-02")) == 30 and store.known(bucket="2030-01") == {}
    assert set(store.known(bucket="2026-03", start=day(60), end=day(61))) == {"2/0"}


def test_a_row_that_left_a_window_is_not_counted_there(lake, record) -> None:
    store = lake.of("orders")
    store.commit([record("a", 1, day=1), record("b", 1, day=1)])
    store.commit([record("a", 2, day=9)])
    assert store.count(start=day(0), end=day(5)) == 1 and set(store.known(start=day(8))) == {"a"}


def test_the_digest_says_what_is_there_and_not_how_it_came(lake, record) -> None:
    rows = [record(f"k{n}", n, bucket=f"b{n % 3}") for n in range(20)]
    at_once, slowly, other = lake.of("at-once"), lake.of("slowly"), lake.of("other")
    at_once.commit(rows)
    for row in reversed(rows):
        slowly.commit([record(row.key, "before", bucket=row.bucket)])
        slowly.commit([row, record(f"gone-{row.key}", bucket=row.bucket)])
        slowly.commit(deleted=[f"gone-{row.key}"])
    other.commit(rows[1:])
    assert at_once.digest() == slowly.digest() != other.digest()
    assert lake.digests()["slowly"] == at_once.digest() and lake.counts() == {
        "at-once": 20,
        "slowly": 20,
        "other": 19,
    }
    empty = lake.of("nothing").digest()
    at_once.commit(deleted=[r.key for r in rows])
    assert at_once.digest() == empty != other.digest() and at_once.erase([]) == 0


def test_parts_stay_few_and_merging_changes_nothing(lake, record) -> None:
    store, expected = lake.of("orders"), {}
    for n in range(60):
        rows = [record(f"k{(7 * n + m) % 50}", n) for m in range(4)]
        gone = [f"k{n % 50}"]
        store.commit(rows, deleted=gone)
        expected |= {r.key: r.digest for r in rows}
        if gone[0] not in {r.key for r in rows}:
            expected.pop(gone[0], None)
        assert len(RecordParts(store.folder).manifest()["parts"]) < MERGE_AT
        assert len(list(store.folder.glob("part-*"))) < MERGE_AT, "what was merged is cleared"
    assert store.known() == expected and store.count() == len(expected)
    with lake.duckdb() as db:
        assert dict(db.sql("SELECT key, digest FROM orders").fetchall()) == expected
        assert db.sql("SELECT DISTINCT json_extract_string(body, '$.key') = key FROM orders").fetchall() == [(True,)]
    assert {r.key: r.digest for r in store.scan_records()} == expected


def test_sealed_fields_and_times_come_back(lake, record) -> None:
    store = lake.of("orders")
    rows = {
        r.key: r
        for r in (record("a", day=1.5, sealed=b"\x00\xff"), record("b", "문자 \u0000", bucket="2026-01", day=None))
    }
    store.commit(list(rows.values()))
    assert {r.key: r for r in store.scan_records()} == rows
    with lake.duckdb() as db:
        assert db.sql("SELECT o.at FROM orders o WHERE key = 'a'").fetchall() == [(day(1.5),)]
        ((limit,),) = db.sql("SELECT current_setting('memory_limit')").fetchall()
        assert limit.startswith("488"), "512 MB"


def test_the_views_work_in_folders_with_odd_names(tmp_path, record) -> None:
    lake = ApiLake(tmp_path / "it's [a] shop*?" / "api", "shop")
    lake.of("orders").commit([record("a")])
    lake.of("orders").commit([record("b")])
    with lake.duckdb(["refunds"]) as db:
        assert db.sql("SELECT count(*) FROM orders").fetchall() == [(2,)]
        assert db.sql("SELECT count(*) FROM refunds").fetchall() == [(0,)]


# -- erasure -----------------------------------------------------------------------------------------------------


def on_disk(folder: Path, needle: str) -> bool:
    """Whether any version of it is in any file, looked at uncompressed."""
    import pyarrow.parquet as pq

    found = any(needle.encode() in p.read_bytes() for p in folder.rglob("*") if p.is_file())
    return found or any(needle in str(pq.read_table(p).to_pylist()) for p in folder.rglob("*.parquet"))


def test_what_is_erased_is_in_no_file_in_no_version(lake, record) -> None:
    store = lake.of("orders")
    for n, version in enumerate(("old-secret", "new-secret")):
        store.commit([record("a", version), record(f"other-{n}", n)], state={"n": 1})
    store.commit([record("c", "third-secret", bucket="2026-02"), record("d", bucket="2026-02")])
    store.commit(deleted=["c"])
    assert all(on_disk(store.folder, f"{n}-secret") for n in ("old", "new", "third"))
    assert store.erase(["a", "c", "never"]) == 2
    assert not on_disk(store.folder, "-secret")
    assert set(store.known()) == {"other-0", "other-1", "d"} and store.state() == {"n": 1}
    other = lake.of("other")
    other.commit([record("other-0", 0), record("other-1", 1), record("d", bucket="2026-02")])
    assert store.digest() == other.digest() and store.erase(["a"]) == 0
    assert store.commit([record("a", "back")]) == Committed(1)


def test_erasing_waits_for_readers_and_completes_later(lake, record, monkeypatch) -> None:
    store = lake.of("orders")
    store.commit([record("a", "secret"), record("b")])
    monkeypatch.setattr(records_store, "PATIENCE", 0.2)
    reader = store.scan()
    next(reader)
    with pytest.raises(Cafe24Error, match="reader holds on"):
        store.erase(["a"])
    assert set(store.known()) == {"b"}, "what is seen is without it at once"
    assert len(list(reader)) == 1, "the reader ends with what it began with"
    assert store.erase(["a"]) == 0 and not on_disk(store.folder, "secret")


def test_a_reader_keeps_its_state_while_commits_go_on(lake, record) -> None:
    store = lake.of("orders")
    store.commit([record(f"k{n}", "first", bucket=f"b{n % 5}") for n in range(50)])
    reader = store.scan()
    seen = [next(reader)]
    with lake.duckdb() as db:
        for version in range(12):
            store.commit([record(f"k{n}", version, bucket=f"b{n % 5}") for n in range(50)])
        assert db.sql("SELECT count(*) FROM orders WHERE body LIKE '%first%'").fetchall() == [(50,)]
    seen += reader
    assert len(seen) == 50 and {body["version"] for body in seen} == {"first"}
    store.commit([record("k0", "last", bucket="b0")])
    named = {p["file"] for p in RecordParts(store.folder).manifest()["parts"]}
    assert {p.name for p in store.folder.glob("part-*")} == named, "files are cleared once nobody reads them"


# -- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut", "garbage", "missing", "manifest", "foreign"])
def test_a_damaged_file_is_named(lake, record, harm) -> None:
    store = lake.of("orders")
    store.commit([record(f"k{n}") for n in range(100)])
    path = next(store.folder.glob("part-*"))
    raw = path.read_bytes()
    if harm == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif harm == "garbage":
        path.write_bytes(b"\x07" * len(raw))
    elif harm == "missing":
        path.unlink()
    else:
        path = store.folder / "manifest.json"
        path.write_text("{" if harm == "manifest" else '{"parts": [], "rows": 0, "digest": "x"}')

    def query() -> Any:
        with lake.duckdb() as db:
            return db.sql("SELECT count(body) FROM orders").fetchall()

    for reading in (store.known, lambda: list(store.scan()), lambda: store.commit([record("k1", 2)]), query):
        with pytest.raises(LakeDamaged, match=path.name):
            reading()
    with pytest.raises(LakeDamaged, match=path.name):
        store.erase(["k1"])


def test_a_wrong_query_is_not_taken_for_damage(lake, record) -> None:
    import duckdb

    lake.of("orders").commit([record("a")])
    with pytest.raises(duckdb.Error, match="nope"), lake.duckdb() as db:
        db.sql("SELECT nope FROM orders")


def test_leftovers_of_a_kill_are_cleared_by_the_next_commit(lake, record) -> None:
    store = lake.of("orders")
    store.commit([record("a")])
    (store.folder / "part-all-dead.parquet").write_bytes(b"half")
    (store.folder / ".manifest.json.x1").write_text("{")
    assert store.count() == 1 and len(list(store.scan())) == 1
    assert store.commit([record("a")]) == Committed()
    assert sorted(p.name for p in store.folder.glob("part-*")) == [
        RecordParts(store.folder).manifest()["parts"][0]["file"]
    ]
    assert not list(store.folder.glob(".manifest*"))


# -- quarantine ------------------------------------------------------------------------------------------------------


def test_quarantined_rows_are_kept_by_window_and_replaced(lake) -> None:
    bad = {
        "reason": "Expected `int`",
        "field": "items[].quantity",
        "row": '{"order_id": "1"}',
        "amount": Decimal("5.0000"),
    }
    assert lake.quarantine("orders", "2026-01/2026-02", [bad, bad | {"field": None, "amount": None}]) == 2
    assert lake.quarantine("orders", "2026-02/2026-03", [bad]) == 1 == lake.quarantine("refunds", "w", [bad])
    found = lake.quarantined().to_pylist()
    assert [(r["resource"], r["source_file"], r["source_line"]) for r in found] == [
        ("orders", "2026-01/2026-02", 0), ("orders", "2026-01/2026-02", 1), ("orders", "2026-02/2026-03", 0),
        ("refunds", "w", 0),
    ]  # fmt: skip
    assert found[0]["mall_id"] == "shop" and found[0]["amount"] == Decimal("5.0000") and found[1]["field"] is None
    assert lake.quarantine("orders", "2026-01/2026-02", []) == 0 and lake.quarantined().num_rows == 2
    assert lake.landed() == []
    next((lake.root / "_quarantine").rglob("*.parquet")).write_bytes(b"x")
    with pytest.raises(LakeDamaged, match="parquet"):
        lake.quarantined()


def test_the_manifest_says_what_is_in_the_parts(lake, record) -> None:
    store = lake.of("orders")
    store.commit([record("b", day=2), record("a", day=1), record("c", day=None)], state={"한글": 1})
    manifest = json.loads((store.folder / "manifest.json").read_text())
    (part,) = manifest["parts"]
    assert (part["key_min"], part["key_max"], part["rows"], part["undated"]) == ("a", "c", 3, 1)
    assert part["at_max"] - part["at_min"] == 86_400_000_000 and manifest["buckets"] == {"all": 3}
    assert manifest["digest"] == store.digest() and manifest["state"] == {"한글": 1}
