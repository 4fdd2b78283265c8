"""What can go wrong under the lake: damaged files, no permission, a full disk, a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cafe24_pipelines.errors import Cafe24Error, LakeDamaged
from cafe24_pipelines.stores.lake import MallLake


@pytest.fixture
def lake(tmp_path: Path, lake_rows) -> MallLake:
    lake = MallLake(tmp_path / "lake", "shop")
    lake.land("orders", lake_rows.orders(*(lake_rows.order(n) for n in range(50))))
    return lake


def part_of(lake: MallLake) -> Path:
    return next((lake.root / "orders").glob("part-*.parquet"))


def garbage_of_the_same_size(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def damaged_in_the_middle(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    footer = int.from_bytes(raw[-8:-4], "little")
    raw[4 : len(raw) - 8 - footer] = b"\xff" * (len(raw) - 12 - footer)
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda p: p.write_bytes(b""), "the file has 0 bytes"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "bytes, not"),
        (Path.unlink, "the file is missing"),
        (garbage_of_the_same_size, "not readable Parquet"),
        (damaged_in_the_middle, "not readable Parquet"),
    ],
    ids=["empty", "cut", "missing", "garbage", "damaged-pages"],
)
def test_a_damaged_part_is_named_with_a_remedy(lake, damage, what):
    part = part_of(lake)
    damage(part)
    with pytest.raises(LakeDamaged, match=what) as caught:
        lake.read("orders")
    assert part.name in str(caught.value) and "cafe24 run" in caught.value.remedy


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"parts": []}'])
def test_a_damaged_manifest_is_named_with_a_remedy(lake, text):
    (lake.root / "orders" / "manifest.json").write_text(text)
    with pytest.raises(LakeDamaged, match=r"manifest\.json"):
        lake.counts()


def test_damaged_quarantine_is_named(lake):
    (lake.root / "_quarantine").mkdir()
    (lake.root / "_quarantine" / "csv.parquet").write_bytes(b"")
    with pytest.raises(LakeDamaged, match=r"csv\.parquet"):
        lake.digest()


def test_a_wrong_query_is_not_called_damage(lake):
    import duckdb

    with pytest.raises(duckdb.BinderException, match="nope"):
        lake.query("SELECT nope FROM orders")


def test_following_the_remedy_mends_the_lake(lake, lake_rows):
    digest = lake.digests()["orders"]
    part_of(lake).write_bytes(b"")
    shutil.rmtree(lake.root / "orders")
    lake.land("orders", lake_rows.orders(*(lake_rows.order(n) for n in range(50))))
    assert lake.digests()["orders"] == digest


def test_an_orphan_of_a_kill_is_ignored_and_cleared(lake, lake_rows):
    digest = lake.digest()
    orphan = lake.root / "orders" / "part-000009-0badcafe.parquet"
    orphan.write_bytes(part_of(lake).read_bytes()[:100])
    half = lake.root / "orders" / ".manifest.json.abc123"
    half.write_text("{")
    assert lake.read("orders").num_rows == 50 and lake.digest() == digest
    lake.land("orders", lake_rows.orders(lake_rows.order(1)))  # even a landing that changes nothing
    assert not orphan.exists() and not half.exists()
    assert lake.digest() == digest


# -- without permission, without space -----------------------------------------------------------------------

_LAND = """
import os, sys
from pathlib import Path
import duckdb, filelock, pandas, pyarrow.parquet, pyarrow.compute
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES
root, number, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
import pyarrow as pa
if len(sys.argv) > 4:
    os.setgid(65534); os.setuid(65534)
data = pa.table({
    "coupon_no": [f"c{n}" for n in range(rows)],
    "coupon_name": [os.urandom(40).hex() if number else f"name {n}" for n in range(rows)],
})
try:
    MallLake(root, "shop").land("coupons", data, snapshot=True)
except Cafe24Error as e:
    print(e); sys.exit(3)
