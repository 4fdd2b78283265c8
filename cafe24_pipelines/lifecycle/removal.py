"""Removing a mall: everything of it, step after step, each of which may be repeated.

The intent is in the event log before anything is removed, and is closed by `mall.removed` once a search of the whole
home found nothing of the mall; a removal that was killed is taken up by asking again, and ends the same. The writer's
lock is held while something is removed, so no run lands or publishes meanwhile; readers of files that go away are
readers of a mall that nobody serves any more. The home is searched without it, so that the runs of other malls need
not wait; what was written meanwhile is searched with it at the end.

A mall's part of a room is `<room>/<mall>` or `<room>/<mall>.<something>`, in whatever room, so a room that is added
tomorrow is covered; likewise the `.<mall>.<something>` that a killed write leaves. What stays is two events: when
the removal began and when it was proved. They hold no content; without them a webhook that comes late would bring the
mall back to life, and nobody could show that it was removed.
Does not belong here: runs and partitions of Dagster (see `sensors/run_history.py`), what a merchant takes along
(`export.py`).
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.alone import alone
from cafe24_pipelines.cafe24.erase.trace import Trace
from cafe24_pipelines.cafe24.sealing import KEY_FILE
from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.lifecycle import proof
from cafe24_pipelines.lifecycle.rows import any_rows, remove_rows
from cafe24_pipelines.lifecycle.state import REMOVAL, REMOVED, mall_state
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

Progress = Callable[[str], None]
RunHistory = Callable[[str], dict[str, int]]
"""Removes what a run history remembers of a mall, and says how much."""
_ROOTS_KEPT: Final = frozenset({"dagster", "sandbox", proof.ROOM})
_OF_ALL: Final = frozenset({("vectors", "encoders"), ("keys", KEY_FILE)})
"""What all malls share, though its name might be a mall's: without the sealing key no sealed value opens again."""


@dataclass
class RemovalReport:
    """What one removal did; there is one only when the search found nothing of the mall."""

    mall_id: str
    removed: dict[str, int] = field(default_factory=dict)
    searched_for: int = 0
    tokens: str = "none"
    not_searched: tuple[str, ...] = ()

    def add(self, found: dict[str, int]) -> None:
        """Count what was removed, by place."""
        for place, n in found.items():
            self.removed[place] = self.removed.get(place, 0) + n

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "mall": self.mall_id, "complete": True, "removed": dict(sorted(self.removed.items())),
            "searched_for_values": self.searched_for, "tokens": self.tokens, "found": [],
            "not_searched": list(self.not_searched),
        }  # fmt: skip


