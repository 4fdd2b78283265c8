"""The shared state on SQLite and on a real PostgreSQL: whole transactions, one-time memory, among processes."""

import os
import stat
import threading
from pathlib import Path

import pytest

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState, shared_state

TABLE = "CREATE TABLE IF NOT EXISTS call_pace (mall_id TEXT PRIMARY KEY, n BIGINT)"


def test_a_transaction_is_whole_or_absent(state: SharedState) -> None:
    state.ensure(TABLE)
    with pytest.raises(RuntimeError), state.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO call_pace VALUES ('a', 1)")
        raise RuntimeError
    with state.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM call_pace").scalar_one() == 0


def test_a_counter_loses_nothing_among_threads_and_state_objects(state: SharedState, state_url: str) -> None:
    state.ensure(TABLE)
    with state.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO call_pace VALUES ('a', 0)")
    others = [state, SharedState(state_url)]

    def count(mine: SharedState) -> None:
        mine.ensure(TABLE)
        for turn in range(25):
            with mine.transaction(durable=turn % 2 == 0) as connection:
                n = connection.exec_driver_sql(f"SELECT n FROM call_pace{mine.for_update}").scalar_one()
                connection.exec_driver_sql(f"UPDATE call_pace SET n = {n + 1}")

    threads = [threading.Thread(target=count, args=(others[i % 2],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with state.reading() as connection:
        assert connection.exec_driver_sql("SELECT n FROM call_pace").scalar_one() == 100
    others[1].close()


def test_what_may_happen_once_happens_once(state: SharedState) -> None:
    results: list[bool] = []

    def remember() -> None:
        results.append(state.remember_once("kind", "the key", now=100, until=200))

    threads = [threading.Thread(target=remember) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert state.remember_once("another kind", "the key", now=100, until=200)
    assert state.remember_once("kind", "the key", now=201, until=300), "forgotten after its time"


def test_a_value_is_taken_once_and_only_in_time(state: SharedState) -> None:
    state.remember_once("state", "a", now=0, until=10, value="for a")
    state.remember_once("state", "b", now=0, until=10, value="for b")
    assert state.take("state", "a", now=5) == "for a"
    assert state.take("state", "a", now=5) is None
    assert state.take("state", "b", now=11) is None
    with state.reading() as connection:
        assert "state" not in {r[0] for r in connection.exec_driver_sql("SELECT digest FROM remembered")}


def test_a_forked_child_gets_connections_of_its_own(state: SharedState) -> None:
    state.remember_once("fork", "before", now=0, until=10)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"no"
        try:
            state.remember_once("fork", "child", now=0, until=10)
            said = b"ok"
        finally:
            os.write(writer, said)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 2) == b"ok"
    assert not state.remember_once("fork", "child", now=0, until=10), "the child's row is here"
    assert state.remember_once("fork", "parent", now=0, until=10), "and the parent's connection still works"


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    state = shared_state(Settings.from_env({}, home=tmp_path / "home"))
    state.remember_once("a", "b", now=0, until=1)
    for file in (tmp_path / "home").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert shared_state(Settings.from_env({}, home=tmp_path / "home")) is state


def test_errors_say_what_to_do_and_hide_the_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sqlite or postgresql"):
        SharedState("mysql://a:b@c/d")
    with pytest.raises(ConfigError, match="SQLAlchemy URL"):
        SharedState("nonsense")
    gone = SharedState("postgresql+psycopg2://u:hidden-word@127.0.0.1:1/x")
    with pytest.raises(Cafe24Error, match="does not answer") as raised:
        gone.remember_once("a", "b", now=0, until=1)
    assert "hidden-word" not in f"{raised.value}{gone!r}"
    (tmp_path / "bad.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(Cafe24Error, match="not readable"):
        SharedState(f"sqlite:///{tmp_path / 'bad.db'}").remember_once("a", "b", now=0, until=1)


def test_the_skew_is_nothing_on_one_machine(state: SharedState) -> None:
    assert abs(state.skew()) < 0.5
