"""Rules of what ties nodes together: how many relationships, between which labels, with equal keys on both ends.

A relationship is only required where the other end's label has any node: a mall without reviews or products is not at
fault. Does not belong here: whether the relationships are those that the lake calls for (`health_coverage.py`).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cafe24_pipelines.korean import particle
from cafe24_pipelines.ontology.health_graph import GraphSeen, attempt
from cafe24_pipelines.ontology.health_links import ENDS, Side, Tallies, Tally, grouping_end, sides
from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, Violation, violation
from cafe24_pipelines.ontology.model import Relationship

Rows = list[dict[str, Any]]

MISSING_REMEDY: Final = (
    "연결할 상대가 적재되지 않았습니다. 참조(references) 항목의 끊긴 키를 먼저 고치고 `cafe24 run`을 실행하세요."
)
SEVERAL_REMEDY: Final = (
    "하나여야 할 관계가 여럿입니다. `cafe24 rebuild graph`를 실행하고, 그대로면 domain.yaml의 cardinality를 "
    "확인하세요."
)
WRONG_END_REMEDY: Final = (
    "관계가 다른 노드에 잘못 이어졌습니다. `cafe24 rebuild graph`로 다시 만들고, 그래프를 직접 고치는 작업이 있으면 "
    "멈추세요."
)
CLOSED_REMEDY: Final = (
    "온톨로지에 없는 것이 그래프에 있습니다. domain.yaml에 더하거나, `cafe24 rebuild graph`로 다시 만드세요."
)
ORPHAN_REMEDY: Final = (
    "아무것과도 이어지지 않아 답변과 분석에 쓰이지 않습니다. 상대가 될 자료(회원, 주문상품, 상품 등)를 적재하고 "
    "`cafe24 run`을 실행하세요."
)


def relationship_violations(seen: GraphSeen, tallies: Tallies) -> Iterator[Violation]:
    """Everything that is wrong with how nodes are tied together, and nodes that nothing is tied to."""
    short: set[str] = set()
    for kind, r in seen.domain.relationships.items():
        for side in (side for end in ENDS if end in (r.required, r.single) for side in sides(seen, kind, end)):
            for v in attempt(partial(_too_few_or_many, seen, side), kind):
                short |= {side.label} if v.rule in ("minCount", "unchecked") else set()
                yield v
        for side in sides(seen, kind, grouping_end(r)):
            if tally := tallies.get((kind, side.label)):
                yield from attempt(partial(_of_grouped, seen, side, tally), kind)
        if seen.counts.by_type.get(kind):
            yield from attempt(partial(_wrong_labels, seen, kind, r, tallies), kind)
    yield from _unknown(seen)
    for label in _may_be_orphans(seen, short):
        yield from attempt(partial(_orphans, seen, label), label)


def _too_few_or_many(seen: GraphSeen, side: Side) -> Iterator[Violation]:
    """Nodes without a relationship that they must have, or with two where one is allowed."""
    r, label, links = side.relationship, side.label, seen.counts.by_type.get(side.kind, 0)
    missing: int | None = None
    if r.required == side.end:
        without = "" if not links else f" WHERE NOT EXISTS {{ MATCH {side.pattern('n')} }}"
        matching = f"MATCH (n:{label}){without}"
        missing = seen.numbers(f"{matching} RETURN count(n) AS nodes")["nodes"] if links else seen.held(label)
        if missing:
            message = f"{r.ko} 관계({side.kind})가 없는 {seen.domain.labels[label].ko}"
            rows = seen.evidence(label, matching)
            yield _of_side(seen, side, "minCount", message, MISSING_REMEDY, count=missing, rows=rows)
    if r.single != side.end or not links or (missing is not None and links == seen.held(label) - missing):
        return  # with as many relationships as nodes that have one, none has two
    several = f"{side.match} WITH n, count(r) AS links WHERE links > 1"
    if count := seen.numbers(f"{several} RETURN count(n) AS nodes")["nodes"]:
        rows = seen.evidence(label, several, ", links")
        message = f"{r.ko} 관계({side.kind})가 둘 이상인 {seen.domain.labels[label].ko}"
        yield _of_side(seen, side, "maxCount", message, SEVERAL_REMEDY, count=count, rows=rows)


def _of_side(
    seen: GraphSeen, side: Side, rule: str, message: str, remedy: str, *, count: int, rows: Rows
) -> Violation:
    return violation(
        "cardinality", rule, "Violation", side.label, side.path, count=count, total=seen.held(side.label),
        message=message, remedy=remedy, rows=rows,
    )  # fmt: skip


def _of_grouped(seen: GraphSeen, side: Side, tally: Tally) -> Iterator[Violation]:
    """Relationships that stand twice, or whose ends differ, as they were counted at one label."""
    r, kind, total = side.relationship, side.kind, seen.counts.by_type[side.kind]
    if tally.repeated:
        rows = _pairs(seen, side, f"{side.match} WITH n, o, count(r) AS links WHERE links > 1", ", links")
        yield violation(
            "cardinality", "repeated", "Violation", kind, "", count=tally.repeated, total=total,
            message=f"같은 두 노드 사이에 거듭된 {r.ko} 관계({kind})", remedy=SEVERAL_REMEDY, rows=rows,
        )  # fmt: skip
    if tally.differing and r.equal:
        (start, end), (one, other) = ("n", "o") if side.end == "from" else ("o", "n"), r.equal
        more = f", {start}.{one} AS from_value, {end}.{other} AS to_value"
        yield violation(
            "references", "equals", "Violation", kind, "", count=tally.differing, total=total,
            message=f"{kind} 관계의 두 끝에서 {one}{particle(one, '과(와)')} {other} 값이 다름",
            remedy=WRONG_END_REMEDY, rows=_pairs(seen, side, f"{side.match} WHERE {side.differing}", more),
        )  # fmt: skip


def _wrong_labels(seen: GraphSeen, kind: str, r: Relationship, tallies: Tallies) -> Iterator[Violation]:
    """Relationships that tie other labels than they are made for: from one end or the other, fewer are found."""
    total, grouping = seen.counts.by_type[kind], grouping_end(r)
    here, there = list(sides(seen, kind, grouping)), sides(seen, kind, "to" if grouping == "from" else "from")
    if any((kind, side.label) not in tallies for side in here):
        return  # it couldn't be counted, and that has been told
    known = sum(tallies[(kind, side.label)].links for side in here)
    opposite = sum(seen.numbers(f"{side.match} RETURN count(r) AS links")["links"] for side in there)
    if wrong := total - min(known, opposite):
        made_for = " AND ".join(f"NOT (a:{start} AND b:{end})" for start, end in r.pairs)
        yield violation(
            "references", "class", "Violation", kind, "", count=wrong, total=total,
            message=f"정해지지 않은 라벨을 잇는 {r.ko} 관계({kind})", remedy=WRONG_END_REMEDY,
            rows=_ends(seen, f"MATCH (a)-[:{kind}]->(b) WHERE {made_for}"),
        )  # fmt: skip


def _unknown(seen: GraphSeen) -> Iterator[Violation]:
    """Labels and relationship types that the ontology doesn't have."""
    for label in sorted(set(seen.counts.by_label) - set(seen.domain.labels)):
        yield violation(
            "references", "closed", "Violation", label, "", count=seen.counts.by_label[label],
            total=seen.counts.nodes, message=f"온톨로지에 없는 라벨 {label}", remedy=CLOSED_REMEDY,
            rows=seen.evidence(label, f"MATCH (n:`{label}`)"),
        )  # fmt: skip
    for kind in sorted(set(seen.counts.by_type) - set(seen.domain.relationships)):
        yield violation(
            "references", "closed", "Violation", kind, "", count=seen.counts.by_type[kind],
            total=seen.counts.relationships, message=f"온톨로지에 없는 관계 {kind}", remedy=CLOSED_REMEDY,
            rows=_ends(seen, f"MATCH (a)-[:`{kind}`]->(b)"),
        )  # fmt: skip


