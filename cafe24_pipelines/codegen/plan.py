"""What a snippet will do, decided before a line is written: the operation, where its ids come from, its parameters.

Does not belong here: which operation a question means (`grounding.py`), what it says of dates and states
(`asked.py`), how the code reads (`templates.py`).
"""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from cafe24_pipelines.codegen.asked import Asked
from cafe24_pipelines.codegen.lookup import by_id, embeds, in_analytics, path_names, sent_names
from cafe24_pipelines.knowledge.operations import ApiOperation

USUAL_DAYS: Final = 30
"""The period where an operation needs one and the question names none."""

SLICES: Final = {"orders": 89, "boards-articles": 360}
"""Days that a call may span at most, by resource (orders: less than 3 months, articles: less than a year)."""

NEEDS_PERIOD: Final = ("GET /api/v2/admin/orders", "GET /api/v2/admin/orders/count")
"""Take no call without a period, although the table of the operation doesn't mark it as required."""

PERIODS: Final = (
    ("start_date", "end_date"), ("created_start_date", "created_end_date"),
    ("issued_start_date", "issued_end_date"), ("updated_start_date", "updated_end_date"),
    ("requested_start_date", "requested_end_date"), ("benefit_start_date", "benefit_end_date"),
    ("linked_start_date", "linked_end_date"), ("start_month", "end_month"),
)  # fmt: skip

FROM: Final = {
    "member_id": ("GET /api/v2/admin/orders", "member_id"), "order_id": ("GET /api/v2/admin/orders", "order_id"),
    "product_no": ("GET /api/v2/admin/products", "product_no"),
    "category_no": ("GET /api/v2/admin/categories", "category_no"),
    "board_no": ("GET /api/v2/admin/boards", "board_no"), "coupon_no": ("GET /api/v2/admin/coupons", "coupon_no"),
    "group_no": ("GET /api/v2/admin/customergroups", "group_no"), "shop_no": ("GET /api/v2/admin/shops", "shop_no"),
    "skin_no": ("GET /api/v2/admin/themes", "skin_no"),
    "order_item_code": ("GET /api/v2/admin/orders/{order_id}/items", "order_item_code"),
}  # fmt: skip
"""Where ids come from when the question names none: (operation, field). Members: of recent orders."""

ALSO_NEEDED: Final = {
    "GET /api/v2/admin/customers": "member_id", "GET /api/v2/admin/carts": "member_id",
    "GET /api/v2/admin/reports/salesvolume": "product_no", "GET /api/v2/admin/orders/coupons": "order_id",
    "GET /api/v2/admin/orders/benefits": "order_id", "GET /api/v2/admin/orders/memos": "order_id",
}  # fmt: skip
"""Query parameters that an operation can't do without, as its description (not its table) says."""

USUAL: Final = {"display_group": 1, "shop_no": 1, "language_code": "ko_KR"}
WALKED: Final = ("limit", "offset")


@dataclass(frozen=True)
class Variable:
    """A value that stands in the code under a name."""

    name: str


@dataclass(frozen=True)
class Period:
    """Query parameters of a period, its local dates (both inclusive), its name, and days a call may span (0: all)."""

    start_name: str
    end_name: str
    start: date
    end: date
    label: str
    slice_days: int = 0


@dataclass(frozen=True)
class Source:
    """Ids from a list: its operation, the field (`key`), the variable that they become, the list's parameters."""

    operation: ApiOperation
    key: str
    name: str
    query: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One snippet.

    `known` are path values that the question gives; `open_names` those that its reader fills in; `recent` are the
    days in which ids are looked for when the question names no period.
    """

    operation: ApiOperation
    sources: tuple[Source, ...] = ()
    known: dict[str, object] = field(default_factory=dict)
    query: dict[str, object] = field(default_factory=dict)
    period: Period | None = None
    open_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    recent: tuple[date, date] = (date.min, date.max)

    @property
    def operations(self) -> tuple[ApiOperation, ...]:
        """Every operation that it calls, in the order of the calls."""
        return tuple(dict.fromkeys([*(s.operation for s in self.sources), self.operation]))


def make_plan(op: ApiOperation, asked: Asked, mall_id: str) -> Plan:
    """The plan of one operation for what was asked."""
    plan = Plan(op, recent=(asked.as_of - timedelta(days=USUAL_DAYS - 1), asked.as_of))
    for name in _needed(op):
        plan = _with_value(plan, name, asked, mall_id)
    plan = _with_period(plan, asked)
    if op.method == "GET":
        plan = _with_filters(plan, asked)
    else:
        taken = sent_names(op)
        plan = replace(plan, query={n: v for n, v in asked.values.items() if n in taken and n not in plan.known})
    notes = list(plan.notes)
    if op.approved:
        notes.append("카페24의 별도 승인을 받은 앱만 호출할 수 있는 API입니다. 승인이 없으면 403입니다.")
    if plan.open_names:
        notes.append(f"값을 채워야 합니다: {', '.join(plan.open_names)}.")
    return replace(plan, notes=tuple(dict.fromkeys(notes)))


def _needed(op: ApiOperation) -> list[str]:
    """Path arguments and required query parameters, but for periods."""
    period = {name for pair in PERIODS for name in pair}
    required = [n for n, must in sent_names(op).items() if must and n not in period]
    extra = [ALSO_NEEDED[op.id]] if op.id in ALSO_NEEDED else []
    names = [*path_names(op), *required, *extra] if op.method == "GET" else list(path_names(op))
    return list(dict.fromkeys(names))


def _with_value(plan: Plan, name: str, asked: Asked, mall_id: str) -> Plan:
    """The plan with one needed name: from the question, from a list, by custom, or left to the reader."""
    in_path = name in path_names(plan.operation)
    if name in asked.values:
        return _known(plan, name, asked.values[name], in_path=in_path)
    if name == "mall_id":
        return _known(plan, name, mall_id, in_path=in_path)
    source = _source(plan.operation, name) if plan.operation.method == "GET" else None
    if name in USUAL and (source is None or not in_path):
        return _known(plan, name, USUAL[name], in_path=in_path)
    if source is not None and source.operation.id != plan.operation.id:
        plan = _reachable(plan, source, asked, mall_id)
        query = plan.query if in_path else {**plan.query, name: Variable(name)}
        return replace(plan, sources=(*plan.sources, source), query=query)
    plan = replace(plan, open_names=(*plan.open_names, name))
    return plan if in_path else replace(plan, query={**plan.query, name: Variable(name.upper())})


def _reachable(plan: Plan, source: Source, asked: Asked, mall_id: str) -> Plan:
    """The plan with the ids that the source's own path needs."""
    for name in path_names(source.operation):
        if name not in plan.known and name not in {s.name for s in plan.sources}:
            inner = _with_value(replace(Plan(plan.operation), known=plan.known), name, asked, mall_id)
            plan = replace(plan, sources=(*plan.sources, *inner.sources), known={**plan.known, **inner.known})
    return plan


