"""A mall that uninstalled the app: asked whether that is true, given its results, removed when the grace days end.

A webhook is a hint: it comes late, twice, or from whoever knows the key, and the app may have been installed again
meanwhile. Nothing is removed while the mall takes our tokens; the uninstallation is then refuted by an event. Contact
fields, the only personal data here, go at once. Does not belong here: how things are removed (see `removal.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from cafe24_pipelines.lifecycle.export import export_mall
from cafe24_pipelines.lifecycle.removal import Progress, RunHistory, remove_mall
from cafe24_pipelines.lifecycle.state import REFUTED, MallState, mall_state
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog


def leaving(states: Mapping[str, MallState]) -> dict[str, MallState]:
    """Malls that have left and are not removed yet: uninstalled, or with a removal that did not come to its end."""
    return {mall: state for mall, state in states.items() if state.stage in ("uninstalled", "removing")}


def removal_due(settings: "Settings", state: MallState, now: datetime) -> bool:
    """Whether the grace days are over; a removal that was begun is always due."""
    if state.stage == "removing":
        return True
    return state.left_at is not None and now >= state.left_at + timedelta(days=settings.grace_days)


def begin_leaving(settings: "Settings", log: "EventLog", mall_id: str, left_by: str) -> dict[str, Any]:
    """Pack the mall's results and remove its contact fields; does nothing for a mall that is there after all.

    Returns:
        What was done, JSON-able.
    """
    state = mall_state(log, mall_id)
    if state.stage != "uninstalled" or state.left_by != left_by:
        return {"mall": mall_id, "done": "nothing: the mall did not leave, or not any more"}
    if asked(settings, log, state) == "there":
        return {"mall": mall_id, "done": "nothing: the mall still takes our tokens"}
    made = export_mall(settings, log, mall_id, left_at=state.left_at, reason=left_by)
    contacts = _drop_contacts(settings, mall_id)
    return {
        "mall": mall_id, "done": "exported", "export": str(made.path), "until": made.until.isoformat(),
        "contact_files_removed": contacts,
    }  # fmt: skip


def complete_removal(
    settings: "Settings",
    log: "EventLog",
    mall_id: str,
    left_by: str,
    *,
    history: RunHistory | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Remove a mall whose grace days are over; asked again right before, because nothing brings it back.

    A mall that does not answer is waited for, for as long again; then it is removed.

    Raises:
        Cafe24Error: as `remove_mall`.
    """
    state = mall_state(log, mall_id)
    if state.stage != "removing":
        if state.stage != "uninstalled" or state.left_by != left_by:
            return {"mall": mall_id, "done": "nothing: the mall did not leave, or not any more"}
        answer = asked(settings, log, state)
        if answer == "there":
            return {"mall": mall_id, "done": "nothing: the mall still takes our tokens"}
        if answer == "silent" and not _waited_enough(settings, state, now or datetime.now(UTC)):
            return {"mall": mall_id, "done": "postponed: the mall does not answer whether the app is gone"}
    report = remove_mall(settings, mall_id, history=history, progress=progress)
    return {"mall": mall_id, "done": "removed", **report.removed, "searched_for": report.searched_for}


def asked(settings: "Settings", log: "EventLog", state: MallState) -> Literal["gone", "there", "silent"]:
    """What the mall says about an uninstallation: `there` when it takes our tokens, which refutes it by an event."""
    from cafe24_pipelines.cafe24.admin_api.removal import drop_if_removed

    if not (settings.state_url or settings.home.state.exists()):
        return "gone"
    answer = drop_if_removed(settings, state.mall_id)
    if answer != "kept":
        return "silent" if answer == "unknown" else "gone"
    payload = {"event_id": state.left_by}
    log.append([Event(f"{REFUTED}:{state.left_by}", state.mall_id, REFUTED, datetime.now(UTC), payload)])
    return "there"


def _waited_enough(settings: "Settings", state: MallState, now: datetime) -> bool:
    return state.left_at is None or now >= state.left_at + timedelta(days=2 * settings.grace_days)


def _drop_contacts(settings: "Settings", mall_id: str) -> int:
    """Remove the encrypted table of contact fields; how many files."""
    gone = sorted(settings.home.contacts.glob(f"{mall_id}.*")) if settings.home.contacts.exists() else []
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
