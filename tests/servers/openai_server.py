"""A local server that speaks the OpenAI chat completions protocol strictly, and fails on demand.

It checks what a client sends (key, JSON, known fields and their types, roles, an existing model) and answers in the
wire format, streamed or whole, usage chunk included. A script decides each reply: a `Reply`, or a `Fault` such as a
429 with Retry-After, a dropped connection or a malformed chunk. Does not belong here: what a client makes of it.
"""

import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from benchmarks.loopback import handled

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A good reply; streamed in `pieces` (default: six characters each), waiting `pause` seconds before each."""

    text: str
    finish: str = "stop"
    prompt_tokens: int = 11
    completion_tokens: int = 7
    delay: float = 0.0
    pause: float = 0.0
    pieces: tuple[str, ...] = ()
    usage: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        """What a stream sends, piece by piece."""
        return self.pieces or tuple(self.text[i : i + 6] for i in range(0, len(self.text), 6))


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    `kind` is status (an error in OpenAI's format), hang (no answer for `delay` seconds), drop (the connection is
    reset: at once, or in a stream after `after` pieces of `text`), malformed (no JSON where JSON belongs), or empty
    (no choices).
    """

    kind: str = "status"
    status: int = 500
    code: str = "server_error"
    message: str = "The server had an error while processing your request."
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    text: str = ""
    after: int = 0


def rate_limited(seconds: str = "") -> Fault:
    """429, with Retry-After when given."""
    headers = (("Retry-After", seconds),) if seconds else ()
    return Fault(status=429, code="rate_limit_exceeded", message="Rate limit reached", headers=headers)


def too_long(window: int = 4096) -> Fault:
    """The prompt exceeds the model's window, as OpenAI says it."""
    message = (
        f"This model's maximum context length is {window} tokens. However, your messages resulted in 9000 tokens. "
        "Please reduce the length of the messages."
    )
    return Fault(status=400, code="context_length_exceeded", message=message)


Script = Callable[[Body], "Reply | Fault"]


def in_turn(*steps: "Reply | Fault") -> Script:
    """A script that takes one step a request; the last one stays."""
    left, lock = list(steps), threading.Lock()

    def script(_: Body) -> "Reply | Fault":
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script


def by_model(**steps: "Reply | Fault") -> Script:
    """A script by model name (underscores stand for hyphens)."""
    return lambda body: steps[body["model"].replace("-", "_")]


@dataclass
class OpenAIServer:
    """A running server: its address (`api_base`), what was asked, and why a request was turned down."""

    url: str
    requests: list[Body] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def user_texts(self) -> list[str]:
        """The user messages of all requests."""
        return [m["content"] for r in self.requests for m in r["messages"] if m["role"] == "user"]


@contextmanager
def openai_server(
    script: Script | Reply | Fault, *, key: str = "", models: Iterable[str] = ("test-model",)
) -> Iterator[OpenAIServer]:
    """Run a server on loopback; with `key`, no other key is accepted (a key must be sent in any case)."""
    known = tuple(models)
    decide: Script = script if callable(script) else (lambda _: script)
    with handled(_Handler) as httpd:
        server = OpenAIServer(f"http://127.0.0.1:{httpd.server_port}/v1")
        httpd.setup = (decide, key, known, server)  # type: ignore[attr-defined]
        yield server


