"""What only the embedded store promises: builds survive kills, processes read while another publishes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

DOCS = "cafe24_api_docs"
COMMON = """
import sys, uuid
from pathlib import Path
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors
def build(n, count=200):
    for i in range(count):
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{n}/{i}"))
        yield Point(key, [1.0, float(i)], Sparse((1,), (1.0,)), {"build": n})
def publish(store, n, points=None):
    store.publish("m", "cafe24_api_docs", points or build(n), dense_size=2, build_id=f"b{n}", digest=str(n))
store = EmbeddedVectors(Path(sys.argv[1]))
"""


def points(count: int = 3) -> list[Point]:
    return [
        Point(str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1,), (1.0,)), {"n": i})
        for i in range(count)
    ]


def publish(store: EmbeddedVectors, count: int = 3, build: str = "b1") -> None:
    store.publish("m", DOCS, points(count), dense_size=2, build_id=build, digest=build)


def process(root: Path, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", COMMON + code, str(root)], stdout=subprocess.PIPE, text=True)


READER = """
import time
end, searches, seen = time.monotonic() + 90, 0, []
while time.monotonic() < end:
    hits = store.search("m", "cafe24_api_docs", dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=500)
    builds = {hit.payload["build"] for hit in hits}
    assert len(hits) == 200 and len(builds) == 1, (len(hits), builds)
    searches += 1
    if not seen or seen[-1] not in builds:
        seen += builds
    if seen[-1] == 12:
        break
assert seen == sorted(seen) and seen[-1] == 12, seen
print(searches, len(seen))
"""


def test_two_processes_read_whole_builds_while_a_third_publishes(tmp_path: Path) -> None:
    writer_code = "import time\nfor n in range(1, 13):\n    publish(store, n)\n    time.sleep(0.02)\n"
    process(tmp_path, "publish(store, 0)").wait(60)
    readers = [process(tmp_path, READER) for _ in range(2)]
    writer = process(tmp_path, writer_code)
    assert writer.wait(80) == 0
    for reader in readers:
        out, _ = reader.communicate(timeout=90)
        assert reader.returncode == 0
        searches, builds = map(int, out.split())
        assert searches >= builds >= 2
    folders = [f.name for f in (tmp_path / "m" / DOCS / "builds").iterdir()]
    assert len(folders) <= 2


def test_a_kill_in_the_middle_of_a_publication_leaves_the_old_build(tmp_path: Path) -> None:
    publish(EmbeddedVectors(tmp_path))
    slow = """
import time
def endless():
    for n in range(10**6):
        yield from build(n, 600)
        print("busy", flush=True)
        time.sleep(0.05)
publish(store, 2, endless())
"""
    child = process(tmp_path, slow)
    assert child.stdout is not None
    for _ in range(3):
        assert child.stdout.readline() == "busy\n"
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    child.stdout.close()
    store = EmbeddedVectors(tmp_path)
    assert (tmp_path / "m" / DOCS / "staging-b2").exists()
    assert store.published("m", DOCS) == ("b1", "b1")
    assert len(store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=10)) == 3
    publish(store, 5, "b3")
    assert not list((tmp_path / "m" / DOCS).glob("staging-*"))
    assert store.counts("m") == {DOCS: 5}


def test_an_open_store_follows_the_pointer_and_closing_is_not_the_end(tmp_path: Path) -> None:
    reader, writer = EmbeddedVectors(tmp_path), EmbeddedVectors(tmp_path)
    for count in (3, 7, 5, 4):
        publish(writer, count, f"b{count}")
        assert len(reader.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=10)) == count
    reader.close()
    assert len(reader.points("m", DOCS)) == 4


def test_a_build_has_no_write_ahead_log_so_that_processes_share_it(tmp_path: Path) -> None:
    publish(EmbeddedVectors(tmp_path))
    first, second = EmbeddedVectors(tmp_path), EmbeddedVectors(tmp_path)
    assert first.points("m", DOCS) == second.points("m", DOCS)
    assert not list((tmp_path / "m" / DOCS / "builds" / "b1").glob("wal*"))


@pytest.mark.parametrize("damage", ["gone", "garbled"])
def test_a_damaged_build_says_how_to_mend_it_and_the_next_run_does(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(EmbeddedVectors(tmp_path))
    build = tmp_path / "m" / DOCS / "builds" / "b1"
    if damage == "gone":
        shutil.rmtree(build)
    else:
        for path in build.rglob("*.json"):
            path.write_text("{")
    store = EmbeddedVectors(tmp_path)
    with pytest.raises(Cafe24Error, match="rebuild vectors"):
        store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=1)
    assert store.published("m", DOCS) is None, "so that the next run publishes it anew"
    assert len([r for r in caplog.records if "damaged and made anew" in r.getMessage()]) == 1
    assert store.points("m", DOCS) == {}
    publish(store)
    assert store.published("m", DOCS) == ("b1", "b1")
    assert len(store.points("m", DOCS)) == 3


def test_a_failed_build_is_not_published(tmp_path: Path) -> None:
    store = EmbeddedVectors(tmp_path)
    publish(store)

    def breaks():  # type: ignore[no-untyped-def]
        yield points()[0]
        raise RuntimeError("encoder went away")

    with pytest.raises(RuntimeError, match="went away"):
        store.publish("m", DOCS, breaks(), dense_size=2, build_id="b2", digest="b2")
    assert store.published("m", DOCS) == ("b1", "b1")


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become another user here")
def test_a_home_of_somebody_else_is_a_clear_error(tmp_path: Path) -> None:
    publish(EmbeddedVectors(tmp_path))
    top = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.is_relative_to(top) and folder != top:
            folder.chmod(0o755)
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    store = EmbeddedVectors(tmp_path)
    import qdrant_edge  # noqa: F401 - before giving up the right to read the installation

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setuid(65534)
            store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=1)
        except Cafe24Error as e:
            status = 0 if "read-only" in str(e) and "CAFE24_HOME" in str(e) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
