"""Verified templates: a plan becomes a snippet of plain Python on `httpx`, for every operation of the catalogue.

Reading pages by offset or cursor, waits as the answer's headers say, walks long periods in slices, and tallies what
came without showing personal fields. Writing only tells what it would send until DRY_RUN is changed. The question's
words never enter the code. Does not belong here: what the snippet does (`plan.py`), its fixed parts (`pieces.py`).
"""

import re
from datetime import date
from typing import Final

from cafe24_pipelines.codegen import pieces
from cafe24_pipelines.codegen.generated import scopes_of
from cafe24_pipelines.codegen.lookup import ANALYTICS_HOST, in_analytics, path_names, sent_names
from cafe24_pipelines.codegen.plan import Period, Plan, Source, Variable, base_of, cursor_of, kind_of, needs_period
from cafe24_pipelines.knowledge.catalogue import API_VERSION
from cafe24_pipelines.knowledge.operations import ApiOperation

TALLIED: Final = (
    "order_status", "paid", "canceled", "shipping_status", "display", "selling", "sold_out", "used_coupon",
    "group_no",
    "benefit_type", "issue_type", "rating", "gender", "status", "case", "category_depth", "use_display", "board_type",
    "reply_status", "success", "log_type", "fixed_group", "first_order", "member_type", "use_inventory", "type",
)  # fmt: skip
SUMMED: Final = (
    "payment_amount", "actual_refund_amount", "quantity", "available_points_increase", "available_points_decrease",
    "increase_amount", "decrease_amount", "sales", "order_count", "total_sales", "settle_count", "sales_count",
    "refund_amount", "issued_count", "coupon_value", "benefit_value",
)  # fmt: skip
SHOWN: Final = (
    "order_id", "order_item_code", "product_no", "variant_code", "coupon_no", "coupon_name", "group_no", "group_name",
    "board_no", "board_name", "article_no", "category_no", "category_name", "claim_code", "refund_code",
    "collection_date",
    "date", "order_date", "created_date", "issue_date", "issued_date", "product_name", "price", "quantity",
    "payment_amount", "order_status", "rating", "version", "shop_no", "currency_code",
)  # fmt: skip
MOST_SHOWN: Final = 6
LONGEST_BODY: Final = 6
"""Optional fields that a write's example holds at most, where none is required."""


def render(plan: Plan, *then: Plan) -> str:
    """The snippet of a plan; with further reading plans, each is a step that runs in turn."""
    return _write(plan) if plan.operation.method != "GET" else _read((plan, *then))


# -- head --------------------------------------------------------------------------------------------------------


def _head(plans: tuple[Plan, ...], imports: list[str], constants: list[str]) -> list[str]:
    operations = tuple(dict.fromkeys(o for plan in plans for o in plan.operations))
    title = ", ".join(plan.operation.title for plan in plans)
    lines = ['"""' + f"{title} (카페24 Admin API {API_VERSION})", ""]
    lines += [f"{i}. {o.method} {o.path} : {o.title}" for i, o in enumerate(operations, 1)]
    scopes = scopes_of(operations)
    lines += [f"권한(scope): {', '.join(scopes)}"] if scopes else []
    lines += ["환경 변수: CAFE24_API_URL=https://내쇼핑몰.cafe24api.com, CAFE24_ACCESS_TOKEN=액세스 토큰", '"""', ""]
    lines += [*imports, "", "import httpx", "", pieces.BASE]
    if any(in_analytics(op) for op in operations):
        lines.append(f'ANALYTICS_URL = os.environ.get("CAFE24_ANALYTICS_URL", "{ANALYTICS_HOST}").rstrip("/")')
    return [*lines, pieces.HEADERS.replace("<version>", API_VERSION), *constants, ""]


def _constants(plan: Plan) -> list[str]:
    lines = []
    if p := plan.period:
        name = f"{p.label}, " if p.label else ""
        lines += [f"START = {_date(p.start)}  # {name}한국 시간", f"END = {_date(p.end)}  # 이 날까지"]
    if plan.sources:
        lines.append("AT_MOST = 5  # 앞의 몇 건만 볼지 (시험용)")
        if any(needs_period(s.operation) for s in plan.sources) and plan.period is None:
            lines += [f"RECENT_START, RECENT_END = {_date(plan.recent[0])}, {_date(plan.recent[1])}"]
    lines += [f'{name.upper()} = "여기에 {name}"' for name in plan.open_names]
    return lines


