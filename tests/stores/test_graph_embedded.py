"""The embedded graph under kills, other processes and damage."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.cypher import BadQuery
from cafe24_pipelines.stores.files import POINTER
from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes, uid
from cafe24_pipelines.stores.graph_embedded import FILE, EmbeddedGraph, _check_of
from cafe24_pipelines.stores.ladybug_file import GraphFileDamaged

SCHEMA = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64"}),), ())
SIZE = 500
COUNT = "MATCH (o:CRM_Order) RETURN o.build AS build, count(o) AS n"

WRITER = """
    import sys, time
    from pathlib import Path
    import pyarrow as pa
    from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    schema = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64"}),), ())
    graph, pause = EmbeddedGraph(Path(sys.argv[1])), float(sys.argv[4])
    first, last = int(sys.argv[2]), int(sys.argv[3])
    for build in range(first, last + 1):
        def facts():
            uids = [f"{i}" for i in range(500)]
            yield Nodes("CRM_Order", pa.table({"uid": uids, "mall_id": ["m"] * 500, "build": [build] * 500}))
            print("half", build, flush=True)
            time.sleep(pause)
        graph.stage("m", schema, facts(), build_id=f"b{build}")
        graph.publish("m", [], build_id=f"g{build}", digest=f"d{build}")
        print("published", build, flush=True)
"""
READER = """
    import sys, time
    from pathlib import Path
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    graph, seen, last = EmbeddedGraph(Path(sys.argv[1])), set(), False
    while not last:
        last = Path(sys.argv[2]).exists()  # one reading more after the last build, however slow this process is
        rows = graph.query("m", "MATCH (o:CRM_Order) RETURN o.build AS build, count(o) AS n")
        assert len(rows) == 1 and rows[0]["n"] == 500, rows
        seen.add(rows[0]["build"])
        time.sleep(0.01)
    print(len(seen), max(seen))
"""


def orders(build: int) -> Nodes:
    uids = [uid("m", "CRM_Order", str(i)) for i in range(SIZE)]
    return Nodes("CRM_Order", pa.table({"uid": uids, "mall_id": ["m"] * SIZE, "build": [build] * SIZE}))


def publish(graph: EmbeddedGraph, build: int) -> None:
    graph.stage("m", SCHEMA, [orders(build)], build_id=f"b{build}")
    graph.publish("m", [], build_id=f"g{build}", digest=f"d{build}")


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def builds_seen(graph: EmbeddedGraph) -> list[dict[str, int]]:
    return graph.query("m", COUNT)


def test_other_processes_read_whole_builds_while_one_publishes(tmp_path: Path) -> None:
    """Readers pause 10 ms: without it, closing a build was seen to wait up to 29 s (see docs/ontology.md)."""
    root, stop = tmp_path / "graph", tmp_path / "stop"
    publish(EmbeddedGraph(root), 0)
    readers = [start(READER, root, stop) for _ in range(2)]
    writer = start(WRITER, root, 1, 8, 0.05)
    try:
        _, errors = writer.communicate(timeout=240)
        assert writer.returncode == 0, errors
        stop.touch()
        for reader in readers:
            out, errors = reader.communicate(timeout=60)
            assert reader.returncode == 0, errors
            assert int(out.split()[1]) == 8
    finally:
        for process in (writer, *readers):
            process.kill()
            process.wait()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_kill_while_staging_leaves_the_last_build_and_the_next_one_works(tmp_path: Path) -> None:
    root = tmp_path / "graph"
    publish(EmbeddedGraph(root), 0)
    writer = start(WRITER, root, 1, 1, 60)
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == "half 1"
    writer.send_signal(signal.SIGKILL)
    writer.wait(20)
    graph = EmbeddedGraph(root)
    assert graph.staged("m") == "b0"
    assert builds_seen(graph) == [{"build": 0, "n": SIZE}]
    publish(graph, 1)
    assert builds_seen(graph) == [{"build": 1, "n": SIZE}]
    assert not list(root.rglob("staging-*"))


def test_a_held_reader_moves_to_each_new_build(tmp_path: Path) -> None:
    graph = EmbeddedGraph(tmp_path)
    for build in range(4):
        publish(graph, build)
        assert builds_seen(graph) == [{"build": build, "n": SIZE}]
    assert len(list((tmp_path / "m" / "builds").iterdir())) == 2


def test_a_lost_write_is_found_before_readers_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cafe24_pipelines.stores.ladybug_file import FileWriter

    graph = EmbeddedGraph(tmp_path)
    publish(graph, 0)
    monkeypatch.setattr(FileWriter, "_copy", lambda self, statement, table: None)
    with pytest.raises(Cafe24Error, match="reopened with 0 nodes"):
        graph.stage("m", SCHEMA, [orders(1)], build_id="b1")
    assert graph.staged("m") == "b0"


def test_an_endless_query_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cafe24_pipelines.stores.graph_embedded.QUERY_SECONDS", 1)
    graph = EmbeddedGraph(tmp_path)
    publish(graph, 0)
    began = time.monotonic()
    with pytest.raises(BadQuery, match="too long"):
        graph.query("m", "UNWIND range(1, 1000000) AS x UNWIND range(1, 1000000) AS y RETURN sum(x * y) AS s")
    assert time.monotonic() - began < 20


def test_address_space_grows_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cafe24_pipelines.stores.ladybug_file.SMALLEST_SPACE", 2**23)
    graph, size = EmbeddedGraph(tmp_path), 200_000
    uids = [f"{i:036d}" for i in range(size)]
    parts = [
        Nodes("CRM_Order", pa.table({"uid": uids[i : i + 50_000], "mall_id": ["m"] * 50_000, "build": [1] * 50_000}))
        for i in range(0, size, 50_000)
    ]
    graph.stage("m", SCHEMA, parts, build_id="big")
    assert graph.publish("m", [], build_id="g", digest="d").nodes == size
    assert builds_seen(graph) == [{"build": 1, "n": size}]


# -- damage --------------------------------------------------------------------------------------------------


def flip(file: Path, *places: float) -> None:
    """Change single bits, at these parts of the file's length; its size and time stay as they were."""
    before, raw = file.stat(), bytearray(file.read_bytes())
    for place in places:
        raw[int(place * (len(raw) - 1))] ^= 1
    file.write_bytes(raw)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def pointer_of(file: Path) -> Path:
    return file.parents[2] / POINTER


