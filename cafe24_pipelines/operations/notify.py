"""Where an alert goes: a team's sink, by the routes of the settings.

`Notifier` is the one contract; a file and the console are here, Slack's is in `reports/`.
An alert is never lost to a sink that is down: it goes to the file then, and says so. Does not belong here: what
deserves an alert, or a sink's own protocol.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.stores.files import friendly_os_errors

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

ANY_TEAM: Final = "*"
LARGEST: Final = 5_000_000
"""Bytes of the alerts' file; the one before it is kept beside it. The event log is the record, this is a window."""
_LINES: Final = 20
_LETTERS: Final = 500


class Notifier(Protocol):
    """Something that takes an alert.

    `kind` is run.failed, run.recovered, run.hanging, readiness.changed or model.warmed; `owner` a team of `names.py`;
    `lines` are Korean sentences without personal data.
    """

    def notify(self, kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> None:
        """Deliver, or raise."""


class FileNotifier:
    """One JSON line an alert, in a file that stays small."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def notify(self, kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> None:
        """Append the alert."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        row = {"at": at, "kind": kind, "mall": mall_id, "owner": owner, "title": title, "lines": bounded(lines)}
        with friendly_os_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > LARGEST:
                self.path.replace(self.path.with_suffix(".1.jsonl"))
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


class ConsoleNotifier:
    """Prints to stderr, where a container's log is read."""

    def notify(self, kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> None:
        """Print the alert."""
        lines = [f"[{kind}] {owner} · {mall_id} · {title}", *(f"  {line}" for line in bounded(lines))]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


class Routes:
    """A notifier that hands each alert to its team's sink."""

    def __init__(self, sinks: Mapping[str, Notifier], spare: Notifier) -> None:
        self.sinks, self.spare = sinks, spare

    def notify(self, kind: str, mall_id: str, owner: str, title: str, lines: Sequence[str]) -> None:
        """To the sink of `owner`, else to that of `*`, else to the file; to the file too when the sink fails."""
        sink = self.sinks.get(owner) or self.sinks.get(ANY_TEAM) or self.spare
        try:
            sink.notify(kind, mall_id, owner, title, bounded(lines))
        except Exception as e:  # whatever a sink's client raises, the alert must not be lost
            if sink is self.spare:
                raise
            self.spare.notify(kind, mall_id, owner, title, [*bounded(lines), f"전송 실패: {type(e).__name__}"])


def bounded(lines: Sequence[str]) -> list[str]:
    """At most 20 lines of at most 500 letters."""
    kept = [line if len(line) <= _LETTERS else line[: _LETTERS - 1] + "…" for line in lines[:_LINES]]
    return [*kept, f"… 외 {len(lines) - _LINES}줄"] if len(lines) > _LINES else kept


Sink = Callable[["Settings", str], Notifier]
"""Makes a notifier from the settings and the target of a route (a channel; "" when none is named)."""


def _slack(settings: "Settings", channel: str) -> Notifier:
    from cafe24_pipelines.reports.slack_alerts import slack_alerts

    return slack_alerts(settings, channel)


_SINKS: Final[dict[str, Sink]] = {
    "slack": _slack,
    "file": lambda settings, target: FileNotifier(
        settings.home.root / f"{target.removesuffix('.jsonl') or 'alerts'}.jsonl"
    ),
    "console": lambda _settings, _target: ConsoleNotifier(),
}


def notifier(settings: "Settings") -> Routes:
    """The notifier of an installation.

    Raises:
        ConfigError: a route names a sink that there is not.
    """
    sinks = {}
    for team, route in settings.alert_routes:
        name, _, target = route.partition(":")
        if name not in _SINKS:
            raise ConfigError(
                f"CAFE24_ALERT_ROUTES: {name!r} is no sink", remedy=f"use one of: {', '.join(sorted(_SINKS))}"
            )
        sinks[team] = _SINKS[name](settings, target)
    return Routes(sinks, _SINKS["file"](settings, ""))
