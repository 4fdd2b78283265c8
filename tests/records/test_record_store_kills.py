"""A record store against a dict, with the writer killed between any two things it does to files."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafe24_pipelines.stores import records_live
from cafe24_pipelines.stores.records import ApiLake, Record, RecordStore


class Killed(BaseException):
    """The process is gone: what it still tries to do to files does not happen either."""


@contextmanager
def killed_before(step: int) -> Iterator[list[int]]:
    """Let that many file operations happen and none after; yields how many were tried."""
    done = [0]

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            done[0] += 1
            if done[0] > step:
                raise Killed
            return real(*args, **kwargs)

        return act

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (os, "replace"), (os, "fsync"), (Path, "replace"), (Path, "unlink"), (os, "unlink"), (os, "rename"),
            (tempfile, "mkstemp"), (pq.ParquetWriter, "__init__"), (pq.ParquetWriter, "write_table"),
        ):  # fmt: skip
            patch.setattr(owner, name, guarded(getattr(owner, name)))
        yield done


KEYS = [f"{bucket}/{n}" for bucket in ("2026-01", "2026-02") for n in range(6)]
key = st.sampled_from(KEYS)
commits = st.tuples(
    st.lists(st.tuples(key, st.integers(0, 3)), max_size=5),
    st.lists(key, max_size=3),
    st.none() | st.integers(0, 3),
    st.none() | st.integers(0, 25),
    st.booleans(),
)


def whole(store: RecordStore) -> tuple[dict[str, str], dict[str, Any], int]:
    return store.known(), store.state(), store.count()


@settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(commits, min_size=1, max_size=14))
def test_the_store_is_a_dict_whatever_is_killed(record, tmp_path_factory, steps) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_live, "MERGE_AT", 3)  # so that merges are killed too
        _act_and_compare(record, tmp_path_factory, steps)


def _act_and_compare(record: Any, tmp_path_factory: Any, steps: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("store")
    model: dict[str, Record] = {}
    state: dict[str, Any] = {}

    def made(name: str, version: int) -> Record:
        return record(name, version, bucket=name[:7], day=version)

    for upserts, deleted, new_state, kill, erase in steps:
        rows = [made(name, version) for name, version in upserts]
        after = {k: r for k, r in model.items() if k not in deleted}
        if erase:
            rows, expected_state = [], state
        else:
            after |= {r.key: r for r in rows}
            after |= {k: model[k] for k in deleted if k in {r.key for r in rows} and k not in after}
            expected_state = state if new_state is None else {"n": new_state}
        store = RecordStore(folder)

        def act(store: RecordStore = store, rows: list[Record] = rows, deleted: list[str] = deleted,
                erase: bool = erase, new_state: int | None = new_state) -> None:  # fmt: skip
            if erase:
                store.erase(deleted)
            else:
                store.commit(rows, deleted=deleted, state=None if new_state is None else {"n": new_state})

        digests = ({k: r.digest for k, r in model.items()}, {k: r.digest for k, r in after.items()})
        if kill is not None:
            with killed_before(kill), suppress(Killed):
                act()
            seen = whole(RecordStore(folder))
            assert seen in ((digests[0], state, len(model)), (digests[1], expected_state, len(after)))
            act()  # the next run does it again
        else:
            act()
        model, state = after, expected_state
        store = RecordStore(folder)
        assert whole(store) == (digests[1], state, len(model))
        assert {r.key: r for r in store.scan_records()} == model
        for low in range(4):
            inside = {k for k, r in model.items() if r.at is not None and r.at >= record("x", day=low).at}
            assert set(store.known(start=record("x", day=low).at)) == inside
            assert store.count(start=record("x", day=low).at) == len(inside)
    fresh = RecordStore(tmp_path_factory.mktemp("fresh"))
    fresh.commit(list(model.values()))
    assert fresh.digest() == RecordStore(folder).digest()


def test_every_single_point_of_a_commit_is_safe(record, tmp_path) -> None:
    before = [record(f"k{n}", bucket=f"b{n % 2}") for n in range(8)]
    after = [record(f"k{n}", 1, bucket=f"b{n % 2}") for n in range(1, 8)]
    outcomes = set()
    for point in range(40):
        lake = ApiLake(tmp_path / str(point), "shop")
        store = lake.of("orders")
        store.commit(before, state={"n": 0})
        with suppress(Killed), killed_before(point) as done:
            store.commit(after, deleted=["k0"], state={"n": 1})
        again = RecordStore(store.folder)
        rows = {r.digest for r in (before if again.state() == {"n": 0} else after)}
        assert set(again.known().values()) == rows
        outcomes.add((again.state()["n"], done[0] > point))
        again.commit(after, deleted=["k0"], state={"n": 1})
        assert {p.name for p in store.folder.glob("*")} - {".writer", ".readers", "manifest.json"} == {
            p.name for p in store.folder.glob("part-*")
        }
    assert outcomes == {(0, True), (1, True), (1, False)}, "killed before the switch, after it, and not at all"


WRITER = """
    import json, sys, hashlib
    from pathlib import Path
    from cafe24_pipelines.stores.records import Record, RecordStore

    store = RecordStore(Path(sys.argv[1]))
    for version in range(1, 45):
        rows = []
        for n in range(200):
            body = json.dumps({"n": n, "version": version}, sort_keys=True).encode()
            digest = hashlib.md5(body).hexdigest()
            rows.append(Record(f"k{n}", f"b{n % 3}", None, body, None, digest))
        store.commit(rows, state={"version": version})