def change_pointer(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(pointer_of(file).read_text())
    change(value)
    pointer_of(file).write_text(json.dumps(value))


def reseal(file: Path, **changed: Any) -> None:
    """The build as another version would have sealed it, all else in order."""

    def change(value: dict[str, Any]) -> None:
        value["meta"]["file"] |= changed
        rest = {k: v for k, v in value["meta"].items() if k != "check"}
        value["meta"]["check"] = _check_of(value["build_id"], rest)

    change_pointer(file, change)


def zero_page(file: Path) -> None:
    raw = file.read_bytes()
    file.write_bytes(raw[:8192] + bytes(4096) + raw[12288:])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "emptied": lambda file: file.write_bytes(b""),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "a byte short": lambda file: os.truncate(file, file.stat().st_size - 1),
    "a byte longer": lambda file: file.write_bytes(file.read_bytes() + b"x"),
    "one bit": lambda file: flip(file, 0.61),
    "bits all over": lambda file: flip(file, 0, 0.2, 0.5, 0.9, 1),
    "a page of zeros": zero_page,
    "text": lambda file: file.write_bytes(b"not a graph" * 100),
    "text of the same size": lambda file: file.write_bytes(b"x" * file.stat().st_size),
    "file gone": lambda file: file.unlink(),
    "a folder instead": lambda file: (file.unlink(), file.mkdir()),
    "build gone": lambda file: shutil.rmtree(file.parent),
    "all builds gone": lambda file: shutil.rmtree(file.parents[1]),
    "all gone": lambda file: shutil.rmtree(file.parents[2]),
    "pointer gone": lambda file: pointer_of(file).unlink(),
    "pointer emptied": lambda file: pointer_of(file).write_bytes(b""),
    "pointer garbage": lambda file: pointer_of(file).write_bytes(bytes(range(256))),
    "pointer cut": lambda file: os.truncate(pointer_of(file), 40),
    "pointer a list": lambda file: pointer_of(file).write_text("[1, 2]"),
    "pointer without meta": lambda file: change_pointer(file, lambda p: p.update(meta=None)),
    "pointer elsewhere": lambda file: change_pointer(file, lambda p: p.update(folder="g9")),
    "another digest": lambda file: change_pointer(file, lambda p: p["meta"].update(digest="d9")),
    "other counts": lambda file: change_pointer(file, lambda p: p["meta"]["counts"].update(nodes=9)),
    "other columns": lambda file: change_pointer(file, lambda p: p["meta"].update(layout={})),
    "another build id": lambda file: change_pointer(file, lambda p: p.update(build_id="b9")),
    "of an earlier version": lambda file: change_pointer(file, lambda p: p["meta"].pop("file")),
    "another storage format": lambda file: reseal(file, format=1),
}
GONE = {"all gone", "pointer gone"}
"""Nothing says any more that there ever was a graph: that is no damage, only nothing."""


