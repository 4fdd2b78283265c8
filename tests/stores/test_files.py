"""Atomic files, the writer's lock, and published builds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.files import Published, write_atomic, writer_lock


def publish(published: Published, build_id: str, text: str = "x") -> Path:
    staging = published.staging(build_id)
    (staging / "deep").mkdir()
    (staging / "deep" / "data.txt").write_text(text)
    return published.publish(staging, build_id, {"n": len(text)}).path


def builds(published: Published) -> list[str]:
    return sorted(p.name for p in (published.root / "builds").iterdir())


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "deep" / "file.json"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    path.with_name("blocked").mkdir()
    (path.with_name("blocked") / "child").touch()
    with pytest.raises(OSError):
        write_atomic(path.with_name("blocked"), b"x")  # a file can't replace a folder that isn't empty
    assert path.read_text() == "old"
    assert sorted(p.name for p in path.parent.iterdir()) == ["blocked", "file.json"]


def test_before_the_first_build_there_is_none(tmp_path):
    assert Published(tmp_path / "none").current() is None
    assert not (tmp_path / "none").exists()


def test_the_pointer_names_the_last_build_and_its_meta(tmp_path):
    published = Published(tmp_path)
    publish(published, "one", "a")
    publish(published, "two", "bb")
    current = published.current()
    assert current is not None
    assert (current.build_id, current.meta) == ("two", {"n": 2})
    assert (current.path / "deep" / "data.txt").read_text() == "bb"


def test_only_the_current_build_and_the_one_before_are_kept(tmp_path):
    published = Published(tmp_path)
    for name in ("one", "two", "three"):
        publish(published, name)
    assert builds(published) == ["three", "two"]


def test_a_build_of_the_same_id_is_published_beside_the_old_one(tmp_path):
    published = Published(tmp_path)
    first, second = publish(published, "same", "old"), publish(published, "same", "new")
    assert first != second
    assert (first / "deep" / "data.txt").read_text() == "old"  # a reader may still hold it
    current = published.current()
    assert current is not None
    assert current.build_id == "same" and current.path == second


def test_leftovers_of_a_kill_are_invisible_and_cleared(tmp_path):
    published = Published(tmp_path)
    publish(published, "one")
    (tmp_path / "staging-killed").mkdir()
    (tmp_path / "staging-killed" / "half").touch()
    (tmp_path / ".current.json.abc").write_text("{")
    (tmp_path / "builds" / "renamed-but-not-named").mkdir()
    current = published.current()
    assert current is not None and current.build_id == "one"
    publish(published, "two")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["builds", "current.json"]
    assert builds(published) == ["one", "two"]


@pytest.mark.parametrize("text", ["{", "[]", '{"folder": "x"}'])
def test_a_damaged_pointer_is_named_with_a_remedy(tmp_path, text):
    (tmp_path / "current.json").write_text(text)
    with pytest.raises(Cafe24Error, match=r"current\.json.*cafe24 run"):
        Published(tmp_path).current()


_HOLD = """
import sys, time
from pathlib import Path
from cafe24_pipelines.stores.files import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(path: Path, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_says_that_it_waits_and_then_gets_its_turn(tmp_path):
    process = hold(tmp_path / "writer.lock", 1.0)
    waited: list[bool] = []
    with writer_lock(tmp_path / "writer.lock", waiting=lambda: waited.append(process.poll() is None)):
        assert process.wait(10) == 0
    assert waited == [True]
    with writer_lock(tmp_path / "writer.lock", waiting=lambda: waited.append(False)):
        pass
    assert waited == [True]  # nobody to wait for


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_no_lock(tmp_path):
    process = hold(tmp_path / "writer.lock", 60)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    waited: list[bool] = []
    with writer_lock(tmp_path / "writer.lock", waiting=lambda: waited.append(True)):
        assert not waited


_PUBLISH_FOREVER = """
import sys
from pathlib import Path
from cafe24_pipelines.stores.files import Published
published = Published(Path(sys.argv[1]))
print("ready", flush=True)
n = 0
while True:
    n += 1
    staging = published.staging(f"b{n % 3}")
    for part in range(3):
        (staging / f"{part}.txt").write_text(str(n))
    published.publish(staging, f"b{n % 3}", {"n": n})
"""


def test_killed_publishers_never_leave_half_a_build(tmp_path):
    published = Published(tmp_path)
    for turn in range(5):
        command = [sys.executable, "-c", _PUBLISH_FOREVER, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(0.05 + 0.037 * turn)
        process.kill()
        process.wait(10)
        if current := published.current():
            assert {f.read_text() for f in current.path.glob("*.txt")} == {str(current.meta["n"])}
            assert len(list(current.path.glob("*.txt"))) == 3
    publish(published, "last")
    assert len(builds(published)) == 2
