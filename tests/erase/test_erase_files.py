"""Searching and cleaning single files: databases with freed pages and packed values, logs, archives, plain words."""

import io
import json
import pickle
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from cafe24_pipelines.cafe24.erase.databases import clean_database, erase_logs
from cafe24_pipelines.cafe24.erase.needles import MEMBER_ID, MEMBER_KEY, NODE, cleaned, needles_of
from cafe24_pipelines.cafe24.erase.trace import search
from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.settings import Home, Settings

HASHER = Pseudonyms(b"a key for tests")
NEEDLES = needles_of("shop", "haneul1042", HASHER)
KEY = NEEDLES.member_key


def test_a_raw_id_is_found_by_itself_only() -> None:
    assert NEEDLES.kinds_in("id haneul1042.") == [MEMBER_ID]
    assert NEEDLES.kinds_in("haneul10420") == [] and NEEDLES.kinds_in("xhaneul1042") == []
    assert NEEDLES.kinds_in(f"x{KEY}y") == [MEMBER_KEY]
    assert NEEDLES.kinds_in_bytes(bytes.fromhex(NEEDLES.node.replace("-", ""))) == [NODE]
    assert "haneul1042" not in repr(NEEDLES) and KEY not in repr(NEEDLES)


@pytest.mark.parametrize("word", ["haneul", "1042", "kim"])
def test_an_id_that_is_a_word_counts_only_where_members_are_meant(word: str) -> None:
    needles = needles_of("shop", word, HASHER)
    assert needles.kinds_in(f"오늘 {word} 맑음", "content") == []
    assert needles.kinds_in(word, "product_no") == []
    assert needles.kinds_in(word, "member_id") == [MEMBER_ID]
    assert needles.kinds_in_bytes(f'{{"member_id": "{word}"}}'.encode()) == [MEMBER_ID]


def test_json_loses_fields_entries_and_lines() -> None:
    table = f"| member_key | n |\n|---|---|\n| {KEY} | 1 |\n| other | 2 |"
    value = {"preview": table, "keys": [KEY, "x"], KEY: 1, "member_key": KEY, "text": f"customer {KEY} bought"}
    assert cleaned(value, NEEDLES) == {
        "preview": "| member_key | n |\n|---|---|\n| other | 2 |", "keys": ["x"], "member_key": None,
        "text": "customer [erased] bought",
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=Home(tmp_path / "home"))


def database(path: Path, *, wal: bool) -> Path:
    """A database whose values name the member in texts, compressed, in freed pages and in overflow pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    event = json.dumps({"metadata": {"md": f"| a |\n| {KEY} |\n| b |"}, "padding": "x" * 9000 + KEY})
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
        db.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT)")
        db.execute("CREATE TABLE kept (name TEXT PRIMARY KEY, packed BLOB) WITHOUT ROWID")
        db.execute("INSERT INTO events (body) VALUES (?), (?)", [event, "nothing here"])
        db.executemany("INSERT INTO events (body) VALUES (?)", [[f"{KEY} {n}"] for n in range(500)])
        db.execute("DELETE FROM events WHERE id > 2")
        db.execute("INSERT INTO kept VALUES ('p', ?)", [zlib.compress(json.dumps({"m": KEY, "n": 1}).encode())])
        db.commit()
    return path


@pytest.mark.parametrize("wal", [True, False])
def test_a_database_is_cleaned_down_to_its_freed_pages(settings: Settings, wal: bool) -> None:
    path = database(settings.home.root / "dagster" / "history" / "runs.db", wal=wal)
    places = {t.place for t in search(settings, "shop", NEEDLES).traces}
    assert places == {"events.body", "kept.packed", "bytes"}
    reader = sqlite3.connect(path)  # a process that has it open, without reading just now
    assert clean_database(path, NEEDLES) == 2
    assert search(settings, "shop", NEEDLES).traces == []
    with closing(reader) as db:
        rows = db.execute("SELECT id, body FROM events ORDER BY id").fetchall()
        body = json.loads(rows[0][1])
        assert body["metadata"]["md"] == "| a |\n| b |" and body["padding"].endswith("[erased]")
        assert rows[1] == (2, "nothing here")
        packed = db.execute("SELECT packed FROM kept").fetchone()[0]
        assert json.loads(zlib.decompress(packed)) == {"m": None, "n": 1}
    assert clean_database(path, NEEDLES) == 0


def test_logs_lose_the_lines_that_name_the_member(settings: Settings) -> None:
    log = settings.home.dagster / "storage" / "run" / "compute_logs" / "step.err"
    log.parent.mkdir(parents=True)
    log.write_text(f"one\nmember {KEY}\nthree\n")
    assert erase_logs(settings.home, NEEDLES) == 1
    assert log.read_text() == "one\nthree\n"


def test_every_kind_of_file_is_searched(settings: Settings) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = settings.home.root
    root.mkdir(parents=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, words=np.array([KEY]))
    (root / "encoder.npz").write_bytes(buffer.getvalue())
    (root / "model.pickle").write_bytes(pickle.dumps({"member": KEY}))
    (root / "train.jsonl").write_text(json.dumps({"text": "haneul1042"}) + "\n")
    (root / f"{KEY}.txt").write_text("")
    nested = pa.table({"deep": [[{"who": KEY}]], "coded": pa.array([KEY]).dictionary_encode()})
    pq.write_table(nested, root / "nested.parquet", write_statistics=False)
    (root / "large.bin").write_bytes(b"\0" * ((1 << 24) - 7) + KEY.encode() + b"\0")
    found = {(t.file.replace(KEY, "KEY"), t.place) for t in search(settings, "shop", NEEDLES).traces}
    assert found - {("nested.parquet", "bytes")} == {
        ("encoder.npz", "words.npy"), ("model.pickle", "bytes"), ("train.jsonl", "bytes"), ("KEY.txt", "name"),
        ("nested.parquet", "deep"), ("nested.parquet", "coded"), ("large.bin", "bytes"),
    }  # fmt: skip


def test_a_sandbox_malls_own_database_is_left_alone(tmp_path: Path) -> None:
    from contextlib import closing

    from cafe24_pipelines.cafe24.erase.databases import databases
    from cafe24_pipelines.settings import Home

    home = Home(tmp_path / "home")
    for path in (home.sandbox / "sandbox-60-1.db", home.events):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE t (x)")
    assert list(databases(home)) == [home.events]