def run(graph: EmbeddedGraph) -> tuple[str, str] | None:
    """As a run builds: facts if they are not there, and then the graph if it is not (see ontology/build.py)."""
    if graph.staged("m") != "b0":
        graph.stage("m", SCHEMA, [orders(0)], build_id="b0")
    if graph.published("m") is None:
        graph.publish("m", [], build_id="g0", digest="d0")
    return graph.published("m")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("which", ["published", "staged"])
def test_damage_is_found_told_and_mended_by_the_next_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, which: str, damage: str
) -> None:
    assert run(EmbeddedGraph(tmp_path)) == ("g0", "d0")
    folder = tmp_path / "m" / "facts" if which == "staged" else tmp_path / "m"
    (file,) = folder.glob(f"builds/*/{FILE}")
    DAMAGE[damage](file)

    reading = EmbeddedGraph(tmp_path)
    with pytest.raises(NotBuilt if damage in GONE else GraphFileDamaged) as refused:
        reading.query("m", COUNT, staged=which == "staged")
    assert "cafe24 run" in refused.value.remedy
    assert "\n" not in str(refused.value)
    assert reading.counts("m", staged=which == "staged").nodes == 0
    caplog.clear()

    assert run(EmbeddedGraph(tmp_path)) == ("g0", "d0")
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == (damage not in GONE), lines
    assert all("mall m" in line and "cafe24 run" in line for line in lines)
    for staged in (False, True):
        assert EmbeddedGraph(tmp_path).query("m", COUNT, staged=staged) == [{"build": 0, "n": SIZE}]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    """Not by luck: a bit anywhere, also in pages that no query touches."""
    run(EmbeddedGraph(tmp_path))
    (file,) = tmp_path.glob(f"m/builds/*/{FILE}")
    for place in range(0, 1000, 7):
        flip(file, place / 1000)
        assert EmbeddedGraph(tmp_path).published("m") is None
        flip(file, place / 1000)
    assert EmbeddedGraph(tmp_path).published("m") == ("g0", "d0")


def test_damage_under_an_open_build_is_found_by_its_next_query(tmp_path: Path) -> None:
    graph = EmbeddedGraph(tmp_path)
    run(graph)
    assert builds_seen(graph) == [{"build": 0, "n": SIZE}]
    (file,) = tmp_path.glob(f"m/builds/*/{FILE}")
    flip(file, 0.5)
    with pytest.raises(GraphFileDamaged):
        builds_seen(graph)
    run(graph)
    assert builds_seen(graph) == [{"build": 0, "n": SIZE}]


def test_damaged_facts_are_not_published(tmp_path: Path) -> None:
    graph = EmbeddedGraph(tmp_path)
    run(graph)
    (file,) = tmp_path.glob(f"m/facts/builds/*/{FILE}")
    flip(file, 0.5)
    with pytest.raises(GraphFileDamaged):
        graph.publish("m", [], build_id="g1", digest="d1")
    assert graph.published("m") == ("g0", "d0")


def test_facts_of_other_columns_are_made_anew_whatever_their_id(tmp_path: Path) -> None:
    graph = EmbeddedGraph(tmp_path)
    run(graph)
    wider = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64", "channel": "STRING"}),), ())
    rows = orders(0).rows.append_column("channel", pa.array(["web"] * SIZE))
    graph.stage("m", wider, [Nodes("CRM_Order", rows)], build_id="b0")
    graph.publish("m", [], build_id="g1", digest="d1")
    assert graph.query("m", "MATCH (o:CRM_Order) RETURN DISTINCT o.channel AS c") == [{"c": "web"}]