# -- reading -----------------------------------------------------------------------------------------------------


def _read(plans: tuple[Plan, ...]) -> str:
    names = [f"step_{i}" for i in range(1, len(plans) + 1)] if len(plans) > 1 else ["main"]
    lines = [line for name, plan in zip(names, plans, strict=True) for line in (*_function(name, plan), "", "")]
    if len(plans) > 1:
        lines += ["def main():", *(f"    {name}()" for name in names), "", ""]
    text = "\n".join([*lines, 'if __name__ == "__main__":', "    main()", ""])
    needed = {"pause", "get"} | ({"rows_of"} if "_pages(" in text else set())
    used = [pieces.FUNCTIONS[n] for n in pieces.ORDER if n in needed or re.search(rf"\b{n}\(", text)]
    code = "\n\n".join([*used, text])
    constants = list(dict.fromkeys(line for plan in plans for line in _constants(plan)))
    return "\n".join([*_head(plans, _imports(code, plans), constants), "", code])


def _function(name: str, plan: Plan) -> list[str]:
    """One plan as a function: its loops, its call, what it tells."""
    op, kind = plan.operation, kind_of(plan.operation)
    body, depth = _loops(plan)
    pad = "    " * depth
    if plan.period and plan.period.slice_days:
        body.append(f"{pad}for start, end in windows(START, END, {plan.period.slice_days}):")
        pad += "    "
    call = _call(op, plan, plan.query, plan.period)
    count, rows = f'{pad}total += get({call})["count"]', f"{pad}rows += {_rows(op, plan.query, call)}"
    start = "    total = 0" if kind == "count" else "    rows = []"
    client = "    with httpx.Client(timeout=30) as client:"
    return [f"def {name}():", start, client, *body, count if kind == "count" else rows, *_told(op, kind)]


def _imports(code: str, plans: tuple[Plan, ...]) -> list[str]:
    dated = any(_has_dates(plan) for plan in plans)
    dates = [n for n in ("date", "timedelta") if f"{n}(" in code or (n == "date" and dated)]
    lines = ["import os", "import time"]
    if "Counter(" in code:
        lines.append("from collections import Counter")
    if dates:
        lines.append(f"from datetime import {', '.join(dates)}")
    if "Decimal(" in code:
        lines.append("from decimal import Decimal")
    return lines


def _has_dates(plan: Plan) -> bool:
    return plan.period is not None or any(needs_period(s.operation) for s in plan.sources)


def _loops(plan: Plan) -> tuple[list[str], int]:
    """A loop over the ids of every source, one inside the other, and the depth that they lead to."""
    lines, depth = [], 2
    for source in plan.sources:
        rows = _rows(source.operation, source.query, _source_call(source, plan))
        lines.append(f'{"    " * depth}for {source.name} in first({rows}, "{source.key}"):')
        depth += 1
    return lines, depth


def _source_call(source: Source, plan: Plan) -> str:
    if needs_period(source.operation):
        names = ("START", "END") if plan.period else ("RECENT_START", "RECENT_END")
        query = {"start_date": Variable(f"{names[0]}.isoformat()"), "end_date": Variable(f"{names[1]}.isoformat()")}
        if plan.period:  # a period longer than a call may span: its last days
            query["start_date"] = Variable("max(START, END - timedelta(days=88)).isoformat()")
        return _call(source.operation, plan, {**source.query, **query}, None)
    return _call(source.operation, plan, source.query, None)


def _call(op: ApiOperation, plan: Plan, query: dict[str, object], period: Period | None) -> str:
    """Arguments of a call: client, address, parameters."""
    given = dict(query)
    if period and period.slice_days:
        given |= {period.start_name: Variable("start"), period.end_name: Variable("end")}
    elif period:
        months = period.start_name.endswith("_month")
        shown = '.strftime("%Y-%m")' if months else ".isoformat()"
        given |= {period.start_name: Variable(f"START{shown}"), period.end_name: Variable(f"END{shown}")}
    pairs = ", ".join(f'"{name}": {_literal(value)}' for name, value in given.items())
    return f"client, {address(op, plan)}, {{{pairs}}}"


