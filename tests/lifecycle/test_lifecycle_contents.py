"""The search of a removal sees a value wherever a file may hold it, and nothing where there is none."""

import json
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cafe24_pipelines.lifecycle import contents
from cafe24_pipelines.lifecycle.contents import Values, places, standing_in
from cafe24_pipelines.lifecycle.proof import own, traces

from .lifecycle_home import home_settings

VALUE = '말없이 (떠나는)\n"손님" 7*'
OTHERS = [f"{n:032x}" for n in range(95)]
NOISE = "오래 남는 손님 0123456789abcdef ".encode() * 4000


def _sparse(path: Path) -> None:
    with path.open("wb") as f:
        f.write(NOISE)
        f.seek(40 << 20)
        f.write(NOISE + VALUE.encode() + NOISE)
        f.truncate(90 << 20)


def _wide(path: Path) -> None:
    path.write_bytes(b"x" * ((1 << 20) - 9) + VALUE.encode() + b"x" * (1 << 20))


def _parquet(column: pa.Array) -> Callable[[Path], None]:
    return lambda path: pq.write_table(
        pa.table({"n": list(range(len(column))), "c": column}), path, compression="zstd"
    )


def _sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE t (a, b)")
        rows = [(n, "오래" * 3000) for n in range(50)]
        db.executemany("INSERT INTO t VALUES (?, ?)", [*rows, (zlib.compress(VALUE.encode() * 3), None)])


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("reports/page.html", NOISE + VALUE.encode())


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda p: p.write_bytes(VALUE.encode()), "bytes"),
        (lambda p: p.write_bytes(NOISE + json.dumps({"v": VALUE}).encode() + b"\xff\xfe"), "bytes"),
        (_sparse, "bytes"), (_wide, "bytes"), (_sqlite, "table t"), (_archive, "reports/page.html"),
        (_parquet(pa.array(["이름", None, VALUE] * 2000)), "column c"),
        (_parquet(pa.array([["이름"], [VALUE, None], None])), "column c"),
        (_parquet(pa.array([b"1", zlib.compress(VALUE.encode())])), "column c"),
        (_parquet(pa.array([{"name": VALUE}])), "column c"),
        (_parquet(pa.array(["이름", VALUE]).dictionary_encode()), "column c"),
    ],
)  # fmt: skip
def test_a_value_is_seen_in_whatever_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], place: str
) -> None:
    monkeypatch.setattr(contents, "_CHUNK", 1 << 20)
    make(tmp_path / "file")
    wanted = Values([*OTHERS, VALUE])
    assert place in set(places(tmp_path / "file", wanted))
    assert standing_in(tmp_path / "file", wanted) == {VALUE}
    assert list(places(tmp_path / "file", Values(OTHERS))) == []
    assert list(places(tmp_path / "file", Values([]))) == []


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="no holes on this system")
def test_holes_are_not_read(tmp_path: Path) -> None:
    _sparse(tmp_path / "file")
    read = sum(len(data) for _, data in contents.contents(tmp_path / "file"))
    assert len(NOISE) * 3 <= read < 30 << 20


def test_a_file_that_is_being_written_is_left_for_the_search_with_the_lock(tmp_path: Path) -> None:
    settings = home_settings(tmp_path / "home")
    half = settings.home.root / "lake" / "other" / "orders" / "part-1.parquet"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PAR1 and no footer yet")
    unread: set[Path] = set()
    assert traces(settings, [VALUE], [half, half.with_name("gone")], unread=unread) == [] and unread == {half}
    with pytest.raises(pa.ArrowException):
        traces(settings, [VALUE], [half])
    assert own(settings, "leaver", [VALUE]) == [VALUE]
