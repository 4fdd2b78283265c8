"""One HTTP call held against the catalogue: address, parameters, body, headers.

Does not belong here: finding the calls (`walk.py`), telling the result (`check.py`).
"""

import re
from dataclasses import dataclass, field
from typing import Final

from cafe24_pipelines.codegen import lookup
from cafe24_pipelines.codegen.rules import ANALYTICS_URL, API_URL
from cafe24_pipelines.codegen.values import (
    TOKEN,
    Const,
    Dict,
    Hole,
    Seq,
    Text,
    Value,
    joined,
    options,
    taints,
)
from cafe24_pipelines.codegen.walk import Finding, HttpCall
from cafe24_pipelines.knowledge.operations import ApiOperation
from cafe24_pipelines.korean import particle

_HEADERS: Final = frozenset(("authorization", "content-type", "x-cafe24-api-version", "accept"))
_BASES: Final = {API_URL: "", ANALYTICS_URL: lookup.ANALYTICS_HOST}


@dataclass
class Judged:
    """What is known of a call: its operation (None when it has none), what is wrong, what can't be confirmed."""

    call: HttpCall
    operation: ApiOperation | None = None
    findings: list[Finding] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def wrong(self, rule: str, text: str) -> None:
        """Note a fault at the call's line."""
        self.findings.append(Finding(rule, text, self.call.line))


def judge(call: HttpCall) -> Judged:
    """Hold one call against the catalogue."""
    judged = Judged(call)
    method = call.method.value if isinstance(call.method, Const) else None
    if not isinstance(method, str):
        judged.wrong("path", "HTTP 메서드를 코드에서 알아낼 수 없습니다.")
        return judged
    operations = [op for url in _urls(call) if (op := _operation(judged, method.upper(), url))]
    for op in dict.fromkeys(operations):
        judged.operation = judged.operation or op
        _query(judged, op)
        _body(judged, op)
    _headers(judged)
    if method.upper() != "GET" and call.live:
        judged.wrong("dry_run", "쓰기 호출은 DRY_RUN = True일 때 실행되지 않아야 합니다.")
    return judged


# -- address -----------------------------------------------------------------------------------------------------


def _urls(call: HttpCall) -> tuple[Value, ...]:
    if call.base is None:
        return options(call.url)
    found: list[Value] = []
    for url in options(call.url):
        absolute = isinstance(url, Text) and isinstance(url.parts[0], Hole)
        found += options(url if absolute else joined([call.base, url]))
    return tuple(found)


def _operation(judged: Judged, method: str, url: Value) -> ApiOperation | None:
    """The operation behind an address, or None with the reason noted."""
    parts = url.parts if isinstance(url, Text) else (url.value,) if isinstance(url, Const) else ()
    host, rest = _base(parts)
    if host is None:
        judged.wrong("path", f"주소는 환경 변수 {API_URL}의 값 뒤에 카탈로그의 경로를 붙여 만듭니다.")
        return None
    path, shown = _segments(rest)
    if path is None:
        judged.wrong("path", f"경로 {shown}{particle(shown, '을(를)')} 코드에서 알아낼 수 없습니다.")
        return None
    op = lookup.find(method, host, path)
    if op is None:
        judged.wrong("path", f"{method} {shown}{particle(shown, '은(는)')} 카탈로그에 없습니다.")
    elif not lookup.callable_by_code(op):
        judged.wrong("path", f"{op.id}{particle(op.id, '은(는)')} 액세스 토큰으로 부르는 API가 아닙니다.")
        return None
    return op


def _base(parts: tuple[object, ...]) -> tuple[str | None, tuple[object, ...]]:
    """The host that an address is on ("" the mall's own; None: not one of ours) and what follows."""
    if parts and isinstance(parts[0], Hole) and parts[0].env in _BASES:
        return _BASES[parts[0].env], parts[1:]
    first = parts[0] if parts else None
    if isinstance(first, str) and first.startswith(f"{lookup.ANALYTICS_HOST}/"):
        return lookup.ANALYTICS_HOST, (first.removeprefix(lookup.ANALYTICS_HOST), *parts[1:])
    return None, ()


def _segments(parts: tuple[object, ...]) -> tuple[list[str | None] | None, str]:
    """Path segments (None: known at run time) and how the path reads; None when a segment is half known."""
    mark = "\0"
    text = "".join(p if isinstance(p, str) else mark for p in parts)
    shown = text.replace(mark, "{}")
    if not text.startswith("/") or "?" in text or "#" in text or "//" in text:
        return None, shown
    found: list[str | None] = []
    for segment in text.strip("/").split("/"):
        if mark in segment and segment != mark:
            return None, shown
        if segment in (".", "..") or "%" in segment:
            return None, shown
        found.append(None if segment == mark else segment)
    return found, shown


# -- query -------------------------------------------------------------------------------------------------------


def _query(judged: Judged, op: ApiOperation) -> None:
    known = lookup.sent_names(op)
    given = _keys(judged, "parameters", judged.call.params)
    if given is None:
        return
    if op.method != "GET":
        if given:
            judged.wrong("parameters", f"{op.id}: 쓰기 호출의 값은 주소가 아니라 본문에 넣습니다.")
        return
    if given and not known and not lookup.embeds(op):
        named = ", ".join(sorted(given))
        judged.unsure.append(
            f"{op.id}의 파라미터 목록이 카탈로그에 없어 {named}{particle(named, '을(를)')} 확인하지 못했습니다."
        )
        return
    _no_token(judged, given)
    for name in sorted(given):
        if name == "embed" and lookup.embeds(op):
            _embed(judged, op, given[name])
        elif name not in known and name not in lookup.ANY_GET:
            judged.wrong("parameters", f"{op.id}에는 파라미터 {name}{particle(name, '이(가)')} 없습니다.")
    for name in sorted(n for n, required in known.items() if required and n not in given):
        judged.wrong("required", f"{op.id}의 필수 파라미터 {name}{particle(name, '이(가)')} 없습니다.")
    _bounds(judged, op, given)


