"""Gathering material for a question: what each part of the chain has to say about it.

Exact aggregates and patterns, for the ontology arm; passages are in `passages.py`, graph facts in `graph_facts.py`.
Does not belong here: deciding what the question wants (see `intents.py`), wording.
"""

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from cafe24_pipelines.answers import aggregates
from cafe24_pipelines.answers.aggregates import Aggregate, Computed, compute, filter_titles
from cafe24_pipelines.answers.computations import COMPUTATIONS
from cafe24_pipelines.answers.customer import member_key
from cafe24_pipelines.answers.details import asked_lines
from cafe24_pipelines.answers.evidence import pattern_text
from cafe24_pipelines.answers.identifiers import record_named, unknown_path
from cafe24_pipelines.answers.intents import BUSINESS, Route, choose
from cafe24_pipelines.answers.lake_names import LakeSession, session
from cafe24_pipelines.answers.model_queries import accounts_for, asker, chosen, free_answer, with_choice
from cafe24_pipelines.answers.refusal import Refusal, forecast_text
from cafe24_pipelines.answers.rows import reference
from cafe24_pipelines.answers.slots import Coverage, Slots, find_slots, with_recent
from cafe24_pipelines.answers.words import (
    concepts,
    content_words,
    leading_words,
    squeezed,
    unused_words,
    with_synonyms,
)
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.discovery.patterns import Pattern

MAX_PATTERNS = 5
SHORT_PERIOD = 45
SHOWN_OF_ALL = 20
_TABLE_KO = {
    "customers": "회원", "customer_groups": "회원 등급", "products": "상품", "orders": "주문",
    "order_items": "주문 품목", "coupons": "쿠폰", "coupon_issues": "쿠폰 발급", "reviews": "리뷰",
    "events": "행동 기록", "documents": "API 문서", "categories": "카테고리",
}  # fmt: skip
_NO_ORDERS = Coverage(date(1970, 1, 1), date(1970, 1, 1))
"""Stands in for a mall without orders; aggregates that need orders are refused before it matters."""


def computed(found: Route, services: "Services") -> Computed | Refusal | None:
    """The exact aggregate for the question; a refusal when its data hasn't landed or it names what doesn't exist;
    None when no aggregate fits.
    """
    with session(services) as opened:
        missing = unknown_path(found.question, opened.names)
        if missing or found.api:
            return missing or (_computed(found, services, opened) if found.computes else None)
        return _computed(found, services, opened)


def _computed(found: Route, services: "Services", opened: LakeSession) -> Computed | Refusal | None:
    db, names = opened.db, opened.names
    slots = find_slots(found.question, names, services.mall, names.coverage or _NO_ORDERS)
    member = "" if found.api else member_key(found.question, db)
    if isinstance(member, Refusal):
        return member
    record = None if found.api else record_named(found.question, names, db)
    if isinstance(record, Refusal):
        return record
    slots = replace(slots, member=member, record=record.id if record else "")
    if not found.computes and not _about_a_thing(found, slots):
        return None
    here, slots = _in_context(found, slots)
    if record:
        here = replace(here, concepts=frozenset([f"{record.kind}_record"]), documents=False, patterns=False)
    slots = replace(slots, direction=_direction(here.concepts))
    match = choose(here, aggregates.AGGREGATES, slots.filled | slots.filters, slots.filters)
    aggregate = match.aggregate
    if aggregate is None:
        if slots.unknown and not (here.documents or here.patterns):
            return _unknown(slots.unknown)
        by_model = _by_model(here, slots, services, opened, ignored=match.ignored)
        refused = match.ignored or slots.record or _asks_a_figure(here)
        return by_model or (_unsupported_filter(slots) if refused else None)
    refusal = _not_understood(here, aggregate, slots) or _not_landed(aggregate, services, db)
    refusal = refusal or (None if aggregate.whole else _out_of_reach(slots))
    return refusal or _with_notes(run(aggregate, slots, services, db), found, aggregate, slots)


_FIGURES = frozenset(
    [
        "count",
        "top",
        "low",
        "rate",
        "total",
        "average",
        "how_many",
        "compare",
        "many",
        "share",
        "sales",
        "units",
        "aov",
    ]
)
_COUNTS = frozenset(["count", "heads", "how_many", "rate", "total", "average"])
"""Without a thing of the shop beside them, these ask for something that the shop's data doesn't hold (직원 몇 명)."""
_DOES = re.compile(r"조회|등록|수정|삭제|설정|연동|관리|만들|보내|바꾸|확인하|가능|할수있|되나|제한")