def _rows(op: ApiOperation, query: dict[str, object], call: str) -> str:
    if kind_of(op) != "list":
        return f"rows_of(get({call}))"
    cursor = cursor_of(op, query)
    if cursor:
        return f'cursor_pages({call}, {op.limits.page}, "{cursor}")'
    if "offset" in sent_names(op):
        return f"offset_pages({call}, {op.limits.page}, {op.limits.offset or 10_000})"
    return f'rows_of(get({call[:-1]}{", " if not call.endswith("{}") else ""}"limit": {op.limits.page}}}))'


def address(op: ApiOperation, plan: Plan) -> str:
    """The address of an operation as an expression, with its path's ids in place."""
    path = op.path.removeprefix(ANALYTICS_HOST)
    for name in path_names(op):
        value = plan.known.get(name)
        if value is not None:
            path = path.replace(f"{{{name}}}", str(value))
        elif name in plan.open_names:
            path = path.replace(f"{{{name}}}", f"{{{name.upper()}}}")
    return f'{base_of(op)} + {"f" if "{" in path else ""}"{path}"'


def _told(op: ApiOperation, kind: str) -> list[str]:
    """What is printed of the result; no personal field among it."""
    if kind == "count":
        return [f'    print(f"{op.title}: {{total:,}}건")']
    lines = [f'    print(f"{op.title}: {{len(rows):,}}건")']
    lines += [f'    tally(rows, "{name}")' for name in TALLIED if name in op.fields][:3]
    lines += [f'    add_up(rows, "{name}")' for name in SUMMED if name in op.fields][:2]
    shown = [name for name in SHOWN if name in op.fields][:MOST_SHOWN]
    if shown:
        names = ", ".join(f'"{n}"' for n in shown)
        lines += ["    for row in rows[:3]:", f"        print({{name: row.get(name) for name in [{names}]}})"]
    return lines


# -- writing -----------------------------------------------------------------------------------------------------


def _write(plan: Plan) -> str:
    op = plan.operation
    sends = op.method != "DELETE"
    constants = ["DRY_RUN = True  # 보낼 내용을 확인한 뒤 False로 바꾸면 실제로 보냅니다", *_constants(plan)]
    lines = ["def main():", f"    url = {address(op, plan)}"]
    if sends:
        lines.append(f"    body = {_body(op, plan)}")
    shown = ", json.dumps(body, ensure_ascii=False, indent=2)" if sends else ""
    lines += [
        "    if DRY_RUN:",
        f'        print("보낼 요청(모의 실행):", "{op.method}", url.removeprefix({base_of(op)}){shown})',
        "        return",
        f"    answer = httpx.{op.method.lower()}(url, {'json=body, ' if sends else ''}headers=HEADERS, timeout=30)",
        "    if answer.status_code == 429:",
        "        raise SystemExit(f\"호출 한도를 넘었습니다. {pause(answer.headers, 0):g}초 뒤에 다시 부르세요.\")",
        "    if answer.status_code >= 400:",
        "        raise SystemExit(f\"HTTP {answer.status_code}\")",
        f'    print("완료: {op.title}", answer.status_code)', "", "", 'if __name__ == "__main__":', "    main()", "",
    ]  # fmt: skip
    imports = ["import json", "import os"] if sends else ["import os"]
    return "\n".join([*_head((plan,), imports, constants), "", pieces.FUNCTIONS["pause"], "", *lines])


def _body(op: ApiOperation, plan: Plan) -> str:
    """The envelope with the required fields (else some of the others) as an example."""
    known = sent_names(op)
    wanted = [n for n, must in known.items() if must and n != "shop_no"]
    wanted += [n for n in plan.query if n in known and n not in wanted]
    wanted = wanted or [n for n in known if n != "shop_no"][:LONGEST_BODY]
    pairs = "".join(f'        "{n}": {_literal(plan.query.get(n, f"여기에 {n}"))},\n' for n in wanted)
    if (op.limits.batch or 1) > 1:
        return f'{{"shop_no": 1, "requests": [{{\n{pairs}    }}]}}'
    return f'{{"shop_no": 1, "request": {{\n{pairs}    }}}}'


# -- literals ----------------------------------------------------------------------------------------------------


def _literal(value: object) -> str:
    if isinstance(value, Variable):
        return value.name
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "").replace('"', "") + '"'


def _date(day: date) -> str:
    return f"date({day.year}, {day.month}, {day.day})"
