"""Code by a language model: a prompt of the catalogue's facts, and at most two repairs by what was found.

Facts come from the catalogue alone; texts of documents, reviews and shops never enter. The question stands in the
prompt as one line of data. Does not belong here: checking and running (`check.py`, `isolation.py`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.codegen.check import Checked, check
from cafe24_pipelines.codegen.generated import Verdict
from cafe24_pipelines.codegen.lookup import embeds, path_names, sent_names
from cafe24_pipelines.knowledge.catalogue import API_VERSION
from cafe24_pipelines.knowledge.operations import ApiOperation

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.answers.prompts import Message

REPAIRS: Final = 2
MOST_TOKENS: Final = 3000
MOST_OPERATIONS: Final = 6
MOST_PROBLEMS: Final = 8
Judge = Callable[[str, Checked], Verdict]


@dataclass(frozen=True)
class Written:
    """The last code of a model with its check and verdict, the attempts that it took, and what they cost."""

    code: str
    checked: Checked
    verdict: Verdict
    attempts: int
    cost_usd: float | None


def write(
    question: str, operations: Sequence[ApiOperation], example: str, llm: "LanguageModel", judge: Judge
) -> Written:
    """Let the model write, and repair what doesn't hold.

    Args:
        question: what is asked; data.
        operations: what may be called, likeliest first.
        example: a verified snippet for the likeliest.
        llm: a generative model.
        judge: the verdict of a checked snippet (runs it when that is wanted).

    Raises:
        ModelError, ConfigError: the model can't be used.
    """
    messages = prompt(question, operations, example)
    cost: float | None = 0.0
    for attempt in range(1, REPAIRS + 2):
        reply = llm.complete(messages, max_tokens=MOST_TOKENS)
        cost = None if cost is None or reply.cost_usd is None else cost + reply.cost_usd
        code = code_of(reply.text)
        checked = check(code)
        verdict = judge(code, checked)
        written = Written(code, checked, verdict, attempt, cost)
        if verdict.status in ("executed_ok", "not_executed") or attempt > REPAIRS:
            break
        problems = _problems(checked, verdict)
        messages = [
            *messages, {"role": "assistant", "content": f"```python\n{code}\n```"},
            {"role": "user", "content": _file("repair.ko.md").format(problems=problems)},
        ]  # fmt: skip
    return written


def prompt(question: str, operations: Sequence[ApiOperation], example: str) -> "list[Message]":
    """The messages for a question: rules, the question as data, the facts, a verified example."""
    body = _file("request.ko.md").format(
        question=re.sub(r"\s+", " ", question).strip(), version=API_VERSION,
        facts="\n".join(facts(op) for op in operations[:MOST_OPERATIONS]), example=f"```python\n{example}```",
    )  # fmt: skip
    return [{"role": "system", "content": _file("instructions.ko.md")}, {"role": "user", "content": body}]


def facts(op: ApiOperation) -> str:
    """One operation as a line of facts."""
    known = sent_names(op)
    said = [f"- {op.id} : {op.title}", f"권한 {op.scope}" if op.scope else ""]
    said.append(f"경로 값 {', '.join(path_names(op))}" if path_names(op) else "")
    required = [n for n, must in known.items() if must]
    said.append(f"필수 {', '.join(required)}" if required else "")
    others = [n for n, must in known.items() if not must]
    said.append(f"파라미터 {', '.join(others)}" if others else "")
    said.append(f"embed {', '.join(embeds(op))}" if embeds(op) else "")
    limits = [f"{n} 최대 {v}" for n, v in (("limit", op.limits.page), ("offset", op.limits.offset)) if v]
    said.append(", ".join(limits))
    said.append(f"버킷 {op.limits.bucket}칸" if op.limits.bucket else "")
    return "; ".join(part for part in said if part)


def code_of(text: str) -> str:
    """The code of a reply: its first block, else all of it."""
    match = re.search(r"```(?:python|py)?[^\S\n]*\n(.*?)```", text, re.DOTALL)
    return (match[1] if match else text).strip() + "\n"


def _problems(checked: Checked, verdict: Verdict) -> str:
    found = list(checked.problems[:MOST_PROBLEMS]) or [verdict.reason]
    return "\n".join(f"- {problem}" for problem in found)


@cache
def _file(name: str) -> str:
    return (files(__package__) / "prompts" / name).read_text("utf-8")
