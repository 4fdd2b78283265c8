"""What a digest says: news of a mall as items, the most urgent first, each with an identity by which it is told once.

An item is made of the snapshot, so a digest and the page agree. Does not belong here: what was told already
(`ledger.py`), Slack's format (`slack_blocks.py`), sending (`publish.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.reports.findings import effect_text
from cafe24_pipelines.reports.texts import change, clean, corrected, count, money, word

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

ALERT_DAYS: Final = 7
"""An alert of the research that waited longer than this is on record, and no news."""


@dataclass(frozen=True)
class Item:
    """One piece of news in Korean.

    Attributes:
        identity: by which it is told once: for a finding its id and status, and how often it was retracted; for a
            stock alert the product, the alert and the week of the data.
        kind: retracted, health, stock, research or confirmed.
        title, detail, action: what, how much, what to do; "" where there is none.
        query: of the evidence, short.
        anchor: of the page, where the whole stands.
    """

    identity: str
    kind: str
    title: str
    detail: str = ""
    action: str = ""
    query: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Digest:
    """One message: its items, what waits, and the headline numbers. `at` is aware."""

    digest_id: str
    mall_id: str
    at: datetime
    as_of: str
    headline: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]
    waiting: int = 0
    unconfirmed: int = 0
    link: str = ""

    @property
    def title(self) -> str:
        """Its heading, with Seoul's time."""
        return f"{self.mall_id} CRM 소식 · {self.at.astimezone(ZoneInfo(SEOUL)):%Y-%m-%d %H:%M}"

    def text(self) -> str:
        """All of it as plain lines, for the archive, files and terminals."""
        lines = [self.title, " · ".join(f"{name} {value}" for name, value in self.headline)]
        lines += [
            f"- [{KINDS[one.kind]}] {one.title}{f' ({one.detail})' if one.detail else ''}" for one in self.items
        ]
        return "\n".join([*lines, *self.notes()])

    def notes(self) -> list[str]:
        """What else there is to say: what waits, and what may not have arrived."""
        notes = [f"외 {self.waiting:,}건은 다음 소식에 싣습니다."] if self.waiting else []
        if self.unconfirmed:
            notes.append(f"앞서 보낸 {self.unconfirmed:,}건은 전달을 확인하지 못했습니다. 보고서에서 확인하세요.")
        return notes


_STOP: Final = "이 패턴에 맞추어 하던 일이 있으면 멈추고 다시 살펴보세요."
KINDS: Final = {
    "retracted": "철회", "health": "자료 이상", "stock": "재고", "research": "연구 비교", "confirmed": "새로 확정",
}  # fmt: skip
"""Kinds of news, the most urgent first."""


def items_of(snapshot: dict[str, Any], alerts: Iterable[Item] = ()) -> list[Item]:
    """Everything that the snapshot has to tell, told before or not, in the order in which it is told."""
    found = [*_findings(snapshot), *_stock(snapshot), *_health(snapshot), *alerts]
    order = list(KINDS)
    return sorted(found, key=lambda one: order.index(one.kind))  # stable: findings stay the surest first


def research_alerts(log: "EventLog", mall_id: str, now: datetime) -> list[Item]:
    """What `cross_pattern_v2` alerted to in the last days."""
    from cafe24_pipelines.research.comparison import ALERT

    return [
        Item(e.event_id, "research", clean(e.payload["title"]), clean(e.payload["text"]), anchor=_evidence(e.payload))
        for e in log.read_all(mall_id, types=(ALERT,))
        if (now - e.occurred_at).days < ALERT_DAYS
    ]


def _evidence(alert: dict[str, Any]) -> str:
    """Where the page shows what an alert is about: the finding, or the claims side by side."""
    return f"finding-{alert['pattern_id']}" if alert["kind"] == "differs" else "research"


def headline_of(snapshot: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The few numbers that stand over a digest, each with its period."""
    found = []
    if snapshot["sales"] and (last := snapshot["sales"]["last_full_month"]):
        moved = (
            "" if last["revenue_change"] is None else f" ({word('before', 'ko')} {change(last['revenue_change'])})"
        )
        value = money(last["revenue"], snapshot["currency"], "ko")
        found.append((f"{last['month']} {word('revenue', 'ko')}", f"{value}{moved}"))
        found.append((f"{last['month']} {word('orders', 'ko')}", count(last["orders"], "ko", "건")))
    if snapshot["churn"]:
        high = next((b["customers"] for b in snapshot["churn"]["bands"] if b["band"] == "높음"), None)
        if high is not None:
            found.append((f"{word('high risk', 'ko')} ({snapshot['churn']['as_of']})", count(high, "ko", "명")))
    return tuple(found)


def is_quiet(now: datetime, span: tuple[int, int] | None) -> bool:
    """Whether the moment falls into the quiet hours, minutes of the day in Seoul, over midnight too."""
    if span is None:
        return False
    local = now.astimezone(ZoneInfo(SEOUL))
    minute, (first, last) = local.hour * 60 + local.minute, span
    return first <= minute < last if first < last else minute >= first or minute < last


def _findings(snapshot: dict[str, Any]) -> list[Item]:
    return [_finding(one) for one in snapshot["findings"] if one["state"] in ("confirmed", "retracted")]


def _finding(one: dict[str, Any]) -> Item:
    identity = f"finding:{one['id']}:{one['state']}:{one['turn']}"
    query, anchor = clean(one["query"]), f"finding-{one['id']}"
    if one["state"] == "retracted":  # what it advised holds no longer
        title = clean(one["title"]).removeprefix("[철회] ")
        return Item(identity, "retracted", title, clean(one["summary"]), _STOP, query, anchor)
    return Item(identity, "confirmed", clean(one["title"]), _effect(one), clean(one["action"]), query, anchor)


def _effect(one: dict[str, Any]) -> str:
    effect = one["effect"]
    if None in (effect["value"], effect["low"], effect["high"]):
        return ""
    value, low, high = (effect_text(effect[k], effect["unit"]) for k in ("value", "low", "high"))
    sure = "" if one["q"] is None else f", {corrected(one['q'], 'ko')}"
    return f"효과 {value}, 95% 구간 {low} ~ {high}, 표본 {one['n']:,}{sure}"


def _stock(snapshot: dict[str, Any]) -> list[Item]:
    said = snapshot["stock"]
    if said is None:
        return []
    week = "-".join(map(str, date.fromisoformat(said["as_of"]).isocalendar()[:2])) if said["as_of"] else ""
    found = []
    for row in said["urgent"]:
        left = "" if row["days_left"] is None else f", 약 {row['days_left']:,.0f}일 분"
        held = "" if row["stock_quantity"] is None else f"재고 {row['stock_quantity']:,.0f}개{left}"
        found.append(
            Item(
                f"stock:{row['product_no']}:{row['alert']}:{week}", "stock",
                f"{clean(row['product_name'] or row['product_no'])} {row['alert']}", held, anchor="stock",
            )
        )  # fmt: skip
    return found


def _health(snapshot: dict[str, Any]) -> list[Item]:
    health = snapshot["quality"]["health"]
    if not health or not health["alarm"]:
        return []
    title = f"{word('graph health', 'ko')}: {clean(health['alarm'])}"
    return [Item(f"health:{health['build_id']}", "health", title, anchor="quality")]
