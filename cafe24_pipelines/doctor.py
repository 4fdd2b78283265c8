"""`cafe24 doctor`: is this installation able to do its work, and if not, what mends it.

Each check is a small function that returns what it found; none changes anything.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.names import COLLECTIONS, SANDBOX_MALL
from cafe24_pipelines.settings import Settings

FREE_BYTES = 1 << 30
"""A run of a mid-sized mall writes a few hundred MB; below this a warning is due."""


@dataclass(frozen=True)
class Finding:
    """One check: its name, whether all is well, what was seen, and the remedy when it is not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def doctor(settings: Settings, mall_id: str) -> list[Finding]:
    """All checks in order; a check that meets an error reports it instead of stopping the others."""
    checks: list[Callable[[Settings, str], Finding]] = [_python, _home, _disk, _key, _lake, _graph, _vectors, _model]
    if (found := known_malls(settings.home).get(mall_id)) and found.source == "api":
        checks += [_consent, _sync]
    checks.append(_erasures)
    return [_guarded(check, settings, mall_id) for check in checks]


def _guarded(check: Callable[[Settings, str], Finding], settings: Settings, mall_id: str) -> Finding:
    try:
        return check(settings, mall_id)
    except (Cafe24Error, OSError) as e:
        remedy = e.remedy if isinstance(e, Cafe24Error) else ""
        detail = (f"{e.where}: {e.what}" if e.where else e.what) if isinstance(e, Cafe24Error) else str(e)
        return Finding(check.__name__.strip("_"), False, detail, remedy)


def _python(_settings: Settings, _mall_id: str) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "use Python 3.11 or later")


def _home(settings: Settings, _mall_id: str) -> Finding:
    folder: Path = settings.home.root
    while not folder.exists():
        folder = folder.parent
    ok = os.access(folder, os.W_OK | os.X_OK)
    return Finding("home", ok, str(settings.home.root), "give this user write access, or set CAFE24_HOME")


def _disk(settings: Settings, _mall_id: str) -> Finding:
    folder = settings.home.root
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding("disk", free >= FREE_BYTES, f"{free / 1e9:.1f} GB free", "free at least 1 GB")


def _key(settings: Settings, mall_id: str) -> Finding:
    if mall_id == SANDBOX_MALL:
        return Finding("key", True, "the sandbox's members are invented; it needs no key")
    if settings.encryption_key:
        return Finding("key", True, "member hashes use CAFE24_ENCRYPTION_KEY")
    path = settings.home.keys / f"{mall_id}.key"
    return Finding("key", True, f"member hashes use {path}; back it up, a lost key makes every member new")


def _lake(settings: Settings, mall_id: str) -> Finding:
    known = known_malls(settings.home)
    lake = parts.mall_lake(settings, mall_id)
    counts = lake.counts()
    for resource in counts:
        lake.query(f"SELECT count(*) FROM {resource}")
    detail = f"{sum(counts.values()):,} rows in {len(counts)} resources, malls: {', '.join(sorted(known))}"
    return Finding("lake", bool(counts), detail, f"run `cafe24 run --mall {mall_id}` first")


def _graph(settings: Settings, mall_id: str) -> Finding:
    from cafe24_pipelines.ontology.health_history import trend

    store = parts.graph_store(settings)
    try:
        counts = store.counts(mall_id)
    finally:
        store.close()
    detail = f"{counts.nodes:,} nodes, {counts.relationships:,} relationships ({settings.graph})"
    if points := trend(parts.event_log(settings), mall_id).points:
        detail += f", health {points[-1].score:g} when last checked (`cafe24 health`)"
    return Finding("graph", counts.nodes > 0, detail, "run `cafe24 run` or `cafe24 rebuild graph`")


def _vectors(settings: Settings, mall_id: str) -> Finding:
    store = parts.vector_store(settings)
    try:
        counts = store.counts(mall_id)
    finally:
        store.close()
    missing = [name for name in COLLECTIONS if not counts.get(name)]
    detail = f"{sum(counts.values()):,} points ({settings.vectors})"
    if missing:
        detail += f", missing: {', '.join(missing)}"
    return Finding("vectors", not missing, detail, "run `cafe24 run` or `cafe24 rebuild vectors`")


def _consent(settings: Settings, mall_id: str) -> Finding:
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    scopes = token_keeper(settings, mall_id).scopes()
    detail = f"scopes: {', '.join(sorted(scopes))}" if scopes else "no tokens are stored, or the mall named no scope"
    return Finding("consent", bool(scopes), detail, f"run `cafe24 authorize --mall {mall_id}`")


def _sync(settings: Settings, mall_id: str) -> Finding:
    from cafe24_pipelines.cafe24.sync.last import last_sync

    last = last_sync(parts.api_lake(settings, mall_id).root)
    wrong = [name for name, one in last.items() if not one["agreed"]]
    skipped = [name for name, one in last.items() if one["skipped"]]
    detail = f"{len(last) - len(wrong) - len(skipped)} resources agree with the mall"
    detail += f", not granted: {', '.join(skipped)}" if skipped else ""
    detail += f", open: {', '.join(wrong)}" if wrong else ""
    return Finding("sync", bool(last) and not wrong, detail, f"run `cafe24 sync --mall {mall_id}`")


def _erasures(settings: Settings, mall_id: str) -> Finding:
    from cafe24_pipelines.cafe24.erase import erased_members

    listed = erased_members(settings, mall_id)
    pending = len(listed.pending()) if listed else 0
    return Finding("erasures", not pending, f"{pending} unfinished", f"run `cafe24 erase --resume --mall {mall_id}`")


def _model(settings: Settings, _mall_id: str) -> Finding:
    local = settings.llm_model.startswith("local/")
    note = "composes answers from passages and computed facts; not a generative model" if local else "through LiteLLM"
    return Finding("model", True, f"{settings.llm_model} ({note})")
