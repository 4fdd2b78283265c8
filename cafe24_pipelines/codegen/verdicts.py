"""How far a snippet is proven: the check's result, and what came of running it against the sandbox mall.

Does not belong here: the check (`check.py`), the run (`isolation.py`).
"""

from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.masking import mask_text
from cafe24_pipelines.codegen.check import Checked
from cafe24_pipelines.codegen.generated import Check, Verdict
from cafe24_pipelines.codegen.lookup import in_analytics, served_by_sandbox

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.isolation import Isolation, Run

MOST_OUTPUT: Final = 4000
NOT_ASKED: Final = "실행하지 않고 검사만 했습니다."
_STOPPED: Final = {"time": "시간 한도를 넘어 끝냈습니다", "output": "출력이 너무 많아 끝냈습니다"}


def verdict_of(
    code: str,
    checked: Checked,
    isolation: "Isolation | None",
    *,
    open_names: tuple[str, ...] = (),
    given: tuple[str, ...] = (),
) -> Verdict:
    """The verdict of a snippet. Only what passed the check is run, and only in isolation.

    Args:
        code: the snippet.
        checked: what the check found in it.
        isolation: where it runs; None: it isn't to be run.
        open_names: values that its reader has to fill in before it can read anything.
        given: ids that the question names; the sandbox mall may not have them.
    """
    if not checked.ok:
        return Verdict("invalid", "검사를 통과하지 못했습니다. " + " / ".join(checked.problems[:3]), checked.checks)
    if isolation is None:
        return Verdict("not_executed", NOT_ASKED, checked.checks)
    reads = all(op.method == "GET" for op in checked.operations)
    if reads and open_names:
        reason = f"채워 넣을 값이 있어 실행하지 않았습니다: {', '.join(open_names)}."
        return Verdict("not_executed", reason, checked.checks)
    missing = [op.id for op in checked.operations if op.method == "GET" and not served_by_sandbox(op)]
    if missing:
        reason = f"샌드박스 몰이 제공하지 않는 API라서 실행하지 않았습니다: {', '.join(missing)}."
        return Verdict("not_executed", reason, checked.checks)
    return _after_run(code, checked, isolation, given)


def _after_run(code: str, checked: Checked, isolation: "Isolation", given: tuple[str, ...]) -> Verdict:
    from cafe24_pipelines.codegen.isolation import NotIsolated

    try:
        run = isolation.run(code, analytics=any(in_analytics(op) for op in checked.operations))
    except NotIsolated as e:
        reason = f"이 시스템에서는 코드를 격리할 수 없어 실행하지 않았습니다 ({e})."
        return Verdict("not_executed", reason, checked.checks)
    output = mask_text(run.output)[:MOST_OUTPUT]
    if run.exit != 0 and given and set(run.statuses) <= {"200", "404"} and "404" in run.statuses:
        reason = f"질문이 정한 번호({', '.join(given)})가 샌드박스 몰에 없어 끝까지 실행해 보지 못했습니다 (404)."
        return Verdict("not_executed", reason, checked.checks, output)
    wrong = _wrong(run, checked)
    detail = ", ".join(f"{api} {n}회" for api, n in sorted(run.calls.items()))
    check = Check("executed", ok=not wrong, detail=wrong or detail or "모의 실행: 보낸 호출 없음")
    checks = (*checked.checks, check)
    if wrong:
        return Verdict("executed_failed", f"샌드박스 몰에서 실행하니 실패했습니다: {wrong}", checks, output)
    if run.calls:
        return Verdict("executed_ok", f"샌드박스 몰에서 실행되었습니다 ({detail}).", checks, output)
    return Verdict(
        "executed_ok", "모의 실행만 확인했습니다. DRY_RUN = True라서 쓰기 요청은 보내지 않았습니다.", checks, output
    )


def _wrong(run: "Run", checked: Checked) -> str:
    """What is wrong with a run, "" when nothing is."""
    if run.stopped:
        return f"{_STOPPED.get(run.stopped, run.stopped)}."
    if run.exit != 0:
        last = mask_text(run.output).strip().splitlines()[-1:] or ["(출력 없음)"]
        return f"끝난 코드 {run.exit}: {last[0][:300]}"
    if any(not api.startswith("GET ") for api in run.calls if api != "unknown"):
        return "모의 실행인데 쓰기 호출을 보냈습니다."
    reads = any(op.method == "GET" for op in checked.operations)
    if reads and not run.statuses.get("200"):
        return "성공한 호출이 하나도 없습니다."
    return ""