def remove_mall(
    settings: "Settings",
    mall_id: str,
    *,
    history: RunHistory | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> RemovalReport:
    """Remove everything of a mall, search for it, and log that it is gone; asking again changes nothing.

    Args:
        settings: of the installation.
        mall_id: the mall, registered or not: a removal that was killed has unregistered it.
        history: removes the mall from Dagster's history.
        progress: told one line a step.
        now: the time of the events (UTC; for clocks that are driven).

    Raises:
        BadInput: the id is not one of a mall.
        Cafe24Error: a database is in use, or something of the mall was found afterwards; remove again after mending.
    """
    from cafe24_pipelines import parts

    _check(mall_id)
    say, log, at = progress or (lambda line: None), parts.event_log(settings), now or datetime.now(UTC)
    report = RemovalReport(mall_id, not_searched=_not_searched(settings))

    def waiting() -> None:
        say("another run is writing; the removal goes on when that has ended")

    def removing() -> bool:  # False once another process has brought it to its end, as it may between two locks
        return mall_state(log, mall_id).stage == "removing"

    with alone(settings, mall_id, waiting):
        stage = mall_state(log, mall_id).stage
        if stage == "removed" and not list(_parts(settings, mall_id)):
            return report
        if stage != "removing":
            log.append([Event(f"{REMOVAL}:{mall_id}:{at.isoformat()}", mall_id, REMOVAL, at, {})])
        say("intent logged")
    values = proof.needles(settings, mall_id)  # reads the lakes of all malls, which need not stand still for it
    report.searched_for = len(values)
    say("values to search for noted")
    with alone(settings, mall_id, waiting):
        if not removing():
            proof.forget(settings, mall_id)  # it may have been noted after the other process had ended
            return report
        for name, step in _steps(settings, mall_id, history, report):
            step()
            say(name)
    seen = _search(settings, values)
    say("searched")
    with alone(settings, mall_id, waiting):
        if removing():
            report.add(_late_rows(settings, mall_id))
            report.add(_remove_lines(settings, mall_id))
            _prove(settings, mall_id, values, *seen)
            say("nothing found")
            proof.forget(settings, mall_id)
            say("notes removed")
            log.append([Event(f"{REMOVED}:{mall_id}:{at.isoformat()}", mall_id, REMOVED, at, {})])
    return report


def _search(settings: "Settings", values: list[str]) -> tuple[proof.Stamps, list[Trace]]:
    """Search the whole home while others may write: the files that could be read, as they were then, and what is in
    them.
    """
    stamps, unread = proof.stamps(settings), set[Path]()
    found = proof.traces(settings, values, stamps, unread=unread)
    return {path: stamp for path, stamp in stamps.items() if path not in unread}, found


def _prove(settings: "Settings", mall_id: str, values: list[str], searched: proof.Stamps, found: list[Trace]) -> None:
    """Search what was written while the whole home was, and look whether a room has a part of the mall again.

    Args:
        searched, found: what `_search` gave.

    Raises:
        Cafe24Error: some place still holds something of it; the removal stays open.
    """
    from cafe24_pipelines.cafe24.malls import known_malls

    root = settings.home.root
    again = [Trace(str(p.relative_to(root)), "name", "the mall's part") for p in _parts(settings, mall_id)]
    if mall_id in known_malls(settings.home) and mall_id != SANDBOX_MALL:
        again.append(Trace("malls.json", "mall_id", "registered again"))
    now = proof.stamps(settings)
    files = {path for path, stamp in now.items() if searched.get(path) != stamp}
    files |= {path.with_name(path.name.removesuffix("-wal")) for path in files}  # what a write-ahead log stands for
    files |= {root / trace.file for trace in found}
    found = proof.traces(settings, values, sorted(files))
    if found and not again:  # another mall may have come to say the same since the values were noted
        files = {root / trace.file for trace in found}
        found = proof.traces(settings, proof.own(settings, mall_id, values), sorted(files))
    if found := [*again, *found]:
        raise Cafe24Error(
            f"{len(found)} places still hold something of mall {mall_id}",
            where=f"{found[0].file}: {found[0].place}", remedy="stop what writes for the mall, then remove again",
        )  # fmt: skip


def _steps(
    settings: "Settings", mall_id: str, history: RunHistory | None, report: RemovalReport
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each step with its name; unregistering comes before anything is removed, so that nothing new is let in."""

    def tokens() -> None:
        report.tokens = _end_tokens(settings, mall_id)

    def unregistered() -> None:
        from cafe24_pipelines.cafe24.malls import unregister

        unregister(settings.home, mall_id)

    yield "tokens ended", tokens
    yield "unregistered", unregistered
    yield "server stores emptied", lambda: _empty_servers(settings, mall_id)
    yield "files removed", lambda: report.add(_remove_files(settings, mall_id))
    yield "lines removed", lambda: report.add(_remove_lines(settings, mall_id))
    yield "encoders removed", lambda: report.add(_remove_encoders(settings, mall_id))
    yield "rows removed", lambda: report.add(remove_rows(settings, mall_id))
    if history is not None:
        yield "run history removed", lambda: report.add(history(mall_id))


def _late_rows(settings: "Settings", mall_id: str) -> dict[str, int]:
    """What others wrote of the mall while it was being removed: a request, a run's last words, a consent."""
    return remove_rows(settings, mall_id) if any_rows(settings, mall_id) else {}


def _check(mall_id: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,38}", mall_id):
        raise BadInput(f"mall id {mall_id!r} is not valid", remedy="cafe24 mall list shows them")


def _end_tokens(settings: "Settings", mall_id: str) -> str:
    """End the mall's tokens at Cafe24 where it still takes them; they are dropped here in any case, with the rows."""
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    if not (settings.state_url or settings.home.state.exists()):
        return "none"
    try:
        keeper = token_keeper(settings, mall_id)
        return keeper.revoke() if keeper.store.get(mall_id) is not None else "none"
    except Cafe24Error:
        return "dropped"  # Cafe24 ends them itself when the app is uninstalled; else they end by themselves


def _remove_files(settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the mall's part of every room; files by room."""
    done: dict[str, int] = {}
    for path in list(_parts(settings, mall_id)):
        room = path.parent.name
        done[room] = done.get(room, 0) + _removed(path)
    return done


def _parts(settings: "Settings", mall_id: str) -> Iterator[Path]:
    """The mall's part of every room of the home."""
    for room in sorted(p for p in settings.home.root.iterdir() if p.is_dir() and p.name not in _ROOTS_KEPT):
        for path in sorted(room.iterdir()):
            if _is_of(path.name, mall_id) and (room.name, path.name) not in _OF_ALL:
                yield path


def _is_of(name: str, mall_id: str) -> bool:
    """Whether a file or folder is called after the mall."""
    return name == mall_id or name.startswith((f"{mall_id}.", f".{mall_id}."))


def _removed(path: Path) -> int:
    """How many files went; the folder is renamed first, so that no reader finds half of it."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return 1
    files = sum(1 for p in path.rglob("*") if p.is_file())
    aside = path.with_name(f"{path.name}.removed")
    if aside != path and not aside.exists():
        path = path.rename(aside)
    shutil.rmtree(path)
    return files


def _remove_lines(settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the mall's lines from JSON lines that lie in the home itself, such as the alerts of all malls."""
    done: dict[str, int] = {}
    for path in sorted(settings.home.root.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [_without(line, mall_id) for line in lines]
        if kept != lines:
            write_atomic(path, "".join(kept))
            done[path.name] = sum(now != before for now, before in zip(kept, lines, strict=True))
    return done


def _without(line: str, mall_id: str) -> str:
    """A line as it may stay: "" when it is the mall's; an alert about several malls loses what it says of it."""
    try:
        row = json.loads(line)
    except ValueError:
        return "" if mall_id in line else line  # a line that a kill cut short
    if not isinstance(row, dict):
        return line
    if mall_id in (row.get("mall"), row.get("mall_id")):
        return ""
    said = row.get("lines")
    kept = (
        [s for s in said if not str(s).startswith((f"{mall_id}:", f"{mall_id} ("))]
        if isinstance(said, list)
        else said
    )
    return line if kept == said else json.dumps(row | {"lines": kept}, ensure_ascii=False) + "\n"


def _remove_encoders(settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the pointer to the mall's fitted encoders, and every version that no other mall points to: a vocabulary
    is made of a mall's words.
    """
    root = settings.home.vectors / "encoders"
    pointers = root / "malls"
    if not pointers.exists():
        return {}
    for path in [p for p in pointers.iterdir() if _is_of(p.name, mall_id)]:
        path.unlink(missing_ok=True)
    used: set[str] = set()
    for path in pointers.glob("*.json"):
        pointer = json.loads(path.read_text(encoding="utf-8"))
        used |= {pointer["current"], *pointer["kept"]}
    old = [p for p in (root / "versions").glob("*") if p.name not in used]
    for path in old:
        shutil.rmtree(path)
    return {"encoders": len(old)} if old else {}


def _empty_servers(settings: "Settings", mall_id: str) -> None:
    """Empty the mall's graph and collections on servers; each keeps the build before, so it is emptied twice."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.names import COLLECTIONS

    if settings.graph != "embedded":
        from cafe24_pipelines.ontology.domain import load_domain

        graph, schema = parts.graph_store(settings), load_domain().graph_schema()
        try:
            for turn in ("removed-1", "removed-2"):
                graph.stage(mall_id, schema, (), build_id=turn)
                graph.publish(mall_id, (), build_id=turn, digest=turn)
        finally:
            graph.close()
    if settings.vectors != "embedded":
        vectors = parts.vector_store(settings)
        try:
            for collection in [c for c in COLLECTIONS if vectors.published(mall_id, c) is not None]:
                vectors.publish(mall_id, collection, (), dense_size=1, build_id="removed", digest="removed")
        finally:
            vectors.close()


def _not_searched(settings: "Settings") -> tuple[str, ...]:
    beyond = ["sandbox/ (a sandbox mall's own data)"] if settings.home.sandbox.exists() else []
    if settings.profile == "server":
        beyond.append("Dagster's own database (PostgreSQL): the mall's runs and rows are deleted, not searched for")
    if settings.graph != "embedded":
        beyond.append("Neo4j: the mall's graph is emptied; a marker that names the mall stays")
    if settings.vectors != "embedded":
        beyond.append("Qdrant: the mall's collections are emptied; markers that name the mall stay")
    return tuple(beyond)