def _keys(judged: Judged, rule: str, sources: tuple[Value, ...]) -> dict[str, Value] | None:
    """Every key that the dictionaries may have; None with the reason noted when they can't be known."""
    found: dict[str, Value] = {}
    for source in sources:
        for one in options(source):
            if one == Const(None):
                continue
            if not isinstance(one, Dict) or one.open:
                judged.wrong(rule, "보내는 값의 이름을 코드에서 알아낼 수 없습니다.")
                return None
            found |= one.items
    return found


def _no_token(judged: Judged, given: dict[str, Value]) -> None:
    for name in sorted(n for n, value in given.items() if TOKEN in taints(value)):
        judged.wrong("environment", f"{name}에 토큰이 들어갑니다.")


def _embed(judged: Judged, op: ApiOperation, value: Value) -> None:
    for one in options(value):
        if isinstance(one, Const) and isinstance(one.value, str):
            for name in (n.strip() for n in one.value.split(",")):
                if name not in lookup.embeds(op):
                    judged.wrong("parameters", f"{op.id}의 embed에는 {name}{particle(name, '이(가)')} 없습니다.")


def _bounds(judged: Judged, op: ApiOperation, given: dict[str, Value]) -> None:
    for name, most in (("limit", op.limits.page), ("offset", op.limits.offset)):
        for one in options(given.get(name)):
            given_number = str(one.value) if isinstance(one, Const) else ""
            if most is not None and given_number.isdigit() and int(given_number) > most:
                judged.wrong("limits", f"{op.id}의 {name} 최댓값은 {most:,}입니다.")
    cursors = [n for n in given if n.startswith("since_")]
    if cursors and "offset" in given:
        judged.wrong("limits", f"{cursors[0]}{particle(cursors[0], '은(는)')} offset과 함께 쓰지 않습니다.")


# -- body --------------------------------------------------------------------------------------------------------


def _body(judged: Judged, op: ApiOperation) -> None:
    body = judged.call.body
    if op.method in ("GET", "DELETE"):
        if body is not None:
            judged.wrong("envelope", f"{op.id}에는 본문을 보내지 않습니다.")
        return
    envelope = _keys(judged, "envelope", (body,) if body is not None else ())
    if envelope is None:
        return
    held = [k for k in ("request", "requests") if k in envelope]
    if len(held) != 1 or set(envelope) - {"shop_no", *held}:
        judged.wrong(
            "envelope", '쓰기 본문은 {"shop_no": 1, "request": {…}} 또는 {"shop_no": 1, "requests": [{…}]}입니다.'
        )
        return
    for request in _requests(judged, envelope[held[0]], several=held[0] == "requests"):
        _request(judged, op, request)


def _requests(judged: Judged, value: Value, *, several: bool) -> list[Value]:
    if not several:
        return list(options(value))
    found: list[Value] = []
    for one in options(value):
        if isinstance(one, Seq) and one.members:
            found += [inner for member in one.members for inner in options(member)]
        else:
            judged.wrong("envelope", "requests에 무엇이 들어가는지 코드에서 알아낼 수 없습니다.")
    return found


def _request(judged: Judged, op: ApiOperation, request: Value) -> None:
    known = lookup.sent_names(op)
    given = _keys(judged, "parameters", (request,))
    if given is None:
        return
    if given and not known:
        named = ", ".join(sorted(given))
        judged.unsure.append(
            f"{op.id}의 필드 목록이 카탈로그에 없어 {named}{particle(named, '을(를)')} 확인하지 못했습니다."
        )
        return
    _no_token(judged, given)
    for name in sorted(set(given) - set(known)):
        judged.wrong("parameters", f"{op.id}의 요청에는 {name}{particle(name, '이(가)')} 없습니다.")
    for name in sorted(n for n, required in known.items() if required and n not in given and n != "shop_no"):
        judged.wrong("required", f"{op.id}의 필수 필드 {name}{particle(name, '이(가)')} 없습니다.")


# -- headers -----------------------------------------------------------------------------------------------------


def _headers(judged: Judged) -> None:
    given = _keys(judged, "headers", judged.call.headers)
    if given is None:
        return
    headers = {name.lower(): value for name, value in given.items()}
    for name in sorted(set(headers) - _HEADERS):
        judged.wrong("headers", f"머리글 {name}{particle(name, '은(는)')} 쓰지 않습니다.")
    if not all(_bearer(v) for v in options(headers.get("authorization"))) or "authorization" not in headers:
        judged.wrong("headers", f"Authorization: Bearer {{{TOKEN}}} 머리글이 없습니다.")
    version = options(headers.get("x-cafe24-api-version"))
    dated = [v for v in version if isinstance(v, Const) and re.fullmatch(r"\d{4}-\d\d-\d\d", str(v.value))]
    if not version or len(dated) < len(version):
        judged.wrong("headers", "X-Cafe24-Api-Version 머리글에 버전(YYYY-MM-DD)이 없습니다.")
    for name, value in headers.items():
        if name != "authorization" and TOKEN in taints(value):
            judged.wrong("headers", f"머리글 {name}에 토큰이 들어갑니다.")


def _bearer(value: Value) -> bool:
    match value:
        case Text((str(head), Hole() as token)):
            return head == "Bearer " and token.tainted == frozenset([TOKEN])
    return False
