"""What Dagster remembers of a mall, removed: its partition, its runs, and what its materialisations showed.

Runs of the mall's partition, and those about it, go with their events and their logs. A run that carries several
malls stays, with the mall's id in its configuration, without the events of this mall's partition. Previews in a run's
metadata hold a mall's values, so the embedded instance's databases are rewritten afterwards.
Does not belong here: anything under the home but `dagster/` (see `lifecycle/removal.py`).
"""

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from cafe24_pipelines.cafe24.erase.trace import SQLITE_MAGIC
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.sensors.orphans import fail_orphans

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

PARTITION: Final = "dagster/partition"
MALL_TAG: Final = "cafe24/mall"
"""Run tag of runs that are about a mall without being of its partition: its export, its removal."""
BATCH_TAG: Final = "cafe24/batch"
"""Run tag of runs that carry a batch of malls: the asset that they make of each."""
FAILED_MALLS: Final = "failed malls"
"""Name in a failure's metadata of what it holds: which malls of a batch failed, each with its reason."""
_AT_WORK: Final = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_ABOUT_ALL: Final = ("readiness_check", "token_care")
"""Jobs about every mall at once, whose runs name them; what they found is in the event log, or is found again."""
_PAGE: Final = 200
_LAST: Final = (
    "UPDATE asset_keys SET cached_status_data = NULL, last_materialization = (SELECT event FROM event_logs e "
    "WHERE e.asset_key = asset_keys.asset_key AND e.dagster_event_type = 'ASSET_MATERIALIZATION' "
    "ORDER BY e.id DESC LIMIT 1) WHERE last_materialization IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM event_logs e WHERE e.asset_key = asset_keys.asset_key AND e.event = "
    "asset_keys.last_materialization)"
)
"""An asset's row keeps its last materialisation whole; where that was of this mall, the one before takes over."""
_TAGS: Final = "DELETE FROM asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)"


def under_way(instance: dg.DagsterInstance, mall_id: str) -> str:
    """A run that is at work on the mall, alone or in a batch; "" when there is none. Its removal is no such run."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)):
        if mall_id in carried(run) or mall_id in (run.tags.get(PARTITION), run.tags.get(f"{PARTITION}/mall")):
            return run.run_id
    return ""


def forget_mall(instance: dg.DagsterInstance, settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the mall's partition and runs from an instance; how many of each. Again is nothing.

    A run that waits in the queue goes as well, so it never begins. A run that removes the mall stays itself.

    Raises:
        Cafe24Error: a run of the mall is under way, or a database is in use.
    """
    refuse_while_under_way(instance, mall_id)
    done: Counter[str] = Counter()
    for run in (*_runs(instance, mall_id), *_naming(instance, mall_id)):
        if run.status in _AT_WORK:
            continue
        instance.delete_run(run.run_id)
        _remove_logs(settings.home.dagster, run.run_id)
        done["dagster: runs"] += 1
    if instance.has_dynamic_partition(str(malls.name), mall_id):
        instance.delete_dynamic_partition(str(malls.name), mall_id)
        done["dagster: partition"] += 1
    done["dagster: cursors"] += _forget_in_cursors(instance, mall_id)
    done["dagster: checks"] += _forget_checks(instance)
    done["dagster: events"] += _forget_rows(instance, mall_id)
    if settings.profile == "embedded":
        done["dagster: events"] += _clean_databases(settings.home.dagster, mall_id)
    else:
        done["dagster: events"] += _clean_storage(instance, mall_id)
    return dict(+done)


def _forget_in_cursors(instance: dg.DagsterInstance, mall_id: str) -> int:
    """Take the mall out of what sensors hold by mall; how many cursors. A tick that is under way may write its own
    once more: the next one leaves a mall out that is registered no longer.
    """
    done = 0
    for state in instance.all_instigator_state():
        if state.instigator_name == "subscription":
            continue  # knows when this removal was asked for; its next tick leaves out a mall that is removed
        data: Any = state.instigator_data
        try:
            held = json.loads(getattr(data, "cursor", None) or "null")
        except ValueError:
            continue  # not ours: those of ours are JSON
        if (kept := _without(held, mall_id)) != held:
            instance.update_instigator_state(state.with_data(data._replace(cursor=json.dumps(kept))))
            done += 1
    return done


def _without(value: Any, mall_id: str) -> Any:
    """What a cursor holds, without what it holds under the mall's id, and without the id."""
    if isinstance(value, dict):
        return {k: _without(v, mall_id) for k, v in value.items() if mall_id not in (k, v)}
    if isinstance(value, list):
        return [_without(v, mall_id) for v in value if v != mall_id]
    return value


def _naming(instance: dg.DagsterInstance, mall_id: str) -> list[dg.DagsterRun]:
    """Runs of the installation's own that name the mall in what they say, and batches that carried it alone."""
    about_all = [run for job in _ABOUT_ALL for run in instance.get_runs(dg.RunsFilter(job_name=job))]
    return [*about_all, *(run for run in instance.get_runs() if set(carried(run)) == {mall_id})]


