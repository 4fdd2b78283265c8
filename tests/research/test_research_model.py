"""A hosted model beside the rules, over the wire: off by default, asked once a page, believed nothing."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cafe24_pipelines.research.book import standing_claims
from cafe24_pipelines.research.run import collect_research
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "openai_server.py"))
openai_server, Reply = servers["openai_server"], servers["Reply"]

SENTENCE = (
    "보고서가 집계한 쇼핑몰 전체의 고객 유지율, 다시 말해 한 해가 지나도 남아 있는 고객의 몫을 여러 해에 걸쳐 "
    "업종을 가리지 않고 살피면 대체로 그 값은 31%입니다."
)
"""Its number stands too far from its metric for the rules."""


def _settings(home: Path, url: str, sources: Path, **env: str) -> Settings:
    base = {
        "LLM_MODEL": "openai/test-model", "LLM_API_BASE": url, "LLM_API_KEY": "k",
        "CAFE24_RESEARCH_SOURCES": str(sources),
    }  # fmt: skip
    return Settings.from_env(base | env, home=home)


def test_a_model_adds_what_stands_on_the_page_and_nothing_else(research: SimpleNamespace, tmp_path: Path) -> None:
    proposals = [
        {"metric": "retention_rate", "value": 31, "value_to": 31, "unit": "%", "quote": SENTENCE},
        {"metric": "retention_rate", "value": 77, "value_to": 77, "unit": "%", "quote": SENTENCE},
        {"metric": "conversion_rate", "value": 99, "value_to": 99, "unit": "%", "quote": "전환율은 99%입니다."},
    ]

    def script(body: dict[str, Any]) -> Any:
        return Reply(json.dumps(proposals, ensure_ascii=False))

    research.site.answers["/a"] = research.page("들어가는 말입니다.", SENTENCE, title="2025 고객 유지율 리포트")
    sources = research.listed({"url": "/a"})
    with openai_server(script) as server:
        off = _settings(tmp_path / "off", server.url, sources)
        collect_research(off, EventLog(off.home.events))
        assert server.requests == [], "a model was asked although nobody said so"
        on = _settings(tmp_path / "on", server.url, sources, CAFE24_RESEARCH_MODEL="1")
        collect_research(on, EventLog(on.home.events))
        assert len(server.requests) == 1 and SENTENCE in server.user_texts[0]
        collect_research(on, EventLog(on.home.events))
        assert len(server.requests) == 1, "an unchanged page was paid for again"
    rules = {(c.metric, c.value) for c in standing_claims(EventLog(off.home.events))}
    both = standing_claims(EventLog(on.home.events))
    assert rules == set(), "the rules alone don't dare this sentence"
    assert [(c.metric, c.value, c.quote, c.found_by) for c in both] == [
        ("retention_rate", 31.0, SENTENCE, "model:openai/test-model")
    ]
