"""What goes wrong with a request, as one JSON shape with a Korean text that says what to do.

`{"error": {"code", "message", "fields", "request_id"}}`. A message never repeats what was sent, and never holds a
path, a setting or an exception's text; those are for the log. Does not belong here: deciding that something is wrong.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from cafe24_pipelines.answers.llm import ModelError
from cafe24_pipelines.errors import BadInput, Cafe24Error, ConfigError, NotBuilt
from cafe24_pipelines.inbox.post import TooMany
from cafe24_pipelines.lifecycle.plan import NotAllowed

logger = logging.getLogger("cafe24_pipelines.serving")

CODES: Final[Mapping[str, tuple[int, str]]] = {
    "bad_request": (400, "요청을 읽을 수 없습니다. JSON 본문을 확인해 주세요."),
    "key_needed": (401, "API 키가 없거나 올바르지 않습니다. X-API-Key 헤더에 이 쇼핑몰의 키를 넣어 주세요."),
    "forbidden": (403, "이 요청은 허용되지 않습니다."),
    "not_allowed": (
        403,
        "이 쇼핑몰의 요금제 한도나 현재 상태로는 지금 할 수 없습니다. 하루 한도는 자정에 새로 시작합니다.",
    ),
    "not_found": (404, "이 키로 볼 수 있는 쇼핑몰이나 주소가 아닙니다."),
    "method": (405, "이 주소는 그 방식으로 부를 수 없습니다."),
    "slow_body": (408, "요청 본문이 제때 도착하지 않았습니다. 다시 보내 주세요."),
    "not_built": (409, "이 쇼핑몰의 결과가 아직 없습니다. cafe24 run을 먼저 실행해 주세요."),
    "too_large": (413, "요청 본문이 너무 큽니다."),
    "media_type": (415, "압축하지 않은 application/json만 받습니다."),
    "invalid": (422, "요청의 값이 올바르지 않습니다. fields를 확인해 주세요."),
    "rate_limited": (429, "요청이 너무 잦습니다. Retry-After 초 뒤에 다시 보내 주세요."),
    "internal": (500, "처리하지 못했습니다. 서버를 설치한 사람에게 request_id를 알려 주세요."),
    "model_failed": (502, "언어 모델이 응답하지 않았습니다. 잠시 뒤에 다시 시도해 주세요."),
    "setup": (503, "이 서버의 설정이 끝나지 않았습니다. 서버를 설치한 사람에게 알려 주세요."),
    "storage": (503, "자료를 읽거나 쓸 수 없습니다. 잠시 뒤에 다시 시도해 주세요."),
    "busy": (503, "지금 처리 중인 요청이 많습니다. Retry-After 초 뒤에 다시 보내 주세요."),
    "too_slow": (504, "제한 시간 안에 끝나지 않았습니다. 질문을 줄이거나 다시 시도해 주세요."),
}
"""Status and text of every error code."""

_BY_STATUS: Final = {
    400: "bad_request", 401: "key_needed", 403: "forbidden", 404: "not_found", 405: "method", 408: "slow_body",
    413: "too_large", 415: "media_type", 422: "invalid", 429: "rate_limited",
}  # fmt: skip
MOST_FIELDS: Final = 10


class FieldProblem(BaseModel):
    """One value that can't be used."""

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(description="값의 위치 (예: body.question)", max_length=200)]
    problem: Annotated[str, Field(description="문제의 종류 (예: string_too_long, missing)", max_length=100)]


class ErrorDetail(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(description="오류 코드", json_schema_extra={"enum": sorted(CODES)})]
    message: Annotated[str, Field(description="무엇이 잘못되었고 어떻게 하면 되는지 (한국어)")]
    fields: Annotated[list[FieldProblem], Field(description="잘못된 값의 목록. 값 자체는 되돌려 보내지 않습니다.")]
    request_id: Annotated[str, Field(description="서버 기록에서 이 요청을 찾는 번호")]


class ErrorBody(BaseModel):
    """Every error answer."""

    model_config = ConfigDict(extra="forbid")

    error: ErrorDetail


class Problem(Exception):
    """A request that gets an error answer of this code."""

    def __init__(
        self, code: str, *, headers: Mapping[str, str] | None = None, fields: Sequence[FieldProblem] = (),
        message: str = "",
    ) -> None:  # fmt: skip
        self.code, self.headers, self.fields = code, dict(headers or {}), list(fields)[:MOST_FIELDS]
        self.message = message or CODES[code][1]
        super().__init__(code)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code][0]

    def content(self, request_id: str) -> dict[str, Any]:
        """The JSON of the answer."""
        detail = ErrorDetail(code=self.code, message=self.message, fields=self.fields, request_id=request_id)
        return ErrorBody(error=detail).model_dump()

    def response(self, request_id: str) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.content(request_id), self.status, self.headers)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem for an HTTP status that something else decided on."""
    return Problem(_BY_STATUS.get(status, "bad_request" if status < 500 else "internal"), headers=headers)


def of_validation(errors: Sequence[Any]) -> Problem:
    """The problem for values that don't fit the model; JSON that can't be read is a bad request."""
    if any(e.get("type") == "json_invalid" for e in errors):
        return Problem("bad_request")
    fields = [
        FieldProblem(field=".".join(_shown(part) for part in e["loc"])[:200], problem=str(e["type"])[:100])
        for e in errors[:MOST_FIELDS]
    ]
    return Problem("invalid", fields=fields)


def _shown(part: object) -> str:
    """A place in the body; an unknown field's own name is the sender's text, so it is shown only when it is plain."""
    text = str(part)
    return text if text.isascii() and text.replace("_", "").isalnum() and len(text) <= 40 else "?"


def _of_expected(error: NotBuilt | NotAllowed | TooMany) -> Problem:
    """The problem for what a well-meant request may run into; why it is not allowed is told in fixed texts."""
    if isinstance(error, NotAllowed):
        return Problem("not_allowed", message=error.to_merchant())
    if isinstance(error, TooMany):
        return Problem("rate_limited", headers={"Retry-After": str(error.seconds)})
    return Problem("not_built")


def of_error(error: Exception) -> Problem | None:
    """The problem for an error of a room, with one line in the log where the operator must act; None: unforeseen."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotBuilt | NotAllowed | TooMany):
        return _of_expected(error)
    if isinstance(error, BadInput):
        return Problem("invalid", fields=[FieldProblem(field="body", problem="refused")])
    if isinstance(error, ModelError | ConfigError):
        logger.error("%s: %s", type(error).__name__, error)
        return Problem("model_failed" if isinstance(error, ModelError) else "setup")
    if isinstance(error, Cafe24Error | OSError | sqlite3.Error):
        logger.error("storage: %s", error.what if isinstance(error, Cafe24Error) else type(error).__name__)
        return Problem("storage", headers={"Retry-After": "30"})
    return None