"""


def land_in_process(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _LAND, str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_no_permission_to_write_says_so():
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("drops root in a child process: run the tests as root on Linux to try it")
    folder = Path(tempfile.mkdtemp())  # not tmp_path: only root may pass through its parents
    try:
        folder.chmod(0o755)
        done = land_in_process(folder / "lake", "0", "10", "as-nobody")
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 3, done.stderr
    assert "no permission to write" in done.stdout and "CAFE24_HOME" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"can't mount a small tmpfs ({done.stderr.strip()}): run the tests as root on Linux")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_says_so_and_leaves_what_was_there(small_disk):
    root = small_disk / "lake"
    assert land_in_process(root, "0", "1000").returncode == 0
    lake = MallLake(root, "shop")
    digest, files = lake.digest(), sorted(root.rglob("*"))
    done = land_in_process(root, "1", "60000")  # about 2.4 MB that don't compress
    assert done.returncode == 3, done.stderr
    assert "the disk is full" in done.stdout
    assert MallLake(root, "shop").digest() == digest
    assert lake.read("coupons").num_rows == 1000
    assert sorted(root.rglob("*")) == files  # half a part would keep the disk full


def test_a_full_disk_while_publishing_an_event_or_a_build_says_so(small_disk):
    from datetime import UTC, datetime

    from cafe24_pipelines.stores.events import Event, EventLog
    from cafe24_pipelines.stores.files import write_atomic

    log = EventLog(small_disk / "events.db")
    log.append([Event("e1", "shop", "t", datetime(2026, 1, 1, tzinfo=UTC), {})])
    with pytest.raises(Cafe24Error, match="the disk is full"):
        log.append([Event("e2", "shop", "t", datetime(2026, 1, 1, tzinfo=UTC), {"text": "x" * 3_000_000})])
    assert [e.event_id for e in log.read("shop")] == ["e1"]
    with pytest.raises(Cafe24Error, match="the disk is full"):
        write_atomic(small_disk / "pointer.json", "x" * 3_000_000)
    assert not list(small_disk.glob(".pointer*"))


# -- kill -9 -------------------------------------------------------------------------------------------------

_LAND_MANY = """
import sys
from decimal import Decimal
from pathlib import Path
import pyarrow as pa
from datetime import UTC, datetime
from cafe24_pipelines.stores.lake import MallLake
lake = MallLake(Path(sys.argv[1]), "shop")
print("ready", flush=True)
for turn in range(12):
    ids = [f"o{n}" for n in range(turn * 50, turn * 50 + 200)]
    lake.land("orders", pa.table({
        "order_id": ids,
        "ordered_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 200, pa.timestamp("us", tz="UTC")),
        "status": ["paid"] * 200,
        "paid_amount": pa.array([Decimal(turn)] * 200, pa.decimal128(20, 4)),
        "currency": ["KRW"] * 200,
    }))
    print(turn, flush=True)
"""


def start_landing(root: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _LAND_MANY, str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_killed_landings_leave_a_whole_lake_and_a_rerun_ends_the_same(tmp_path):
    untouched = start_landing(tmp_path / "untouched")
    started = time.monotonic()
    assert untouched.wait(120) == 0
    took = time.monotonic() - started
    expected = MallLake(tmp_path / "untouched", "shop").digest()
    lake = MallLake(tmp_path / "killed", "shop")
    for turn in range(6):
        process = start_landing(lake.root)
        time.sleep(took * (turn + 0.5) / 7)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        rows = lake.read("orders")  # readable at every moment: whole landings, none in part
        assert rows.num_rows == 0 or rows.num_rows % 50 == 0
        assert rows.num_rows == lake.counts().get("orders", 0)
    assert start_landing(lake.root).wait(120) == 0
    assert lake.digest() == expected
    manifest = json.loads((lake.root / "orders" / "manifest.json").read_text())
    on_disk = {p.name for p in (lake.root / "orders").iterdir()} - {"manifest.json"}
    assert on_disk == {p["file"] for p in manifest["parts"]} | set(manifest["before"])