class _Refused(Exception):
    """A request that the protocol doesn't allow."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,), "messages": (list,), "max_tokens": (int,), "max_completion_tokens": (int,),
    "temperature": (int, float), "top_p": (int, float), "n": (int,), "stream": (bool,), "stream_options": (dict,),
    "stop": (str, list), "seed": (int,), "user": (str,), "response_format": (dict,), "presence_penalty": (int, float),
    "frequency_penalty": (int, float), "logprobs": (bool,), "metadata": (dict,),
}  # fmt: skip
_ROLES = ("system", "developer", "user", "assistant")


def _checked(body: Any, known: tuple[str, ...]) -> Body:
    """The request, if it is one that OpenAI would take."""
    if not isinstance(body, dict):
        raise _Refused(400, "invalid_json", "The body is not an object")
    for name, value in body.items():
        if name not in _TYPES:
            raise _Refused(400, "unknown_parameter", f"Unknown parameter: '{name}'.", name)
        if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and bool not in _TYPES[name]):
            raise _Refused(400, "invalid_type", f"Invalid type for '{name}'.", name)
    for name in ("model", "messages"):
        if not body.get(name):
            raise _Refused(400, "missing_required_parameter", f"Missing required parameter: '{name}'.", name)
    if not 0 <= body.get("temperature", 1) <= 2 or body.get("max_tokens", 1) < 1:
        raise _Refused(400, "invalid_value", "A value is out of range.")
    if "stream_options" in body and not body.get("stream"):
        raise _Refused(
            400, "invalid_value", "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
    for i, message in enumerate(body["messages"]):
        good = isinstance(message, dict) and set(message) <= {"role", "content", "name"}
        if not good or message.get("role") not in _ROLES or not isinstance(message.get("content"), str):
            raise _Refused(400, "invalid_value", f"Invalid 'messages[{i}]'.", f"messages[{i}]")
    if body["model"] not in known:
        raise _Refused(404, "model_not_found", f"The model `{body['model']}` does not exist.")
    return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _server(self) -> tuple[Script, str, tuple[str, ...], OpenAIServer]:
        return self.server.setup  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        _, _, known, server = self._server
        if self.path != "/v1/models":
            return self._error(404, "not_found", f"Invalid URL (GET {self.path})")
        try:
            self._authorised()
        except _Refused as e:
            server.refused.append(str(e))
            return self._error(e.status, e.code, str(e))
        rows = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in known]
        return self._json(200, {"object": "list", "data": rows})

    def do_POST(self) -> None:
        decide, _, known, server = self._server
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if self.path != "/v1/chat/completions":
                raise _Refused(404, "not_found", f"Invalid URL (POST {self.path})")
            self._authorised()
            try:
                body = _checked(json.loads(raw), known)
            except ValueError as e:
                raise _Refused(400, "invalid_json", "We could not parse the JSON body of your request.") from e
        except _Refused as e:
            server.refused.append(str(e))
            return self._error(e.status, e.code, str(e), e.param)
        server.requests.append(body | {"authorization": self.headers["Authorization"]})
        step = decide(body)
        with suppress(BrokenPipeError, ConnectionResetError):
            time.sleep(step.delay)
            if isinstance(step, Reply):
                self._stream(body, step) if body.get("stream") else self._whole(body, step)
            else:
                self._fail(body, step)
        return None

    def _authorised(self) -> None:
        given, key = self.headers.get("Authorization", ""), self._server[1]
        if not given.startswith("Bearer ") or len(given) < 8:
            raise _Refused(401, "invalid_api_key", "You didn't provide an API key.")
        if key and given != f"Bearer {key}":
            raise _Refused(401, "invalid_api_key", f"Incorrect API key provided: {given[7:11]}***.")

    def _whole(self, body: Body, reply: Reply) -> None:
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        choice = {"index": 0, "finish_reason": reply.finish, "message": message, "logprobs": None}
        self._json(200, _frame(body, "chat.completion") | {"choices": [choice], "usage": _usage(reply)})

    def _stream(self, body: Body, reply: Reply) -> None:
        self._open_stream()
        self._event(_delta(body, {"role": "assistant", "content": ""}))
        for piece in reply.parts:
            time.sleep(reply.pause)
            self._event(_delta(body, {"content": piece}))
        self._event(_delta(body, {}, reply.finish))
        if reply.usage and body.get("stream_options", {}).get("include_usage"):
            self._event(_frame(body, "chat.completion.chunk") | {"choices": [], "usage": _usage(reply)})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _fail(self, body: Body, fault: Fault) -> None:
        if fault.kind == "status":
            self._error(fault.status, fault.code, fault.message, headers=fault.headers)
        elif fault.kind == "hang":
            self._drop()
        elif body.get("stream"):
            self._fail_in_stream(body, fault)
        elif fault.kind == "malformed":
            self._send(200, b'{"id": "x", "choices": [', ())
        elif fault.kind == "empty":
            self._json(200, _frame(body, "chat.completion") | {"choices": [], "usage": _usage(Reply(""))})
        else:
            self._drop()

    def _fail_in_stream(self, body: Body, fault: Fault) -> None:
        self._open_stream()
        for piece in Reply(fault.text).parts[: fault.after]:
            self._event(_delta(body, {"content": piece}))
        if fault.kind == "drop":
            self._drop()
        elif fault.kind == "malformed":
            self._chunk(b'data: {"id": "x", "choices": [{"del\n\n')
            self._chunk(b"")
        else:
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

    def _drop(self) -> None:
        """Reset the connection: no goodbye, as a killed server or a cut line."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.wfile = io.BytesIO()  # the base class flushes it once more

    def _open_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _event(self, data: Body) -> None:
        self._chunk(f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _error(
        self, status: int, code: str, message: str, param: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        kind = "invalid_request_error" if 400 <= status < 429 else "server_error"
        error = {"message": message, "type": kind, "param": param, "code": code}
        self._send(status, json.dumps({"error": error}).encode(), headers)

    def _json(self, status: int, value: Body) -> None:
        self._send(status, json.dumps(value, ensure_ascii=False).encode(), ())

    def _send(self, status: int, data: bytes, headers: Iterable[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing."""


def _frame(body: Body, kind: str) -> Body:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"], "system_fingerprint": None}


def _delta(body: Body, delta: Body, finish: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage = {"usage": None} if body.get("stream_options", {}).get("include_usage") else {}
    return _frame(body, "chat.completion.chunk") | {"choices": [choice]} | usage


def _usage(reply: Reply) -> Body:
    total = reply.prompt_tokens + reply.completion_tokens
    return {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens, "total_tokens": total}
