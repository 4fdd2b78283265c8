"""Verdicts as events `code.verified`: which code for which operations, and how far it is proven.

The question stays out, since it is a person's text; its digest tells different ones apart. Does not belong here:
mining the events (see `learning/recipes.py`).
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.masking import mask_text

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.generated import Generated
    from cafe24_pipelines.stores.events import EventLog

CODE_VERIFIED: Final = "code.verified"


def record(log: "EventLog", mall_id: str, made: "Generated", *, request: str = "") -> None:
    """Append the verdict; the same code with the same verdict is one event.

    With a `request` (the id of the event that asked) the one event is the request's, written without code too.
    """
    from cafe24_pipelines.stores.events import Event

    code = made.code or made.rejected
    if not (code or request):
        return
    digest = sha256(code.encode()).hexdigest()
    key = sha256(f"{mall_id}\0{digest}\0{made.verdict.status}".encode()).hexdigest()[:32]
    payload = {
        "code_sha256": digest, "code": mask_text(code) if made.rejected else code, "model": made.model,
        "operations": [op.id for op in made.operations], "scopes": list(made.scopes),
        "status": made.verdict.status, "attempts": made.attempts,
        "checks": {check.name: check.ok for check in made.verdict.checks},
        "question_sha256": sha256(mask_text(" ".join(made.question.split())).encode()).hexdigest(),
    }  # fmt: skip
    if request:
        key, payload = request, payload | {"request": request}
    log.append([Event(f"{CODE_VERIFIED}:{key}", mall_id, CODE_VERIFIED, datetime.now(UTC), payload)])
