"""What a health check reports: violations in the manner of SHACL, and the score that follows from them.

The score is the sum of seven parts. A violation costs its part in proportion to the share of wrong rows; a tenth of
them wrong costs all of it. Points are rounded down, so 100 means that nothing at all was found, and one more wrong
row never raises a score. Evidence rows carry keys; a member's pseudonym is cut short.

Does not belong here: finding violations (the other `health_*.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import floor
from typing import Any, Final, Literal

Severity = Literal["Violation", "Warning", "Info"]

WEIGHTS: Final = {
    "coverage": 30, "references": 20, "properties": 20, "cardinality": 10, "orphans": 5, "duplicates": 5,
    "freshness": 10,
}  # fmt: skip
"""Points of each part."""
PARTS_KO: Final = {
    "coverage": "자료 반영", "references": "참조", "properties": "속성", "cardinality": "관계 수", "orphans": "고립",
    "duplicates": "중복", "freshness": "최신성",
}  # fmt: skip
NOTES: Final = "notes"
"""What is worth knowing and costs nothing."""
TOLERANCE: Final = 0.1
"""Share of wrong rows at which a part has no points left."""
EVIDENCE_ROWS: Final = 20
PSEUDONYM_LETTERS: Final = 8
TEXT_LETTERS: Final = 60


@dataclass(frozen=True)
class Violation:
    """One rule that some rows break.

    `focus` is the label (or relationship type) that the rule is about; `path` the property, or the relationship as a
    SPARQL path (`^CONTAINS` is read against its direction), "" for the node itself. `rule` is a SHACL constraint
    (minCount, maxCount, datatype, in, minInclusive, maxInclusive, equals, class, hasValue, closed) or one of ours
    (key, orphan, reference, coverage, repeated, stale, unchecked). `count` of `total` rows break it, and `rows` shows
    up to 20 of them. `loss` is what it costs: the share of its part's points (0 to 1). `message` and `remedy` are
    Korean.
    """

    part: str
    rule: str
    severity: Severity
    focus: str
    path: str
    count: int
    total: int
    message: str
    remedy: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    loss: float = 0.0

    @property
    def shape(self) -> str:
        """A name that stays: `CRM_OrderItem/^CONTAINS/minCount`."""
        return "/".join(x for x in (self.focus, self.path, self.rule) if x)


def loss_of(count: int, total: int) -> float:
    """What `count` wrong rows among `total` cost, as a share of a part's points (0 to 1)."""
    share = min(1.0, count / total) if total else float(count > 0)
    return min(1.0, share / TOLERANCE)


def violation(
    part: str, rule: str, severity: Severity, focus: str, path: str, /,
    *, count: int, total: int, message: str, remedy: str, rows: Iterable[Mapping[str, Any]] = (),
) -> Violation:  # fmt: skip
    """A violation with its rows made fit to be shown and its loss worked out; notes cost nothing."""
    loss = 0.0 if part == NOTES else loss_of(count, total)
    shown = [shown_row(row) for row in rows][:EVIDENCE_ROWS]
    return Violation(part, rule, severity, focus, path, count, total, message, remedy, shown, loss)


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as plain JSON values: pseudonyms and long texts cut short, times as UTC ISO 8601."""
    return {name.replace("member_key", "member"): shown_value(name, value) for name, value in row.items()}


def shown_value(name: str, value: Any) -> Any:
    """One value under the name it has in the graph or the lake."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return iso(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    length = PSEUDONYM_LETTERS if name.endswith("member_key") else TEXT_LETTERS
    return text if len(text) <= length else text[:length] if length == PSEUDONYM_LETTERS else text[: length - 1] + "…"


def iso(value: datetime | None) -> str:
    """UTC ISO 8601 of a time, whatever zone its object carries; "" for None."""
    if value is None:
        return ""
    return (value.astimezone(UTC) if value.tzinfo else value).isoformat()


def parts_of(violations: Iterable[Violation]) -> dict[str, float]:
    """The points of each part, rounded down to hundredths."""
    lost = dict.fromkeys(WEIGHTS, 0.0)
    for v in violations:
        if v.part in lost:
            lost[v.part] += v.loss
    return {name: floor(100 * WEIGHTS[name] * max(0.0, 1 - lost[name])) / 100 for name in WEIGHTS}


def score_of(parts: Mapping[str, float]) -> float:
    """The sum of the parts, rounded down to tenths: 0 to 100."""
    return sum(round(100 * points) for points in parts.values()) // 10 / 10


@dataclass(frozen=True)
class Health:
    """The health of one published build.

    `score` is 0 to 100 and `parts` its points by part (out of `WEIGHTS`); violations come worst first. `coverage` has
    for every label and relationship that the lake decides what the graph holds and what the lake calls for. Times are
    UTC ISO 8601 ("" without orders); `hours_behind` and `orders_behind` say how far the lake is ahead.
    """

    mall_id: str
    build_id: str
    digest: str
    score: float
    parts: dict[str, float]
    violations: list[Violation]
    coverage: dict[str, tuple[int, int]]
    nodes: int
    relationships: int
    graph_as_of: str
    lake_as_of: str
    hours_behind: float
    orders_behind: int

    def of(self, *parts: str) -> list[Violation]:
        """The violations of these parts."""
        return [v for v in self.violations if v.part in parts]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values: each part with its weight and what it lost, each violation with its shape."""
        lost = {name: [v for v in self.violations if v.part == name and v.loss] for name in WEIGHTS}
        return {
            **asdict(self),
            "conforms": not any(v.loss for v in self.violations),
            "coverage": {name: list(pair) for name, pair in self.coverage.items()},
            "parts": {
                name: {"points": self.parts[name], "weight": weight, "lost_to": [v.shape for v in lost[name]]}
                for name, weight in WEIGHTS.items()
            },
            "violations": [{"shape": v.shape, **asdict(v)} for v in self.violations],
        }


def worst_first(violations: Iterable[Violation]) -> list[Violation]:
    """Those that cost most come first; notes last."""
    return sorted(violations, key=lambda v: (-v.loss * WEIGHTS.get(v.part, 0), v.part == NOTES, v.shape))
