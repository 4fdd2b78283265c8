"""Digests as documents of the insights collection: what was told lately, with what is thought of it now.

A title that was told stays true only while its finding does, so a document lists the findings as they stand now, not
as they stood. Made of events and patterns alone, so a rebuild gives the same. Does not belong here: indexing.
"""

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.names import INSIGHTS, SEOUL

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.documents import Document
    from cafe24_pipelines.stores.events import Event, EventLog

RECENT: Final = 6
"""Digests that can be searched: three days of two; all of them are in the event log."""


def digest_documents(log: "EventLog", mall_id: str, patterns: "list[Pattern]") -> "list[Document]":
    """One document a digest that was told, the latest only; none before the first."""
    from cafe24_pipelines.knowledge.documents import Document
    from cafe24_pipelines.reports.publish import archived

    titles = {p.id: p.title for p in patterns}
    told = [e for e in archived(log, mall_id) if e.payload["status"] in ("sent", "unknown") and e.payload["items"]]
    return [
        Document(
            document_id=f"digest-{event.payload['digest_id']}", collection=INSIGHTS, kind="digest",
            title=f"{event.occurred_at.astimezone(ZoneInfo(SEOUL)):%Y-%m-%d %H:%M}에 보낸 소식",
            body=_body(event, titles), language="ko", source=f"reports/{mall_id}/digest", tags="digest",
        )
        for event in told[-RECENT:]
    ]  # fmt: skip


def _body(event: "Event", titles: dict[str, str]) -> str:
    lines = [f"자료 기준일 {event.payload['as_of']}. 보낸 소식 {len(event.payload['items'])}건."]
    for item in event.payload["items"]:
        kind, _, rest = item["identity"].partition(":")
        now = titles.get(rest.partition(":")[0], "") if kind == "finding" else item["title"]
        lines.append(f"- {now}" if now else "- 지금은 나타나지 않는 패턴")
    return "\n".join(lines)