def _asks_a_figure(here: Route) -> bool:
    """Whether it asks for a figure of the shop that no query gives: documentation would be an answer beside it."""
    other = here.documents or here.patterns or here.api or here.concepts & {"how", "advice", "definition"}
    counted = here.concepts & (_FIGURES if here.concepts & BUSINESS else _COUNTS)
    if other or not counted:
        return False
    return not (asked_lines(here.question) or _DOES.search(squeezed(here.question)))


def _about_a_thing(found: Route, slots: Slots) -> bool:
    """Whether "뭐야" asks about a thing of the mall ("A 상품의 분류가 뭐야") and not what a word means."""
    asked = found.documents and "definition" in found.concepts and not found.concepts & {"advice", "write"}
    return bool(asked and not found.api and slots.filters)


def _by_model(
    here: Route, slots: Slots, services: "Services", opened: LakeSession, *, ignored: bool
) -> Computed | Refusal | None:
    """What a generative model adds where the rules find nothing; None for the local composer."""
    ask, db = asker(services), opened.db
    if ask is None or here.documents or here.patterns or here.api or not (ignored or here.concepts & BUSINESS):
        return None
    choice = None if ignored else chosen(here.question, db, ask)
    if choice is not None:
        more = " ".join([here.question, *choice.slots.values()])
        wider = replace(find_slots(more, opened.names, services.mall, slots.coverage), direction=slots.direction)
        if accounts_for(choice, here.question, wider):
            refusal = _not_landed(choice.aggregate, services, db)
            refusal = refusal or (None if choice.aggregate.whole else _out_of_reach(wider))
            return refusal or with_choice(run(choice.aggregate, wider, services, db), choice)
    return free_answer(here.question, services, slots, ask)


def _not_understood(here: Route, aggregate: Aggregate, slots: Slots) -> Refusal | None:
    """A refusal when a word that narrows the question down was not understood.

    What stands before the last word that was understood narrows it down ("나이키 매출"); what stands after it is
    mostly how it was said, and a note is enough.
    """
    if len(slots.named) > 2:
        named = ", ".join(p.label for p in slots.named)
        return Refusal("unsupported_filter", f"한 번에 두 기간까지만 답할 수 있습니다({named}). 기간을 줄여 주세요.")
    time_refusal = _time_not_read(aggregate, slots)
    if time_refusal or (slots.unknown and not here.api):
        return time_refusal or _unknown(slots.unknown)
    if here.documents or here.patterns or here.api or slots.member or slots.record:
        return None
    leading = leading_words(here.question, (*slots.words().values(), *slots.said))
    if not leading:
        return None
    return _unread(leading, "상품·카테고리·등급·지역의 이름이라면 이 쇼핑몰의 자료에 없는 이름입니다.")


def _time_not_read(aggregate: Aggregate, slots: Slots) -> Refusal | None:
    left = re.findall(r"\d+(?:일|주|개월|달|년)(?=간|동안|안|내|전|[^가-힣]|$)", slots.rest)
    if left and "$days" not in aggregate.sql:
        return _unread(left, "기간은 '최근 30일'이나 '3월'처럼 적어 주세요.")
    if slots.unread:
        return _unread(slots.unread, "날짜나 '지난달', '3월', '최근 30일'처럼 기간을 적어 주세요.")
    return None


def run(aggregate: Aggregate, slots: Slots, services: "Services", db: "DuckDBPyConnection") -> Computed:
    """Compute one aggregate with resolved slots."""
    slots = with_recent(slots) if aggregate.recent else slots
    taken = slots.filters & aggregate.where.keys()
    behind = reference(aggregate, slots.values(), taken)
    aggregate = aggregates.narrowed(aggregate, taken, slots.direction)
    words = slots.words() | {"order": aggregates.order_name(aggregate, slots.direction)}
    words["extreme"] = "낮은" if slots.direction == "low" else "높은"
    words = {**words, **_filter_words(words, taken - set(aggregate.slots))}
    if aggregate.python:
        result = COMPUTATIONS[aggregate.python](aggregate, slots, services, db, words)
    else:
        result = compute(aggregate, db, slots.values(), words, currency=slots.currency)
    return replace(result, numbers=tuple(replace(n, rows=behind) for n in result.numbers)) if behind else result


def _filter_words(words: dict[str, str], taken: "frozenset[str] | set[str]") -> dict[str, str]:
    """The filters as a part of the sentence: they stand after the period, and alone where there is none."""
    titles = filter_titles()
    said = ", ".join(titles[name].format(**words) for name in sorted(taken))
    return {"period": f"{words['period']} [{said}]", "filter": f"[{said}] "} if said else {"filter": ""}


_DIMENSION = {"weekdays": "weekday", "hours": "hour", "gender": "gender", "tier": "tier", "region": "region",
              "category": "category", "branch": "category"}  # fmt: skip
"""The concept that the word for a named value's kind names: "토요일" is one weekday, no question by weekday."""


