"""What Dagster remembers of a mall, removed: its partition, its runs, and what its materialisations showed.

Runs of the mall's partition go with their events and their logs. A run that carries several malls stays, without the
events of this mall's partition. Previews in a run's metadata hold a mall's values, so the embedded instance's
databases are rewritten afterwards.
Does not belong here: anything under the home but `dagster/` (see `lifecycle/removal.py`).
"""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg

from cafe24_pipelines.cafe24.erase.trace import SQLITE_MAGIC
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.partitions import malls

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

PARTITION: Final = "dagster/partition"
MALL_TAG: Final = "cafe24/mall"
"""Run tag of runs that are about a mall without being of its partition: its removal, say. They hold its id alone."""
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


def forget_mall(instance: dg.DagsterInstance, settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the mall's partition and runs from an instance; how many of each. Again is nothing.

    Raises:
        Cafe24Error: a run of the mall is under way, or a database is in use.
    """
    done: Counter[str] = Counter()
    for run in _runs(instance, mall_id):
        if not run.is_finished:
            raise Cafe24Error(f"a run of mall {mall_id} is under way", where=f"run {run.run_id}",
                              remedy="wait for its end or cancel it, then remove again")  # fmt: skip
        instance.delete_run(run.run_id)
        _remove_logs(settings.home.dagster, run.run_id)
        done["dagster: runs"] += 1
    if instance.has_dynamic_partition(str(malls.name), mall_id):
        instance.delete_dynamic_partition(str(malls.name), mall_id)
        done["dagster: partition"] += 1
    if settings.profile == "embedded":
        done["dagster: events"] += _clean_databases(settings.home.dagster, mall_id)
    return dict(+done)


def _runs(instance: dg.DagsterInstance, mall_id: str) -> list[dg.DagsterRun]:
    """Runs of the mall's partition, or of a partition that has the mall as one of its dimensions."""
    found: dict[str, dg.DagsterRun] = {}
    for tag in (PARTITION, f"{PARTITION}/mall"):
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
