"""The optional second look: real LiteLLM calls to a local rerank server, and what they may not break."""

import json
import logging
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.rerank import AsRetrieved, LiteLLMReranker, OverlapReranker, Reranker, reranker

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class RerankServer:
    """`POST /rerank` as rerank servers speak it: `results` of `index` and `relevance_score`, best first."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answer: Answer = by_length
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({"path": self.path, **body})
                outer.keys.append(self.headers.get("Authorization", ""))
                status, answer = outer.answer(body)
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.handler, self.url = Handler, ""


def by_length(body: dict[str, Any]) -> tuple[int, Any]:
    """The shorter a document, the better."""
    rows = [{"index": i, "relevance_score": 1 / (1 + len(text))} for i, text in enumerate(body["documents"])]
    ranked = sorted(rows, key=lambda row: -row["relevance_score"])
    return 200, {"id": "1", "results": ranked, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


@pytest.fixture
def server() -> Iterator[RerankServer]:
    made = RerankServer()
    with handled(made.handler) as httpd:
        made.url = f"http://127.0.0.1:{httpd.server_port}"
        yield made


def test_a_model_behind_litellm_scores_every_text(server: RerankServer) -> None:
    scores = LiteLLMReranker("infinity/reranker", server.url, "secret").scores("질문", ["길고 긴 글", "글", "긴 글"])
    assert scores is not None and sorted(range(3), key=lambda i: -scores[i]) == [1, 2, 0]
    asked = server.asked[0]
    assert (asked["path"], asked["model"], asked["query"]) == ("/rerank", "reranker", "질문")
    assert asked["documents"] == ["길고 긴 글", "글", "긴 글"] and server.keys == ["Bearer secret"]


@pytest.mark.parametrize("answer", [
    (500, {"error": "overloaded"}),
    (401, {"error": "wrong key"}),
    (200, {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}]}),  # one of two
    (200, {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}, {"index": 7, "relevance_score": 0.4}]}),
    (200, {"id": "1", "results": [{"index": 0, "relevance_score": float("nan")},
                                  {"index": 1, "relevance_score": 0.4}]}),
    (200, {"unexpected": True}),
])  # fmt: skip
def test_a_model_that_fails_leaves_the_order_and_says_so(
    server: RerankServer, answer: tuple[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda _: answer
    with caplog.at_level(logging.WARNING):
        assert LiteLLMReranker("infinity/reranker", server.url, "secret").scores("질문", ["글", "긴 글"]) is None
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("cafe24_pipelines"))
    assert "the order stays" in said and "질문" not in said and "secret" not in said


def test_the_local_scorer_prefers_texts_with_the_rare_words() -> None:
    scores = OverlapReranker().scores("쿠폰 사용 내역", ["쿠폰 등록", "쿠폰 사용 내역", "적립금 내역", "쿠폰 삭제"])
    assert scores is not None and max(range(4), key=scores.__getitem__) == 1
    assert all(0 <= s <= 1 for s in scores) and scores[2] > scores[0], "쿠폰 stands nearly everywhere"
    assert OverlapReranker().scores("…", ["글"]) is None


def test_a_setting_names_the_reranker() -> None:
    made: dict[str, Reranker] = {name: reranker(name) for name in ("", "local/overlap", "cohere/rerank-v3.5")}
    assert [type(r) for r in made.values()] == [AsRetrieved, OverlapReranker, LiteLLMReranker]
    assert made[""].depth == 0, "off by default: it is shown nothing"
    with pytest.raises(ConfigError, match="local/overlap"):
        reranker("local/magic")