"""


def test_a_reader_in_another_process_sees_whole_states_only(tmp_path) -> None:
    folder = tmp_path / "orders"
    writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(folder)])
    seen: list[int] = []
    try:
        store, lake = RecordStore(folder), ApiLake(tmp_path, "shop")
        while writer.poll() is None:
            bodies = list(store.scan())
            with lake.duckdb(["orders"]) as db:
                rows = db.sql(
                    "SELECT json_extract(body, '$.version')::INT v, count(*) FROM orders GROUP BY v"
                ).fetchall()
            assert len(rows) <= 1 and all(count == 200 for _, count in rows)
            versions = {body["version"] for body in bodies}
            assert len(bodies) in (0, 200) and len(versions) <= 1
            assert len(set(store.known())) in (0, 200)
            seen += versions
    finally:
        writer.wait(60)
    assert writer.returncode == 0 and seen == sorted(seen) and len(set(seen)) > 2, "it was read while it grew"
    assert {body["version"] for body in store.scan()} == {44} and store.state() == {"version": 44}


def test_two_writers_lose_nothing_of_each_other(tmp_path, record) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from cafe24_pipelines.stores.records import Record, RecordStore
        store = RecordStore(Path(sys.argv[1]))
        for n in range(25):
            store.commit([Record(f"{sys.argv[2]}{n}", "all", None, b"{}", None, "00" * 16)])
    """)
    folder = tmp_path / "orders"
    both = [subprocess.Popen([sys.executable, "-c", code, str(folder), name]) for name in "ab"]
    assert [p.wait(60) for p in both] == [0, 0]
    store = RecordStore(folder)
    assert store.count() == 50 == len(store.known())


MEMORY = """
    import hashlib, json, random, sys
    from datetime import UTC, datetime, timedelta
    from pathlib import Path
    from benchmarks.peak import peak_megabytes
    from cafe24_pipelines.stores.records import ApiLake, Record

    filler = {f"field_number_{n}": None for n in range(150)}
    drawn = random.Random(1)

    def made(n, version):
        noise = drawn.randbytes(200).hex()
        body = json.dumps({"order_id": f"{n:09}", "version": version, "noise": noise, **filler}).encode()
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=3 * n)
        return Record(f"{n:09}", f"{at:%Y-%m}", at, body, None, hashlib.md5(body).hexdigest())

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

    lake = ApiLake(Path(sys.argv[1]), "shop")
    store, trend = lake.of("orders"), []
    for start in range(0, 300_000, 5_000):
        store.commit([made(n, 0) for n in range(start, start + 5_000)], state={"at": start})
        trend.append(resident())
    store.commit([made(n, 1) for n in range(0, 300_000, 60)], deleted=[f"{n:09}" for n in range(1, 300_000, 3000)])
    read = sum(body["version"] for body in store.scan())
    with lake.duckdb() as db:
        ((counted,),) = db.sql("SELECT count(DISTINCT json_extract(body, '$.noise')::VARCHAR) FROM orders").fetchall()
    peak = peak_megabytes()
    print(json.dumps({"trend": trend, "peak": peak, "read": read, "counted": counted, "rows": store.count()}))
"""


@pytest.mark.slow
def test_three_hundred_thousand_orders_lie_in_flat_memory(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEMORY), str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    print(done.stdout)
    told = json.loads(done.stdout)
    assert told["rows"] == 299_900 == told["counted"] and told["read"] == 5_000
    assert told["peak"] < 600, told
    early, late = max(told["trend"][10:25]), max(told["trend"][-15:])
    assert late < early + 60, f"memory grows with what has landed: {told['trend']}"
