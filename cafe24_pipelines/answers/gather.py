"""Gathering material for a question: what each part of the chain has to say about it.

Retrieval for the arms that use documents; the graph's neighbours of what was retrieved, exact aggregates and
patterns for the ontology arm. Does not belong here: deciding what the question wants (see `intents.py`), wording.
"""

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers import aggregates, graph_facts
from cafe24_pipelines.answers.aggregates import Aggregate, Computed, compute, state
from cafe24_pipelines.answers.evidence import Passage, pattern_text
from cafe24_pipelines.answers.intents import Route, choose
from cafe24_pipelines.answers.refusal import Refusal, forecast_text
from cafe24_pipelines.answers.slots import Coverage, Slots, coverage, find_slots, with_recent
from cafe24_pipelines.answers.words import concepts, content_words, squeezed, unused_words, with_synonyms
from cafe24_pipelines.names import API_DOCS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.discovery.patterns import Pattern

MAX_PASSAGES = 5
MAX_PATTERNS = 5
SHORT_PERIOD = 45
_TABLE_KO = {
    "customers": "회원", "customer_groups": "회원 등급", "products": "상품", "orders": "주문",
    "order_items": "주문 품목", "coupons": "쿠폰", "coupon_issues": "쿠폰 발급", "reviews": "리뷰",
    "events": "행동 기록", "documents": "API 문서",
}  # fmt: skip
_NO_ORDERS = Coverage(date(1970, 1, 1), date(1970, 1, 1))
"""Stands in for a mall without orders; aggregates that need orders are refused before it matters."""


def passages(found: Route, services: "Services") -> tuple[Passage, ...]:
    """Passages for the question, best first; those that share no word with it are left out.

    Raises:
        NotBuilt: no documents have been published for the mall.
    """
    collection = API_DOCS if found.api else None
    hits = services.retriever.search(found.question, collection=collection, limit=MAX_PASSAGES)
    words = content_words(found.question)
    related = [h for h in hits if _related(words, f"{h.document_id} {h.title} {h.text}")]
    asked = re.sub(r"[을를의]", "", squeezed(found.question))  # 주문 목록을 조회 names 주문 목록 조회
    related.sort(key=lambda h: _named(h.title, asked), reverse=True)  # stable: retrieval's order among equals
    return tuple(Passage(h.document_id, h.title, h.text, h.score) for h in related)


def _named(title: str, asked: str) -> int:
    """How much of the question a title is, when the question holds it whole (without its English in brackets)."""
    korean = squeezed(title.split(" (", maxsplit=1)[0])
    return len(korean) if len(korean) >= 4 and korean in asked else 0


def _related(words: list[str], text: str) -> bool:
    """At least a third of the question's content words (or a two-letter stem of one) are in the text."""
    if not words:
        return False
    body = squeezed(text)
    shared = sum(1 for word in words if word in body or (len(word) >= 3 and word[:-1] in body))
    return 3 * shared >= len(words)


def graph(found: tuple[Passage, ...], services: "Services") -> tuple[graph_facts.GraphFact, ...]:
    """Facts about the endpoints, scopes and concepts next to what was retrieved."""
    return graph_facts.around([p.document_id for p in found], services.graph, services.mall.mall_id)


def computed(found: Route, services: "Services") -> Computed | Refusal | None:
    """The exact aggregate for the question; a refusal when its data hasn't landed; None when no aggregate fits."""
    if not found.computes:
        return None
    with services.lake.duckdb(zone=services.mall.time_zone) as db:
        slots = find_slots(found.question, db, services.mall, coverage(db) or _NO_ORDERS)
        match = choose(_in_context(found, slots), aggregates.AGGREGATES, slots.filled, slots.filters)
        aggregate = match.aggregate
        if aggregate is None:
            return _unsupported_filter(slots) if match.ignored else None
        refusal = _not_landed(aggregate, services, db) or (None if aggregate.whole else _out_of_reach(slots))
        if refusal:
            return refusal
        return _with_notes(run(aggregate, slots, services, db), found, aggregate, slots)


def run(aggregate: Aggregate, slots: Slots, services: "Services", db: "DuckDBPyConnection") -> Computed:
    """Compute one aggregate with resolved slots."""
    slots = with_recent(slots) if aggregate.recent else slots
    if aggregate.python:
        rows, query = _PYTHON[aggregate.python](services)
        return state(aggregate, rows, query, slots.words(), currency=slots.currency)
    return compute(aggregate, db, slots.values(), slots.words(), currency=slots.currency)