def _known(plan: Plan, name: str, value: object, *, in_path: bool) -> Plan:
    if in_path:
        return replace(plan, known={**plan.known, name: value})
    return replace(plan, query={**plan.query, name: value})


def _source(op: ApiOperation, name: str) -> Source | None:
    """The list that a path argument or parameter comes from."""
    head = op.path.split(f"/{{{name}}}")[0]
    parent = by_id(f"GET {head}") if name in path_names(op) else None
    if name in FROM:
        identity, found = FROM[name]
        usual = by_id(identity)
        return Source(usual, found, name) if usual else None
    if parent is not None and (not parent.fields or name in parent.fields):
        return Source(parent, name, name)
    return None


def _with_period(plan: Plan, asked: Asked) -> Plan:
    """The plan with the period that was asked for, or the usual one where the operation can't do without."""
    op, taken = plan.operation, sent_names(plan.operation)
    if op.method != "GET":
        return plan
    pairs = [pair for pair in PERIODS if pair[0] in taken and pair[1] in taken]
    if asked.changed:
        pairs.sort(key=lambda pair: not pair[0].startswith("updated"))
    must = needs_period(op) or any(taken.get(name) for pair in pairs for name in pair)
    if not pairs or not (asked.period or must):
        return plan
    notes = plan.notes
    if asked.period:
        start, end, label = asked.period
    else:
        end, label = asked.as_of, f"최근 {USUAL_DAYS}일"
        start = end - timedelta(days=USUAL_DAYS - 1)
        notes = (*notes, f"질문에 기간이 없어 {label}({start}~{end})로 두었습니다. START, END를 바꾸면 됩니다.")
    (start_name, end_name), days = pairs[0], SLICES.get(op.resource, 0)
    return replace(plan, period=Period(start_name, end_name, start, end, label, days), notes=notes)


def _with_filters(plan: Plan, asked: Asked) -> Plan:
    """The plan with what the question says that the operation takes."""
    taken, query, notes = sent_names(plan.operation), dict(plan.query), list(plan.notes)
    names = {name for pair in PERIODS for name in pair} | set(WALKED)
    for name, value in asked.values.items():
        if name in taken and name not in query and name not in names:
            query[name] = value
    wanted = [name for name in asked.embeds if name in embeds(plan.operation)]
    if wanted:
        query["embed"] = ",".join(wanted)
    if plan.operation.resource == "customersprivacy" and plan.period and "date_type" in taken:
        query.setdefault("date_type", "join")
    if "date_type" in query and plan.period is None:
        del query["date_type"]
    ignored = [said for name, said in asked.said.items() if name not in query and name not in plan.known]
    if ignored:
        notes.append(f"이 API의 파라미터에 없어 넣지 못한 조건: {', '.join(ignored)}. 받은 뒤 걸러야 합니다.")
    return replace(plan, query=query, notes=tuple(notes))


def cursor_of(op: ApiOperation, query: dict[str, object]) -> str:
    """The cursor parameter by which a list is walked without an end, "" when it has none that fits."""
    names = sent_names(op)
    for name in ("since_product_no", "since_issue_no", "since_comment_no"):
        if name in names and not ({"product_no", "sort", "order"} & query.keys() and name == "since_product_no"):
            return name
    return "since_log_id" if "since_log_id" in names and "offset" not in names else ""


def kind_of(op: ApiOperation) -> str:
    """`count`, `list` (with a limit) or `single` (one answer)."""
    if op.path.endswith("/count"):
        return "count"
    return "list" if "limit" in sent_names(op) and op.limits.page else "single"


def needs_period(op: ApiOperation) -> bool:
    """Whether it takes no call without a start and an end date."""
    return op.id in NEEDS_PERIOD or bool(sent_names(op).get("start_date"))


def base_of(op: ApiOperation) -> str:
    """The constant that an operation's address begins with."""
    return "ANALYTICS_URL" if in_analytics(op) else "API_URL"
