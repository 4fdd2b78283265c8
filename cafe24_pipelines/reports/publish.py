"""Telling a mall's news: what is new and may be told now goes out as one message, and is archived.

Without a webhook the message goes to a file under the home and to whoever runs this. Does not belong here: what is
news (`digest.py`), what was told (`ledger.py`), Slack (`slack.py`, `slack_blocks.py`).
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cafe24_pipelines.reports.digest import Digest, headline_of, is_quiet, items_of, research_alerts
from cafe24_pipelines.reports.ledger import Ledger
from cafe24_pipelines.reports.slack import DeliveryUnknown, NotDelivered, SlackWebhook
from cafe24_pipelines.reports.slack_blocks import message
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.files import friendly_os_errors, fsync_dir

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

ARCHIVED: Final = "digest.archived"


class Sink(Protocol):
    """Where a digest goes. `channel` names it in the archive."""

    @property
    def channel(self) -> str:
        """Its name."""
        ...

    def send(self, body: dict[str, Any], text: str) -> None:
        """Hand over a message (`NotDelivered`, `DeliveryUnknown`)."""
        ...


@dataclass(frozen=True)
class FileSink:
    """A file with a line a message, durable when `send` returns; and the text to whoever listens."""

    path: Path
    say: Callable[[str], None] = print
    channel: str = "file"

    def send(self, body: dict[str, Any], text: str) -> None:
        """Append the message, then say it."""
        with friendly_os_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as f:
                f.write(json.dumps({"text": text, "message": body}, ensure_ascii=False) + "\n")
                f.flush()
                os.fsync(f.fileno())
            fsync_dir(self.path.parent)
        self.say(text)


@dataclass(frozen=True)
class Outcome:
    """What became of a digest: sent, nothing, quiet, refused or unknown. `waiting` counts news for the next one."""

    status: str
    told: int = 0
    waiting: int = 0
    reason: str = ""
    lasting: bool = False
    digest: Digest | None = None


def sink_for(settings: "Settings", mall_id: str, say: Callable[[str], None]) -> Sink:
    """Slack where a webhook is set, else the mall's file and `say`."""
    if settings.slack_webhook_url:
        return SlackWebhook(settings.slack_webhook_url)
    return FileSink(settings.home.reports / mall_id / "digests.jsonl", say)


def publish_digest(
    settings: "Settings", log: EventLog, snapshot: dict[str, Any], sink: Sink, *, now: datetime | None = None
) -> Outcome:
    """Tell what is new in a snapshot, at most `settings.digest_findings` pieces; nothing in quiet hours."""
    at, mall_id = (now or datetime.now(UTC)).astimezone(UTC), str(snapshot["mall_id"])
    ledger = Ledger(log, mall_id)
    news = [i for i in items_of(snapshot, research_alerts(log, mall_id, at)) if ledger.is_open(i.identity)]
    if is_quiet(at, settings.quiet_hours):
        return Outcome("quiet", waiting=len(news))
    chosen, doubt = news[: settings.digest_findings], ledger.in_doubt(at)
    if not chosen and not doubt:
        return Outcome("nothing")
    digest_id = json_digest([mall_id, at.isoformat(), [i.identity for i in chosen]])[:16]
    ours = set(ledger.claim([i.identity for i in chosen], digest_id, at))
    if not ours and chosen:
        return Outcome("nothing", waiting=len(news) - len(chosen))
    link = settings.report_url.replace("{mall_id}", mall_id)
    digest = Digest(
        digest_id, mall_id, at, snapshot["as_of"], headline_of(snapshot),
        tuple(i for i in chosen if i.identity in ours), len(news) - len(chosen), len(doubt), link,
    )  # fmt: skip
    outcome = _handed_over(digest, ledger, sorted(ours), sink)
    if outcome.status != "refused":
        ledger.doubt_told(doubt, digest_id, at)
    _archive(log, digest, outcome, sink.channel)
    return outcome


def _handed_over(digest: Digest, ledger: Ledger, ours: list[str], sink: Sink) -> Outcome:
    try:
        sink.send(message(digest), digest.text())
    except NotDelivered as e:
        ledger.release(ours, digest.digest_id, digest.at, e.what)
        waiting = digest.waiting + len(ours)
        return Outcome("refused", 0, waiting, str(e), lasting=e.lasting, digest=digest)
    except DeliveryUnknown as e:
        return Outcome("unknown", 0, digest.waiting, str(e), digest=digest)
    ledger.sent(ours, digest.digest_id, digest.at, sink.channel)
    return Outcome("sent", len(ours), digest.waiting, digest=digest)


def _archive(log: EventLog, digest: Digest, outcome: Outcome, channel: str) -> None:
    """Keep what was told and what became of it; the events are the archive, whatever the channel is."""
    payload = {
        "digest_id": digest.digest_id, "status": outcome.status, "channel": channel, "text": digest.text(),
        "as_of": digest.as_of, "waiting": outcome.waiting, "items": [_kept(asdict(one)) for one in digest.items],
    }  # fmt: skip
    event_id = f"{ARCHIVED}:{digest.mall_id}:{digest.digest_id}"
    log.append([Event(event_id, digest.mall_id, ARCHIVED, digest.at, payload)])


def _kept(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("identity", "kind", "title", "detail")}


def archived(log: EventLog, mall_id: str) -> list[Event]:
    """Every digest of a mall, oldest first."""
    return list(log.read_all(mall_id, types=(ARCHIVED,)))
