"""A question in, checked Python out: ground, write, check, run in isolation, and say how far it is proven.

Without a generative model the templates answer. With one, what it writes goes through the same check and run, and is
sent back with the findings at most twice. Code that doesn't pass is never run and never shown as usable. Does not
belong here: how anything is found, written, checked or run.
"""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from cafe24_pipelines import parts
from cafe24_pipelines.answers.intake import MAX_QUESTION
from cafe24_pipelines.answers.refusal import refuse
from cafe24_pipelines.answers.words import normal
from cafe24_pipelines.cafe24.malls import mall
from cafe24_pipelines.codegen.asked import read_question
from cafe24_pipelines.codegen.check import check
from cafe24_pipelines.codegen.generated import Generated, Verdict, scopes_of
from cafe24_pipelines.codegen.grounding import Grounded, ground
from cafe24_pipelines.codegen.isolation import isolation_of
from cafe24_pipelines.codegen.lookup import by_id, callable_by_code
from cafe24_pipelines.codegen.plan import Plan, make_plan
from cafe24_pipelines.codegen.record import record
from cafe24_pipelines.codegen.templates import render
from cafe24_pipelines.codegen.verdicts import verdict_of
from cafe24_pipelines.codegen.writing import write
from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.knowledge.operations import ApiOperation
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.codegen.isolation import Isolation
    from cafe24_pipelines.knowledge.tasks import Task
    from cafe24_pipelines.stores.events import EventLog

_REFUSED: Final = {
    "injection": "지시를 바꾸거나 비밀 값을 드러내 달라는 요청이라 코드를 만들지 않습니다.",
    "out_of_scope": "카페24 API로 할 수 있는 일이 아니라서 코드를 만들지 않습니다. API로 할 일을 적어 주세요.",
}
"""Rules of `answers/refusal.py` that hold here too, and what is said."""
_TEMPLATE_INSTEAD: Final = "검증된 템플릿으로 받으려면 LLM_MODEL=local/extractive로 두고 다시 실행하세요."


def generate(
    question: str, settings: Settings, mall_id: str, *, execute: bool = True, log: "EventLog | None" = None
) -> Generated:
    """A snippet for what the question asks of the Cafe24 Admin API, with its verdict.

    Args:
        question: Korean text; data, never an instruction.
        settings: the installation; its language model writes when it is a generative one.
        mall_id: whose published documents the question is grounded in.
        execute: whether to run the snippet against the sandbox mall.
        log: gets the verdict as an event `code.verified`.

    Raises:
        BadInput: the question is empty or longer than 1,000 characters.
        NotBuilt: no documents have been published for this mall.
        ModelError, ConfigError: the language model can't be used.
    """
    text = normal(question)
    if not text:
        raise BadInput("the question is empty", remedy='ask something, e.g. cafe24 generate "지난달 주문 목록"')
    if len(text) > MAX_QUESTION:
        raise BadInput(f"the question has {len(text)} characters", remedy=f"shorten it to {MAX_QUESTION}")
    refused = refuse(text)
    if refused is not None and refused.rule in _REFUSED:
        return Generated(text, "", Verdict("refused", _REFUSED[refused.rule]))
    task, grounded = task_of_question(text), ground(text, settings, mall_id)
    first, *then = (read_steps(task) if task and (asks_for_steps(text) or grounded.refusal) else ()) or (
        grounded.operations[:1] or (None,)
    )
    if first is None:
        return Generated(text, "", Verdict("refused", grounded.refusal))
    isolation = isolation_of(settings) if execute else None
    asked = read_question(text, as_of(settings, mall_id))
    plan, *more = (make_plan(op, asked, mall_id) for op in (first, *then))
    plan = replace(plan, notes=(*plan.notes, *steps_told(task)))
    llm = parts.language_model(settings, mall(settings.home, mall_id))
    if llm.local:
        made = by_template(text, plan, isolation, tuple(more))
    else:
        made = by_model(text, (plan, *more), grounded, llm, isolation)
    if log is not None:
        record(log, mall_id, made)
    return made


def by_template(question: str, plan: Plan, isolation: "Isolation | None", then: tuple[Plan, ...] = ()) -> Generated:
    """The snippet of a plan, and of the plans that follow it, with its verdict."""
    plans = (plan, *then)
    code = render(*plans)
    checked = check(code)
    given = tuple(dict.fromkeys(str(value) for p in plans for value in p.known.values()))
    open_names = tuple(dict.fromkeys(name for p in plans for name in p.open_names))
    verdict = verdict_of(code, checked, isolation, open_names=open_names, given=given)
    usable, operations = verdict.status != "invalid", _operations(plans)
    return Generated(
        question, code if usable else "", verdict, operations, 1, notes=_notes(plans),
        rejected="" if usable else code, scopes=scopes_of(operations),
    )  # fmt: skip


def _operations(plans: tuple[Plan, ...]) -> tuple[ApiOperation, ...]:
    return tuple(dict.fromkeys(op for plan in plans for op in plan.operations))


def _notes(plans: tuple[Plan, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for plan in plans for note in plan.notes))


def by_model(
    question: str, plans: tuple[Plan, ...], grounded: Grounded, llm: "LanguageModel", isolation: "Isolation | None"
) -> Generated:
    """What a language model writes for the question, repaired at most twice; the plans' snippet is its example."""
    allowed = tuple(dict.fromkeys([*_operations(plans), *grounded.operations]))
    written = write(question, allowed, render(*plans), llm, lambda code, found: verdict_of(code, found, isolation))
    usable = written.verdict.status != "invalid"
    found = written.checked.operations
    return Generated(
        question, written.code if usable else "", written.verdict, found, written.attempts, llm.model,
        written.cost_usd, _notes(plans) if usable else (*_notes(plans), _TEMPLATE_INSTEAD),
        "" if usable else written.code, scopes_of(found),
    )  # fmt: skip


def task_of_question(question: str) -> "Task | None":
    """The ontology's task that the question asks for, when it asks for more than one step."""
    from cafe24_pipelines.knowledge.tasks import task_for

    found = task_for(question)
    return found if found is not None and len(found.steps) > 1 else None


def asks_for_steps(question: str) -> bool:
    """Whether the question is about doing several things in order."""
    return bool(re.search(r"순서|단계|절차|분석|예측|어떤\s*api", question, re.IGNORECASE))


def read_steps(task: "Task") -> tuple[ApiOperation, ...]:
    """The reading calls of a task, in order."""
    found = (by_id(step.endpoint) for step in task.steps)
    return tuple(op for op in found if op is not None and op.method == "GET" and callable_by_code(op))


def steps_told(task: "Task | None") -> tuple[str, ...]:
    """The task's calls in order, as a note."""
    if task is None:
        return ()
    steps = " → ".join(f"{i}. {step.endpoint}" for i, step in enumerate(task.steps, 1))
    return (f"이 일({task.name})은 여러 호출로 이루어집니다: {steps}.",)


def as_of(settings: Settings, mall_id: str) -> date:
    """What "오늘" means: the local date of the mall's latest order; today in Korea when none has landed."""
    from cafe24_pipelines.answers.lake_names import coverage

    try:
        with parts.mall_lake(settings, mall_id).duckdb() as db:
            cover = coverage(db)
    except Cafe24Error:
        cover = None
    return cover.as_of if cover else datetime.now(timezone(timedelta(hours=9))).date()