def _forget_checks(instance: dg.DagsterInstance) -> int:
    """Evaluations of checks whose run is gone: Dagster keeps them when it deletes a run, evidence and all."""
    from sqlalchemy import text

    known = set(instance.get_run_ids())
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        there = connection.execute(text("SELECT DISTINCT run_id FROM asset_check_executions")).scalars().all()
        gone = [run_id for run_id in there if run_id and run_id not in known]  # "": reported without a run
        for run_id in gone:
            connection.execute(text("DELETE FROM asset_check_executions WHERE run_id = :run"), {"run": run_id})
    return len(gone)


def _forget_rows(instance: dg.DagsterInstance, mall_id: str) -> int:
    """Rows of the mall's partition in runs of several malls, on servers too; the last word is another mall's then."""
    from sqlalchemy import inspect, text

    done, storage = 0, instance.event_log_storage
    with storage.index_connection() as connection:  # type: ignore[attr-defined]
        for table in ("event_logs", "asset_check_executions"):
            if "partition" not in {column["name"] for column in inspect(connection).get_columns(table)}:
                continue  # a schema that was not migrated
            known = text(f"SELECT DISTINCT partition FROM {table} WHERE partition IS NOT NULL")
            gone = text(f"DELETE FROM {table} WHERE partition = :partition")
            for partition in connection.execute(known).scalars().all():
                if mall_id in partition.split("|"):  # one of several dimensions, or the only one
                    done += connection.execute(gone, {"partition": partition}).rowcount
        connection.execute(text(_LAST))
        connection.execute(text(_TAGS))
    return done


def refuse_while_under_way(instance: dg.DagsterInstance, mall_id: str) -> None:
    """Before anything of the mall is removed, since its run would land and publish in between.

    Raises:
        Cafe24Error: a run of the mall is under way.
    """
    fail_orphans(instance)  # a run that was killed is under way no more
    if run_id := under_way(instance, mall_id):
        raise Cafe24Error(f"a run of mall {mall_id} is under way", where=f"run {run_id}",
                          remedy="wait for its end or cancel it, then remove again")  # fmt: skip


def carried(run: dg.DagsterRun) -> list[str]:
    """The malls that a run carries; none for a run that is no batch."""
    if BATCH_TAG not in run.tags:
        return []
    ops: Any = run.run_config.get("ops") or {}
    return [m for op in ops.values() for m in ((op or {}).get("config") or {}).get("malls") or ()]


def made_in(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """The partitions that a run has materialised so far."""
    made = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {entry.dagster_event.partition or "" for entry in made if entry.dagster_event}


def _runs(instance: dg.DagsterInstance, mall_id: str) -> list[dg.DagsterRun]:
    """Runs of the mall's partition, of a partition that has the mall as one of its dimensions, or about the mall."""
    found: dict[str, dg.DagsterRun] = {}
    for tag in (PARTITION, f"{PARTITION}/mall", MALL_TAG):
        cursor = None
        while page := instance.get_runs(dg.RunsFilter(tags={tag: mall_id}), limit=_PAGE, cursor=cursor):
            cursor = page[-1].run_id
            found |= {run.run_id: run for run in page}
    return list(found.values())


def _remove_logs(root: Path, run_id: str) -> None:
    """The run's own database and its compute logs, where the embedded instance keeps them."""
    for path in (root / "history" / "runs").glob(f"{run_id}.db*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(root / "storage" / run_id, ignore_errors=True)


def _clean_databases(root: Path, mall_id: str) -> int:
    """Delete rows of the mall's partition wherever a table has partitions, and leave no freed page behind."""
    done = 0
    for path in sorted(p for p in root.rglob("*.db") if p.is_file()):
        with path.open("rb") as f:
            if f.read(16) != SQLITE_MAGIC:
                continue
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as db:
            try:
                done += _clean(db, mall_id)
            except sqlite3.OperationalError as e:
                remedy = "stop the UI and the daemon (Ctrl-C ends `cafe24 ui`), then remove again"
                raise Cafe24Error("the run history is in use", where=str(path), remedy=remedy) from e
    return done


def _clean_storage(instance: dg.DagsterInstance, mall_id: str) -> int:
    """The same for the storage of a server, which Dagster can't be asked for: it wipes no partitions."""
    from sqlalchemy import text

    storage: Any = instance.event_log_storage
    known, done = text("SELECT DISTINCT partition FROM event_logs WHERE partition IS NOT NULL"), 0
    with storage.index_transaction() as db:
        for (partition,) in db.execute(known).fetchall():
            if mall_id in partition.split("|"):
                gone = text("DELETE FROM event_logs WHERE partition = :partition")  # their tags go with them
                done += db.execute(gone, {"partition": partition}).rowcount
        if done:
            db.execute(text(_LAST))
    return done


def _clean(db: sqlite3.Connection, mall_id: str) -> int:
    from cafe24_pipelines.cafe24.erase.databases import compact

    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    done = 0
    db.execute("PRAGMA secure_delete = ON")
    db.execute("BEGIN IMMEDIATE")
    for table in tables:
        if "partition" in {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')} and table != "runs":
            known = db.execute(f'SELECT DISTINCT partition FROM "{table}" WHERE partition IS NOT NULL').fetchall()
            for (partition,) in known:
                if mall_id in partition.split("|"):  # one of several dimensions, or the only one
                    done += db.execute(f'DELETE FROM "{table}" WHERE partition = ?', [partition]).rowcount
    if {"asset_keys", "event_logs"} <= set(tables):
        db.execute(_LAST)
        db.execute(_TAGS)
    db.execute("COMMIT")
    compact(db)
    return done