FULL_DISK = """
    import sys
    from pathlib import Path
    import pyarrow as pa
    from cafe24_pipelines.errors import Cafe24Error
    from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    schema = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64", "text": "STRING"}),), ())
    graph, ballast = EmbeddedGraph(Path(sys.argv[1]) / "graph"), Path(sys.argv[1]) / "ballast"
    def facts(build, rows):
        for first in range(0, rows, 5000):
            uids = [f"{i:036d}" for i in range(first, first + 5000)]
            columns = {"build": [build] * 5000, "text": [f"{u} {u}" for u in uids]}
            yield Nodes("CRM_Order", pa.table({"uid": uids, "mall_id": ["m"] * 5000, **columns}))
    def attempt(work):
        try:
            work()
            said = "built"
        except Cafe24Error as e:
            said = "full" if "the disk is full" in str(e) else repr(e)
        seen = graph.query("m", "MATCH (o:CRM_Order) RETURN o.build AS build, count(o) AS n")
        print(said, graph.published("m")[0], seen, len(list(graph.root.rglob("staging-*"))))
    def stage(build, rows):
        graph.stage("m", schema, facts(build, rows), build_id=f"b{build}")
    def publish(build):
        graph.publish("m", [], build_id=f"g{build}", digest=f"d{build}")
    stage(0, 5000)
    attempt(lambda: publish(0))
    attempt(lambda: stage(1, 200_000))
    stage(2, 5000)
    with ballast.open("wb") as f:
        try:
            while True:
                f.write(bytes(65536))
                f.flush()
        except OSError:
            pass
    attempt(lambda: publish(2))
    ballast.unlink()
    attempt(lambda: publish(2))
"""


def on_a_disk_of(size: int, folder: Path) -> list[str]:
    """What runs a command with a file system of `size` bytes at `folder`; empty where that can't be had."""
    mount = f'mount -t tmpfs -o size={size} tmpfs \'{folder}\' && exec "$0" "$@"'
    for unshare in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        command = [*unshare, "sh", "-c", mount]
        if shutil.which("unshare"):
            tried = subprocess.run([*command, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return command
    return []


def test_a_full_disk_is_said_and_leaves_the_last_build(tmp_path: Path) -> None:
    small = on_a_disk_of(24 * 2**20, tmp_path)
    if not small:
        pytest.skip("needs a small file system of its own: run as root, or allow user namespaces (unshare -r)")
    command = [*small, sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = "[{'build': %d, 'n': 5000}] 0"
    assert done.stdout.splitlines() == [
        f"built g0 {seen % 0}",
        f"full g0 {seen % 0}",
        f"full g0 {seen % 0}",
        f"built g2 {seen % 2}",
    ]


def cafe24(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    start = "from cafe24_pipelines.cli import main; main()"
    command = [sys.executable, "-c", start, *arguments, "--home", str(home)]
    environment = os.environ | {"CAFE24_SANDBOX_CUSTOMERS": "300", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def damaged_home(small_mall: Settings, home: Path) -> dict[str, Any]:
    """A copy of the small mall's home whose graph is damaged in both places; its status before that."""
    shutil.copytree(small_mall.home.root, home)
    before: dict[str, Any] = json.loads(cafe24(home, "status", "--json").stdout)
    (published,) = home.glob(f"graph/sandbox/builds/*/{FILE}")
    (facts,) = home.glob(f"graph/sandbox/facts/builds/*/{FILE}")
    flip(published, 0.3, 0.7)
    DAMAGE["pointer garbage"](facts)
    return before


def test_readers_of_a_damaged_graph_are_told_in_one_line(small_mall: Settings, tmp_path: Path) -> None:
    before = damaged_home(small_mall, tmp_path / "home")
    status = cafe24(tmp_path / "home", "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["digest"] == before["digest"] | {"graph": ""}
    assert told(status.stderr) == ["published graph"]
    asked = cafe24(tmp_path / "home", "ask", "주문 목록을 조회하는 API는?")
    assert asked.returncode == 1
    assert asked.stderr.count("\n") == 1
    assert "damaged" in asked.stderr


@pytest.mark.slow
def test_a_run_after_damage_ends_as_before(small_mall: Settings, tmp_path: Path) -> None:
    before = damaged_home(small_mall, tmp_path / "home")
    done = cafe24(tmp_path / "home", "run", "--source", "sandbox", "--json")
    assert done.returncode == 0, done.stderr
    assert told(done.stderr) == ["staged facts", "published graph"]
    assert json.loads(done.stdout)["digest"] == before["digest"]
    assert told(cafe24(tmp_path / "home", "status", "--json").stderr) == []


def told(text: str) -> list[str]:
    """What the lines about damage are about."""
    lines = [line for line in text.splitlines() if "damaged" in line]
    assert all("`cafe24 run` builds it again" in line for line in lines), text
    return [line.split("mall sandbox, ")[1].split(":")[0] for line in lines]