def _in_context(found: Route, slots: Slots) -> Route:
    """The route with a concept for the length of the period (a trend over weeks is by day, over months by month).

    The words of a product's name are left out of the concepts.
    """
    short = bool(slots.named) and slots.period.days <= SHORT_PERIOD
    named = concepts(slots.rest) if slots.product else found.concepts
    return replace(found, concepts=named | {"short_period" if short else "long_period"})


def _unsupported_filter(slots: Slots) -> Refusal:
    named = ", ".join(f"'{getattr(slots, name)}'" for name in sorted(slots.filters))
    said = f"{named} 조건을 포함해 질문의 조건을" if named else "질문의 조건을"
    return Refusal(
        "unsupported_filter",
        f"{said} 모두 반영한 집계가 준비되어 있지 않아 답할 수 없습니다. "
        "조건을 줄여 하나씩 물어보시면 답할 수 있습니다.",
    )


def patterns(found: Route, services: "Services") -> tuple["Pattern", ...]:
    """The mall's patterns that share words with the question, or its best ones; unmeasured ones come last."""
    asked = [w for w in content_words(found.question) if not re.search(r"패턴|인사이트|발견|신호|특이|관련|많이", w)]
    words = with_synonyms(asked)
    order = {"confirmed": 0, "tentative": 1, "insufficient_data": 2}

    def shared(pattern: "Pattern") -> int:
        text = squeezed(f"{pattern.detector} {pattern_text(pattern)}")
        return sum(1 for word in words if word in text or (len(word) >= 3 and word[:-1] in text))

    ranked = sorted(services.patterns, key=lambda p: (-shared(p), order.get(p.status, 3), p.q or 0.0, p.id))
    related = [p for p in ranked if shared(p)]
    measured = [p for p in ranked if p.status != "insufficient_data"]
    return tuple((related or measured or ranked)[:MAX_PATTERNS])


def _not_landed(aggregate: Aggregate, services: "Services", db: "DuckDBPyConnection") -> Refusal | None:
    """A refusal that names the tables or fields the aggregate needs and the lake doesn't hold."""
    counts = services.lake.counts()
    missing = [_TABLE_KO[t] for t in aggregate.tables if not counts.get(t)]
    for name in () if missing else aggregate.filled:
        table, column = name.split(".")
        if db.sql(f"SELECT count({column}) FROM {table}").fetchall()[0][0] == 0:
            missing.append(f"{_TABLE_KO[table]}의 {column}")
    if not missing:
        return None
    needed = ", ".join(missing)
    return Refusal(
        "not_landed",
        f"'{aggregate.title}'에 필요한 데이터가 적재되지 않아 답할 수 없습니다. 필요한 것: {needed} 데이터. "
        "그 데이터를 원본에 넣고 cafe24 run을 다시 실행하면 답할 수 있습니다.",
    )


def _out_of_reach(slots: Slots) -> Refusal | None:
    """A refusal for a period that lies wholly outside the landed data."""
    cover = slots.coverage
    if slots.period.start > cover.as_of:
        after = f"{slots.period.label}은(는) 데이터의 마지막 날({cover.as_of}) 뒤입니다."
        return Refusal("forecast", f"{after} {forecast_text()}")
    if slots.period.end <= cover.first:
        return Refusal(
            "not_landed",
            f"{slots.period.label}의 데이터가 적재되지 않아 답할 수 없습니다. 적재된 주문은 {cover.first}부터 "
            f"{cover.as_of}까지입니다. 그 전의 주문을 적재하면 답할 수 있습니다.",
        )
    return None


def _with_notes(result: Computed, found: Route, aggregate: Aggregate, slots: Slots) -> Computed:
    """Says so when the period goes beyond the landed data, or when a word of the question was not understood."""
    notes = []
    cover, period = slots.coverage, slots.period
    beyond = period.start < cover.first or (period.end - cover.as_of).days > 1
    if beyond and not aggregate.whole:
        notes.append(f"(적재된 주문은 {cover.first}부터 {cover.as_of}까지입니다.)")
    unused = unused_words(found.question, tuple(slots.words().values()))
    if unused and not (found.documents or found.patterns):
        notes.append(f"(질문의 {', '.join(f'‘{w}’' for w in unused)}은(는) 조건으로 쓰지 않았습니다.)")
    return replace(result, text="\n".join([result.text, *notes])) if notes else result


def _rfm_segments(services: "Services") -> tuple[list[dict[str, Any]], str]:
    from cafe24_pipelines.crm.rfm import rfm, rfm_segments

    frame = rfm_segments(rfm(services.lake, services.mall).table)
    rows = [
        {"name": str(name), "customers": int(n)} for name, n in zip(frame["segment"], frame["customers"], strict=True)
    ]
    return rows, f"cafe24 metrics rfm --json --mall {services.mall.mall_id}"


_PYTHON = {"rfm_segments": _rfm_segments}
