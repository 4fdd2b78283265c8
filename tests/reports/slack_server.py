"""A stand-in for Slack's incoming webhooks that is as strict as Slack: documented limits, markup and replies.

Each call takes the next scripted reply; without one a message that is well formed is shown, another is refused.
"""

import json
import re
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any

from benchmarks.loopback import handled

PATH = "/services/T0000/B0000/secretsecret"
_CONTROL = re.compile(r"<(?:https?://[^<>|\s]+\|[^<>|]+)>")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_KEYS = {"header": {"type", "text"}, "section": {"type", "text", "fields"}, "context": {"type", "elements"},
         "divider": {"type"}}  # fmt: skip


def problem(body: Any) -> str:
    """Why Slack would not show a message; "" if it would."""
    if not isinstance(body, dict) or set(body) - {"text", "blocks"} or not body.get("text"):
        return "invalid_payload"
    if len(body["text"]) > 40_000 or not 1 <= len(body["blocks"]) <= 50:
        return "invalid_blocks"
    return next((found for block in body["blocks"] if (found := _of_block(block))), "")


def _of_block(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind not in _KEYS or set(block) - _KEYS[kind]:
        return "invalid_blocks"
    if kind == "header":
        text = block["text"]
        return "" if text["type"] == "plain_text" and 1 <= _units(text["text"]) <= 150 else "invalid_blocks"
    if kind == "section":
        fields = block.get("fields", [])
        if len(fields) > 10 or not (fields or "text" in block):
            return "invalid_blocks"
        texts = [(one, 2000) for one in fields] + ([(block["text"], 3000)] if "text" in block else [])
    else:
        if not 1 <= len(block.get("elements", [])) <= 10:
            return "invalid_blocks"
        texts = [(one, 3000) for one in block["elements"]]
    return next((found for text, most in texts if (found := _of_text(text, most))), "")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _of_text(text: dict[str, Any], most: int) -> str:
    if text["type"] != "mrkdwn" or set(text) - {"type", "text", "verbatim"} or not 1 <= _units(text["text"]) <= most:
        return "invalid_blocks"
    bare = _ENTITY.sub("", _CONTROL.sub("", text["text"]))
    return "unescaped" if any(c in bare for c in "&<>") else ""


class SlackServer:
    """`shown` are accepted messages, `calls` counts requests, `script` holds replies: (status, text, headers), hang,
    drop (which shows the message and says nothing) or drip (whose reply never ends)."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.calls = 0
        self.script: list[Any] = []
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.calls += 1
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                outer.answer(self, raw)

            def log_message(self, *args: object) -> None:
                return

        self._running = ExitStack()
        self.server = self._running.enter_context(handled(Handler))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{PATH}"

    def answer(self, call: BaseHTTPRequestHandler, raw: bytes) -> None:
        reply = self.script.pop(0) if self.script else None
        if reply == "hang":
            self.released.wait(20)
            return
        body = json.loads(raw)
        if reply == "drip":
            call.send_response(200)
            call.end_headers()
            while not self.released.wait(0.05):
                call.wfile.write(b"o")
            return
        if reply == "drop":
            self.shown.append(body)
            call.close_connection = True
            return
        if reply is None:
            reply = (404, "no_service", {}) if call.path != PATH else (200, "ok", {})
            if call.headers["Content-Type"] != "application/json":
                reply = (400, "invalid_payload", {})
            elif found := problem(body):
                reply = (400, found, {})
        status, text, headers = reply
        if status == 200:
            self.shown.append(body)
        call.send_response(status)
        for name, value in headers.items():
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(text)))
        call.end_headers()
        call.wfile.write(text.encode())

    def close(self) -> None:
        self.released.set()
        self._running.close()