def _pairs(seen: GraphSeen, side: Side, matching: str, more: str) -> Rows:
    """Keys of both ends (a uid, where the other's label may be one of several), of some that `matching` finds."""
    mine, theirs = ("from_", "to_") if side.end == "from" else ("to_", "from_")
    other = seen.keys("o", side.others[0], theirs) if len(side.others) == 1 else f"o.uid AS {theirs}uid"
    shown = f"{seen.keys('n', side.label, mine)}, {other}{more}"
    return seen.ask(f"{matching} RETURN {shown} ORDER BY n.uid, o.uid LIMIT {EVIDENCE_ROWS}")


def _ends(seen: GraphSeen, matching: str) -> Rows:
    """Uids of both ends: these may be of any label."""
    shown = "a.uid AS from_uid, b.uid AS to_uid"
    return seen.ask(f"{matching} RETURN {shown} ORDER BY from_uid, to_uid LIMIT {EVIDENCE_ROWS}")


def _may_be_orphans(seen: GraphSeen, short: set[str]) -> Iterator[str]:
    """Labels whose nodes could stand alone: not those whose every node has a relationship that it must have."""
    required: set[str] = set()
    neighbours: dict[str, set[str]] = {}
    for r in seen.domain.relationships.values():
        for start, end in r.pairs:
            neighbours.setdefault(start, set()).add(end)
            neighbours.setdefault(end, set()).add(start)
            required |= {start} if r.required == "from" else {end} if r.required == "to" else set()
    for name, label in seen.domain.labels.items():
        near = any(seen.held(other) for other in neighbours.get(name, set()))
        if seen.held(name) and near and not label.alone and not (name in required and name not in short):
            yield name


def _orphans(seen: GraphSeen, label: str) -> Iterator[Violation]:
    matching = f"MATCH (n:{label}) WHERE NOT EXISTS {{ MATCH (n)-[]-(o) }}"
    if count := seen.numbers(f"{matching} RETURN count(n) AS nodes")["nodes"]:
        yield violation(
            "orphans", "orphan", "Warning", label, "", count=count, total=seen.held(label),
            message=f"아무 관계도 없는 {seen.domain.labels[label].ko}", remedy=ORPHAN_REMEDY,
            rows=seen.evidence(label, matching),
        )  # fmt: skip
