"""What a generation gives back: the code with its operations, scopes, verdict and notes, as plain data.

Does not belong here: making, checking or running code.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from cafe24_pipelines.knowledge.operations import ApiOperation

Status = Literal["executed_ok", "executed_failed", "not_executed", "invalid", "refused"]
LANGUAGE: Final = "python"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `ok` is None when it could not be judged, and `detail` says why."""

    name: str
    ok: bool | None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Name, result and detail."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


@dataclass(frozen=True)
class Verdict:
    """Whether the code may be trusted, and how far that was proven. `reason` is Korean."""

    status: Status
    reason: str
    checks: tuple[Check, ...] = ()
    output: str = ""

    def to_json(self) -> dict[str, Any]:
        """The contract's keys."""
        checks = [check.to_json() for check in self.checks]
        return {"status": self.status, "reason": self.reason, "checks": checks, "output": self.output}


@dataclass(frozen=True)
class Generated:
    """The CLI contract of `cafe24 generate`.

    `code` is "" when nothing usable came out; what failed the check is then under `rejected`, to be read and not run.
    `operations` are in the order of the calls. `cost_usd` is None when the model's price is unknown.
    """

    question: str
    code: str
    verdict: Verdict
    operations: tuple[ApiOperation, ...] = ()
    attempts: int = 0
    model: str = "template"
    cost_usd: float | None = 0.0
    notes: tuple[str, ...] = ()
    rejected: str = ""
    scopes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The contract's keys, and no others."""
        operations = [
            {"method": op.method, "path": op.path, "scope": op.scope, "title": op.title} for op in self.operations
        ]
        return {
            "question": self.question, "code": self.code, "language": LANGUAGE, "operations": operations,
            "scopes": list(self.scopes), "verdict": self.verdict.to_json(), "attempts": self.attempts,
            "model": self.model, "cost_usd": self.cost_usd, "notes": list(self.notes), "rejected": self.rejected,
        }  # fmt: skip


def scopes_of(operations: tuple[ApiOperation, ...]) -> tuple[str, ...]:
    """The scopes that the operations need, each once, in their order."""
    return tuple(dict.fromkeys(op.scope for op in operations if op.scope))
