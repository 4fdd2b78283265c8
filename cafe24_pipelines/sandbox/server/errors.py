"""Refusals as the API words them, in its two shapes of bodies.

The API's: `{"error": {"code": 422, "message": "…", "more_info": {}}}`; the token endpoint's:
`{"error": "invalid_grant", "error_description": "…"}`. Only the texts named in the documentation are Cafe24's own;
the others are ours.
"""

from typing import Any

import msgspec
from starlette.responses import Response


class Refusal(Exception):
    """An Admin or analytics API call that is answered with an error."""

    def __init__(self, status: int, message: str, more_info: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.more_info = status, message, more_info or {}

    def body(self) -> bytes:
        """The answer's bytes."""
        error = {"code": self.status, "message": self.message, "more_info": self.more_info}
        return msgspec.json.encode({"error": error})


class OAuthRefusal(Exception):
    """A call of an OAuth endpoint that is answered with an error."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def bad_value(name: str, why: str) -> Refusal:
    """422 for one parameter."""
    return Refusal(422, f"Invalid parameter value ({name}): {why}", {"parameter": name})


def missing(name: str) -> Refusal:
    """422 for a required parameter that is not there."""
    return Refusal(422, f"Required parameter is missing ({name}).", {"parameter": name})


def no_api(path: str) -> Refusal:
    """404 for a path or method that no endpoint has."""
    return Refusal(404, "No API found", {"path": path})


def not_found() -> Refusal:
    """404 for an id that does not exist."""
    return Refusal(404, "Not Found")


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as JSON; bytes are taken as encoded already."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(raw, status_code=status, headers=headers, media_type="application/json; charset=utf-8")
