"""The fine-tuned model is kept warm within its budget, and left alone when that would be for nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from openai_server import OpenAIServer, Reply, openai_server

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.names import OPERATIONS_MALL, SEOUL
from cafe24_pipelines.operations.traffic import last_traffic
from cafe24_pipelines.operations.warmup import WARMED, last_warmth, warm, why_not
from cafe24_pipelines.parts import finetuned_model
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.operations import model_warmup
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=ZoneInfo(SEOUL))
ENV = {
    "LLM_MODEL": "openai/test-model", "FINETUNED_MODEL": "openai/test-model", "LLM_PRICE_USD": "1,1",
    "CAFE24_WARMUP_BUDGET": "1usd",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(lambda _: Reply("p", prompt_tokens=9, completion_tokens=1)) as running:
        yield running


def _settings(home: Path, server: OpenAIServer | None = None, **more: str) -> Settings:
    return Settings.from_env(ENV | ({"LLM_API_BASE": server.url} if server else {}) | more, home=home)


def _warmed(log: EventLog, at: datetime, *, latency: float = 200.0, cost: float | None = 0.00001) -> None:
    payload = {
        "model": ENV["FINETUNED_MODEL"], "state": "warm", "latency_ms": latency, "usual_ms": None, "cost_usd": cost,
        "cost_krw": None,
    }  # fmt: skip
    log.append([Event(f"{WARMED}:{at.isoformat()}", OPERATIONS_MALL, WARMED, at, payload)])


def test_a_warm_up_is_one_token_counted_by_what_it_cost(tmp_path: Path, server: OpenAIServer) -> None:
    settings, log = (
        _settings(tmp_path, server, CAFE24_KRW_PER_USD="1400@2026-11-01"),
        EventLog(tmp_path / "events.db"),
    )
    model = finetuned_model(settings)
    assert model is not None
    found = warm(settings, log, model, key="run", now=NOW)
    warm(settings, log, model, key="run", now=NOW)
    assert found.state == "unknown" and server.requests[0]["max_tokens"] == 1
    [event] = log.read(OPERATIONS_MALL, types=(WARMED,))
    assert event.payload["cost_usd"] == pytest.approx(10 / 1e6) and event.payload["cost_krw"] == pytest.approx(0.014)
    assert found.month_usd == event.payload["cost_usd"], "the same run is counted once"
    assert last_traffic(settings) is None, "a warm-up is no traffic"


@pytest.mark.parametrize(("usual", "state"), [(0.001, "cold"), (3.6e6, "warm")])
def test_it_is_cold_against_its_own_history(tmp_path: Path, server: OpenAIServer, usual: float, state: str) -> None:
    settings, log = _settings(tmp_path, server), EventLog(tmp_path / "events.db")
    for i in range(5):
        _warmed(log, NOW - timedelta(minutes=10 * i), latency=usual)
    model = finetuned_model(settings)
    assert model is not None and warm(settings, log, model, key="x", now=NOW).state == state
    assert ("식어" in last_warmth(settings)) == (state == "cold")


def test_it_is_left_alone_when_warming_is_for_nothing(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.db")

    def reason(last_use: datetime | None = None, **more: str) -> str:
        return why_not(_settings(tmp_path, **more), log, now=NOW, last_use=last_use)

    assert reason() == ""
    assert "FINETUNED_MODEL" in reason(FINETUNED_MODEL="") and "CAFE24_WARMUP_BUDGET" in reason(
        CAFE24_WARMUP_BUDGET="0"
    )
    assert "within the last 10 minutes" in reason(NOW - timedelta(minutes=9))
    assert reason(NOW - timedelta(minutes=11)) == ""
    _warmed(log, datetime(2026, 10, 31, 23, 50, tzinfo=ZoneInfo(SEOUL)), cost=50.0)
    assert reason() == "", "last month is paid"
    _warmed(log, NOW - timedelta(days=1), cost=0.6)
    assert "is spent" in reason(), "the next one would exceed it"
    assert reason(CAFE24_WARMUP_BUDGET="3000krw", CAFE24_KRW_PER_USD="1400@2026-11-01") == ""
    _warmed(log, NOW, cost=None)
    assert "LLM_PRICE_USD" in reason(), "a budget can't be held without a price"
    with pytest.raises(ConfigError, match="won"):
        _settings(tmp_path, CAFE24_WARMUP_BUDGET="3000krw")


def test_what_a_mall_asks_counts_as_traffic(tmp_path: Path, server: OpenAIServer) -> None:
    settings = _settings(tmp_path, server)
    model = finetuned_model(settings, Mall("shop"))
    assert model is not None and last_traffic(settings) is None
    model.write("질문")
    used = last_traffic(settings)
    assert used is not None
    assert "within the last" in why_not(settings, EventLog(tmp_path / "e.db"), now=used, last_use=used)


def test_the_schedule_asks_for_a_run_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tick() -> dg.RunRequest | dg.SkipReason:
        with (
            dagster_instance(Settings.from_env({}, home=tmp_path)) as instance,
            dg.build_schedule_context(
                instance=instance, scheduled_execution_time=NOW,
                resources={"events": EventsResource(home=str(tmp_path))},
            ) as context,
        ):  # fmt: skip
            said = model_warmup(context)
        assert isinstance(said, dg.RunRequest | dg.SkipReason)
        return said

    assert isinstance(tick(), dg.SkipReason)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    asked = tick()
    assert isinstance(asked, dg.RunRequest) and NOW.isoformat() in (asked.run_key or "")