_BOTH = re.compile(
    r"회원.{0,3}비회원|비회원.{0,3}회원|신규.{0,6}(?:기존|재구매)|기존.{0,6}신규|남녀|(?:남|여)[성자].{0,4}(?:남|여)[성자]"
)
"""Both sides of a division are named: "비교" asks for one beside the other, not for two periods."""


def _in_context(found: Route, slots: Slots) -> tuple[Route, Slots]:
    """The route with the concepts of what is left when names and periods are taken out, and the slots it wants.

    The period's length is a concept too (a trend over weeks is by day, over months by month). Two tiers, regions or
    categories that are to be compared ask for the figures by tier, region or category, as does the share of one.
    """
    if slots.member:
        return replace(found, concepts=frozenset(["member"]), documents=False, patterns=False, api=False), slots
    short = bool(slots.named) and slots.period.days <= SHORT_PERIOD
    taken = slots.named or slots.product or slots.coupon_no
    named = concepts(slots.rest) if taken else found.concepts
    divided = set(slots.several)
    if "day_kind" in named:
        slots = replace(slots, limits=replace(slots.limits, weekdays=""))
    if "share" in named and named & {"sales", "orders"}:
        divided |= slots.filters & {"tier", "region", "gender"}
        slots = replace(slots, limit=SHOWN_OF_ALL) if divided else slots
    if slots.several:
        slots = replace(slots, limit=SHOWN_OF_ALL)
    for name in divided:
        slots = replace(slots, **({name: ""} if name != "gender" else {"limits": replace(slots.limits, gender="")}))
    named -= {_DIMENSION[name] for name in slots.filters if name in _DIMENSION} | (
        {"compare"} if slots.several else set()
    )
    if slots.branch and re.search(r"(?:카테고리|분류)(?:별|마다)", slots.rest):
        named = (named | {"category"}) - {"branch"}
    if "never_bought" in named and slots.named:  # "최근 3개월간 한 번도": not since then
        named -= {"never_bought"}
    if not slots.against and _BOTH.search(slots.rest):
        named -= {"compare"}
    if len(slots.named) == 2 and not (slots.several or named & {"why"}):
        named = (named | {"compare"}) - {"monthly", "best_day", "quarterly", "yearly", "weekly"}
        named -= set() if named & {"by_product", "sales_of_item", "product"} else {"top"}  # which of the two
    named |= {"short_period" if short else "long_period"} | ({"dated"} if slots.named else set()) | divided
    return replace(found, concepts=frozenset(named)), slots


def _direction(named: frozenset[str]) -> str:
    """Whether the lowest are asked for, the highest, or neither."""
    if named & {"low", "sold_out"} or ("fell" in named and "compare" in named and not named & {"rose"}):
        return "low"
    return "top" if named & {"top", "best_day"} else ""


def _unsupported_filter(slots: Slots) -> Refusal:
    named = ", ".join(f"'{slots.named_filter(name)}'" for name in sorted(slots.filters))
    said = f"{named} 조건을 포함해 질문의 조건을" if named else "질문의 조건을"
    return Refusal(
        "unsupported_filter",
        f"{said} 모두 반영한 집계가 준비되어 있지 않아 답할 수 없습니다. "
        "조건을 줄여 하나씩 물어보시면 답할 수 있습니다.",
    )


def _unknown(things: "Sequence[str]") -> Refusal:
    named = ", ".join(f"‘{thing}’" for thing in things)
    return Refusal(
        "unknown_name",
        f"{named}{particle(named, '은(는)')} 이 쇼핑몰의 자료에 없는 이름이라 답할 수 없습니다. "
        "상품·카테고리·등급·쿠폰의 이름을 자료에 있는 대로 적어 주세요.",
    )


def _unread(words: "Sequence[str]", what: str) -> Refusal:
    named = ", ".join(f"‘{word}’" for word in words)
    return Refusal(
        "unsupported_filter",
        f"질문의 {named}{particle(named, '이(가)')} 무엇을 뜻하는지 알 수 없어 답하지 않습니다. "
        f"그 말을 빼고 계산하면 다른 값이 됩니다. {what}",
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
        label = slots.period.label
        after = f"{label}{particle(label, '은(는)')} 데이터의 마지막 날({cover.as_of}) 뒤입니다."
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
    unused = (
        [] if slots.member or slots.record else unused_words(found.question, (*slots.words().values(), *slots.said))
    )
    if unused and not (found.documents or found.patterns):
        named = ", ".join(f"‘{w}’" for w in unused)
        notes.append(f"(질문의 {named}{particle(named, '은(는)')} 조건으로 쓰지 않았습니다.)")
    return replace(result, text="\n".join([result.text, *notes])) if notes else result
