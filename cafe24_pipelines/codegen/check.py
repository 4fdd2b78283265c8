"""The static check of a snippet: what it would call, held against the catalogue, before anybody sees it.

Nothing is run. What can't be resolved is invalid and says why; what the catalogue doesn't know is said and not
claimed. Does not belong here: following the code (`walk.py`), what it may be made of (`rules.py`), one call against
the catalogue (`requests.py`).
"""

import ast
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.cafe24.field_policy import DROPPED, MEMBER_IDS
from cafe24_pipelines.codegen.generated import Check, scopes_of
from cafe24_pipelines.codegen.requests import Judged, judge
from cafe24_pipelines.codegen.rules import broken_rules
from cafe24_pipelines.codegen.values import TOKEN, WHOLE, taints
from cafe24_pipelines.codegen.walk import Finding, TooComplex, Walk, Walker
from cafe24_pipelines.knowledge.operations import ApiOperation
from cafe24_pipelines.korean import particle

MOST_CHARACTERS: Final = 30_000
PERSONAL: Final = DROPPED | MEMBER_IDS.keys() | {"buyer", "receivers"}
"""Answer fields that are printed by no snippet."""
RULES: Final = {
    "imports": "허용된 모듈만", "names": "실행·우회 이름 없음", "form": "따라갈 수 있는 구문",
    "environment": "환경 변수와 토큰", "calls": "HTTP 호출", "path": "카탈로그에 있는 메서드와 경로",
    "parameters": "카탈로그에 있는 파라미터", "required": "필수 파라미터", "limits": "한도", "envelope": "쓰기 봉투",
    "headers": "인증·버전 머리글", "dry_run": "쓰기는 기본이 모의 실행", "printing": "개인정보·비밀 출력 없음",
}  # fmt: skip
"""The checks, in the order in which they are told."""


@dataclass(frozen=True)
class Checked:
    """What the check found. `operations` are in the order of the calls; `live_writes` are sent as the code stands."""

    checks: tuple[Check, ...]
    operations: tuple[ApiOperation, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.ok is not False for check in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in Korean, for a reader or for a repair."""
        return tuple(f"{c.name}: {c.detail}" for c in self.checks if c.ok is False)


def check(code: str) -> Checked:
    """Check one snippet; never raises on whatever it is given."""
    if len(code) > MOST_CHARACTERS:
        return _broken("parses", f"코드가 {MOST_CHARACTERS:,}자를 넘습니다.")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        line = getattr(e, "lineno", None)
        return _broken("parses", f"파이썬으로 읽히지 않습니다 ({f'{line}번째 줄' if line else type(e).__name__}).")
    try:
        findings = broken_rules(tree)
        seen = Walker().module(tree)
    except (TooComplex, RecursionError):
        return _broken("parses", "코드가 너무 복잡해 검사할 수 없습니다.")
    judged = [judge(call) for call in seen.calls]
    findings += [*seen.findings, *(f for j in judged for f in j.findings), *_printing(seen, judged)]
    if not seen.calls:
        findings.append(Finding("calls", "API를 부르는 곳이 없습니다.", 0))
    operations = tuple(dict.fromkeys(j.operation for j in judged if j.operation))
    return Checked((Check("parses", ok=True), *_told(findings, judged, operations)), operations)


def _broken(name: str, why: str) -> Checked:
    return Checked((Check(name, ok=False, detail=why),))


def _told(findings: list[Finding], judged: list[Judged], operations: tuple[ApiOperation, ...]) -> list[Check]:
    """One check a rule, with its first findings; what the catalogue can't confirm is neither right nor wrong."""
    told = []
    writes = any(op.method != "GET" for op in operations)
    for rule in RULES:
        if rule in ("envelope", "dry_run") and not writes:
            continue
        wrong = list(dict.fromkeys(str(f) for f in findings if f.rule == rule))
        unsure = list(dict.fromkeys(text for j in judged for text in j.unsure if rule == "parameters"))
        ok = False if wrong else None if unsure else True
        told.append(Check(rule, ok, " ".join((wrong or unsure)[:5])))
    scopes = ", ".join(scopes_of(operations))
    return [*told, Check("scopes", ok=True if operations else None, detail=scopes or "필요한 권한을 알 수 없습니다.")]


def _printing(seen: Walk, judged: list[Judged]) -> list[Finding]:
    """Prints that would show the token, a personal field, or an answer or a row as a whole."""
    lists = {op.path.rsplit("/", 1)[-1] for j in judged if (op := j.operation)} - {"count"}
    found = []
    for value, line in seen.printed:
        for shown in sorted(taints(value)):
            if text := _why_not(shown, lists):
                found.append(Finding("printing", text, line))
    return found


def _why_not(shown: str, lists: set[str]) -> str:
    if shown == TOKEN:
        return "토큰을 출력합니다."
    if shown in PERSONAL:
        return f"개인정보 필드 {shown}{particle(shown, '을(를)')} 출력합니다."
    if shown == WHOLE or shown in lists:
        return "응답을 통째로 출력합니다. 개인정보가 섞일 수 있으니 필요한 필드만 출력합니다."
    return ""
