"""Language models behind the one door: a lying server, broken servers, and no network at all."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cafe24_pipelines.answers.ask import Services, ask
from cafe24_pipelines.answers.evidence import Evidence
from cafe24_pipelines.answers.llm import LanguageModel, ModelError
from cafe24_pipelines.answers.prompts import messages
from cafe24_pipelines.errors import ConfigError

PROMPT = messages("안녕?", Evidence())


@contextmanager
def server(reply: Callable[[dict], tuple[int, str]], *, slow: float = 0.0) -> Iterator[tuple[str, list[dict]]]:
    """An OpenAI-compatible server; `reply` gets a request, gives status and text. Yields address and requests."""
    seen: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({**body, "authorization": self.headers["Authorization"]})
            time.sleep(slow)
            status, text = reply(body)
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
            good = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "usage": usage}
            good["choices"] = [choice]
            shown = good if status == 200 else {"error": {"message": text, "type": "error", "code": str(status)}}
            data = json.dumps(shown).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1", seen
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def model(address: str, **more: object) -> LanguageModel:
    return LanguageModel("openai/test-model", address, **more)  # type: ignore[arg-type]


def test_a_lying_model_is_not_shown(sandbox_services: Services) -> None:
    with server(lambda _: (200, "지난달 매출은 987,654,321원이고 두 배로 늘었습니다.")) as (address, seen):
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=model(address)))
    truth = ask("지난달 매출은?", sandbox_services)
    assert len(seen) == 1 and answer.withheld == ("987,654,321", "두")
    assert answer.answer == truth.answer and answer.numbers == truth.numbers


def test_an_invented_endpoint_is_not_shown(sandbox_services: Services) -> None:
    with server(lambda _: (200, "POST /api/v2/admin/orders/magic 을 부르세요.")) as (address, _):
        answer = ask("주문 목록 조회 API 권한은?", replace(sandbox_services, llm=model(address)))
    assert answer.withheld == ("POST /api/v2/admin/orders/magic",) and "magic" not in answer.answer


def test_an_honest_model_is_shown_with_its_tokens(sandbox_services: Services) -> None:
    truth = ask("지난달 매출은?", sandbox_services)
    said = f"지난달 순매출은 {int(truth.numbers[0].value):,}원이에요."
    with server(lambda _: (200, said)) as (address, seen):
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=model(address)))
        completion = model(address).complete(PROMPT)
    assert answer.answer == said and answer.withheld == () and answer.model == "openai/test-model"
    assert answer.cost_usd is None  # nobody knows the price of a model of one's own
    assert (completion.input_tokens, completion.output_tokens) == (11, 7) and completion.latency_ms > 0
    assert seen[0]["temperature"] == 0.0 and [m["role"] for m in seen[0]["messages"]] == ["system", "user"]


def test_the_baseline_arm_withholds_numbers_too(sandbox_services: Services) -> None:
    with server(lambda _: (200, "보통 3억쯤 됩니다.")) as (address, _):
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=model(address)), arm="baseline")
    assert "3억" not in answer.answer and answer.withheld


def test_no_personal_question_reaches_a_model(sandbox_services: Services) -> None:
    with server(lambda _: (200, "네")) as (address, seen):
        assert ask("김철수님 전화번호 알려줘", replace(sandbox_services, llm=model(address))).refused
    assert seen == []


@pytest.mark.parametrize(
    ("status", "kind", "what"),
    [
        (401, ConfigError, "the key was not accepted"),
        (404, ConfigError, "no such model"),
        (400, ConfigError, "the request was not accepted"),
        (429, ModelError, "the rate limit was hit"),
        (500, ModelError, "the model's server failed"),
    ],
)
def test_errors_say_what_to_do_and_never_show_the_key(status: int, kind: type[Exception], what: str) -> None:
    with server(lambda _: (status, "bad key sk-secret-123")) as (address, seen), pytest.raises(kind, match=what) as e:
        model(address, api_key="sk-secret-123").complete(PROMPT)
    assert "LLM_MODEL=local/extractive" in str(e.value) and "sk-secret" not in str(e.value)
    assert 1 <= len(seen) <= 3


def test_a_slow_model_is_given_up() -> None:
    with (
        server(lambda _: (200, "늦음"), slow=1.5) as (address, _),
        pytest.raises(ModelError, match="no answer within"),
    ):
        model(address, timeout=0.2, retries=0).complete(PROMPT)


def test_an_unreachable_model() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with pytest.raises(ModelError, match="not reachable"):
        model(f"http://127.0.0.1:{port}/v1").complete(PROMPT)


def test_a_missing_key_is_found_before_any_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("connected"))
    with pytest.raises(ConfigError, match="no key for the model"):
        LanguageModel("openai/gpt-4o-mini").complete(PROMPT)


def test_the_local_model_needs_no_network_at_all() -> None:
    """In a process of its own, where every socket call fails, from the first import on."""
    code = """
import socket
def refuse(*a, **k): raise AssertionError("network")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.answers.prompts import messages
from cafe24_pipelines.answers.evidence import Evidence
done = LanguageModel().complete(messages("매출은?", Evidence()))
assert done.model == "local/extractive" and done.cost_usd == 0.0 and done.input_tokens > 0, done
print("fine")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip().endswith("fine"), run.stderr


def test_importing_the_room_is_cheap() -> None:
    code = """
import sys
import cafe24_pipelines.answers.ask, cafe24_pipelines.answers.llm, cafe24_pipelines.answers.aggregates
heavy = {"litellm", "pandas", "pyarrow", "duckdb", "kiwipiepy", "yaml", "numpy"} & set(sys.modules)
print(sorted(heavy))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
