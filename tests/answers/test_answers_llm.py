"""Language models behind the one door: a lying server, failing servers, and no network at all."""

import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.answers.answer_cache import AnswerCache, Lookups
from cafe24_pipelines.answers.ask import Services, ask
from cafe24_pipelines.answers.evidence import Evidence
from cafe24_pipelines.answers.llm import Completion, LanguageModel, ModelError, ReplyBroken
from cafe24_pipelines.answers.prices import Prices
from cafe24_pipelines.answers.prompts import messages
from cafe24_pipelines.answers.usage import KrwRate, in_krw
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "openai_server.py"))
openai_server, Reply, Fault = servers["openai_server"], servers["Reply"], servers["Fault"]
in_turn, by_model, rate_limited, too_long = (
    servers[name] for name in ("in_turn", "by_model", "rate_limited", "too_long")
)

PROMPT = messages("안녕?", Evidence())
GOOD = Reply("안녕하세요. 반갑습니다.")


def model(address: str, name: str = "test-model", **more: Any) -> LanguageModel:
    return LanguageModel(f"openai/{name}", address, **more)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts, which are noted and not slept."""
    noted: list[float] = []
    monkeypatch.setattr(LanguageModel, "_sleep", noted.append)
    return noted


def streamed(of: LanguageModel) -> tuple[list[str], Completion]:
    *pieces, done = of.stream(PROMPT)
    assert isinstance(done, Completion)
    return [p for p in pieces if isinstance(p, str)], done


def test_a_lying_model_is_not_shown(sandbox_services: Services) -> None:
    with openai_server(Reply("지난달 매출은 987,654,321원이고 두 배로 늘었습니다.")) as server:
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=model(server.url)))
    truth = ask("지난달 매출은?", sandbox_services)
    assert len(server.requests) == 1 and answer.withheld == ("987,654,321", "두")
    assert answer.answer.endswith(truth.answer) and "987" not in answer.answer and answer.numbers == truth.numbers


def test_an_invented_endpoint_is_not_shown(sandbox_services: Services) -> None:
    with openai_server(Reply("POST /api/v2/admin/orders/magic 을 부르세요.")) as server:
        answer = ask("주문 목록 조회 API 권한은?", replace(sandbox_services, llm=model(server.url)))
    assert answer.withheld == ("POST /api/v2/admin/orders/magic",) and "magic" not in answer.answer


def test_an_honest_model_is_shown_with_what_it_used(sandbox_services: Services) -> None:
    truth = ask("지난달 매출은?", sandbox_services)
    said = f"지난달 순매출은 {int(truth.numbers[0].value):,}원이에요."
    with openai_server(Reply(said)) as server:
        priced = model(server.url, prices=Prices((1000.0, 2000.0)))
        rate = KrwRate(1400.0, "2026-11-02")
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=priced, krw_rate=rate))
        unknown = ask("지난달 매출은?", replace(sandbox_services, llm=model(server.url)))
    assert answer.answer == said and answer.withheld == () and answer.model == "openai/test-model"
    assert answer.cost_usd == pytest.approx(0.011 + 0.014) and answer.usage.cost_krw == pytest.approx(35.0)
    shown = answer.to_json()
    assert (shown["usage"]["input_tokens"], shown["usage"]["output_tokens"]) == (11, 7)
    assert (shown["usage"]["krw_per_usd"], shown["usage"]["krw_rate_date"]) == (1400.0, "2026-11-02")
    assert len(shown["prompt_version"]) == 12 and shown["retrieved"] == 0
    assert unknown.cost_usd is None and unknown.usage.cost_krw is None  # no price is no price, not zero
    assert in_krw(0.0, None) == 0.0 and in_krw(1.0, None) is None
    request = server.requests[0]
    assert request["temperature"] == 0.0 and [m["role"] for m in request["messages"]] == ["system", "user"]


def test_the_baseline_arm_withholds_numbers_too(sandbox_services: Services) -> None:
    with openai_server(Reply("보통 3억쯤 됩니다.")) as server:
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=model(server.url)), arm="baseline")
    assert "3억" not in answer.answer and answer.withheld and answer.refused


def test_no_personal_question_reaches_a_model(sandbox_services: Services) -> None:
    with openai_server(GOOD) as server:
        assert ask("김철수님 전화번호 알려줘", replace(sandbox_services, llm=model(server.url))).refused
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "kind", "what", "attempts"),
    [
        (401, ConfigError, "the key was not accepted", 1),
        (403, ConfigError, "the key has no access", 1),
        (404, ConfigError, "no such model", 1),
        (400, ConfigError, "the request was not accepted", 1),
        (429, ModelError, "the rate limit was hit", 3),
        (500, ModelError, "the model's server failed", 3),
        (503, ModelError, "the model's server failed", 3),
    ],
)  # fmt: skip
def test_errors_say_what_to_do_and_never_show_the_key(
    status: int, kind: type[Exception], what: str, attempts: int, waits: list[float]
) -> None:
    fault = Fault(status=status, code="x", message="bad key sk-secret-123")
    with openai_server(fault) as server, pytest.raises(kind, match=what) as e:
        model(server.url, api_key="sk-secret-123").complete(PROMPT)
    assert "LLM_MODEL=local/extractive" in str(e.value) and "sk-secret" not in str(e.value)
    assert len(server.requests) == attempts and waits == [0.25, 0.5][: attempts - 1]


def test_the_server_of_these_tests_is_strict() -> None:
    with openai_server(GOOD, key="right") as server:
        with pytest.raises(ConfigError, match="key"):
            model(server.url, api_key="wrong").complete(PROMPT)
        with pytest.raises(ConfigError, match="no such model"):
            model(server.url, "other", api_key="right").complete(PROMPT)
        assert model(server.url, api_key="right").complete(PROMPT).text == GOOD.text
    assert len(server.refused) == 2 and len(server.requests) == 1


def test_a_named_wait_is_kept_within_a_bound(waits: list[float]) -> None:
    with openai_server(in_turn(rate_limited("7"), GOOD)) as server:
        done = model(server.url).complete(PROMPT)
    assert waits == [7.0] and done.attempts == 2 and done.text == GOOD.text
    with openai_server(in_turn(rate_limited("3600"), GOOD)) as server, pytest.raises(ModelError, match="rate limit"):
        model(server.url).complete(PROMPT)
    assert waits == [7.0] and len(server.requests) == 1  # an hour is not waited for, and not asked in between


def test_fallbacks_are_asked_in_order(waits: list[float]) -> None:
    script = by_model(test_model=Fault(status=503), small=too_long(), big=GOOD)
    with openai_server(script, models=("test-model", "small", "big")) as server:
        done = model(server.url, fallbacks=("openai/small", "openai/big")).complete(PROMPT)
    assert (done.model, done.fallback, done.attempts) == ("openai/big", True, 5)
    assert [r["model"] for r in server.requests] == ["test-model"] * 3 + ["small", "big"]


def test_a_wrong_key_is_not_covered_up_by_a_fallback() -> None:
    with openai_server(GOOD, key="right") as server, pytest.raises(ConfigError, match="key"):
        model(server.url, api_key="wrong", fallbacks=("local/extractive",)).complete(PROMPT)


def test_the_last_fallback_may_be_the_local_one(sandbox_services: Services, waits: list[float]) -> None:
    with openai_server(Fault(status=500)) as server:
        failing = model(server.url, fallbacks=("local/extractive",))
        answer = ask("지난달 매출은?", replace(sandbox_services, llm=failing))
    assert answer.model == "local/extractive" and answer.usage.fallback and answer.cost_usd == 0.0
    assert answer.answer == ask("지난달 매출은?", sandbox_services).answer


@pytest.mark.parametrize("kind", ["drop", "malformed", "empty"])
def test_replies_that_are_none_are_asked_for_again(kind: str, waits: list[float]) -> None:
    for ask_model in (lambda m: m.complete(PROMPT), lambda m: streamed(m)[1]):
        with openai_server(in_turn(Fault(kind), GOOD)) as server:
            done = ask_model(model(server.url))
        assert done.text == GOOD.text and done.attempts == 2 and len(server.requests) == 2


def test_a_stream_comes_in_pieces_with_usage() -> None:
    with openai_server(Reply("하나 둘 셋 넷 다섯 여섯.", pause=0.01)) as server:
        pieces, done = streamed(model(server.url))
    assert len(pieces) > 1 and "".join(pieces) == done.text == "하나 둘 셋 넷 다섯 여섯."
    assert (done.input_tokens, done.output_tokens) == (11, 7)
    assert done.first_token_ms is not None and 0 < done.first_token_ms <= done.latency_ms
    assert server.requests[0]["stream"] is True


@pytest.mark.parametrize("kind", ["drop", "malformed"])
def test_a_stream_that_breaks_after_words_is_not_begun_anew(kind: str) -> None:
    broken = Fault(kind, text="하나 둘 셋 넷 다섯 여섯.", after=2)
    with openai_server(in_turn(broken, GOOD)) as server, pytest.raises(ReplyBroken, match="cut off") as e:
        streamed(model(server.url))
    assert len(server.requests) == 1 and e.value.completion is not None
    assert e.value.completion.text == "하나 둘 셋 넷 다섯 여섯."[:12].strip()


def test_why_a_reply_ended_is_told() -> None:
    with openai_server(Reply("길고 긴", finish="length")) as server:
        assert model(server.url).complete(PROMPT).finish == "length" == streamed(model(server.url))[1].finish
    with openai_server(Reply("", finish="content_filter")) as server:
        with pytest.raises(ReplyBroken, match="filter"):
            model(server.url).complete(PROMPT)
        with pytest.raises(ReplyBroken, match="filter"):
            streamed(model(server.url))


def test_a_slow_model_is_given_up() -> None:
    with openai_server(Reply("늦음", delay=1.0)) as server, pytest.raises(ModelError, match="no answer within"):
        model(server.url, timeout=0.2).complete(PROMPT)
    assert len(server.requests) == 1
    dripping = Reply("한 글자씩 오는 답", pieces=tuple("한 글자씩 오는 답"), pause=0.1)
    with openai_server(dripping) as server, pytest.raises(ReplyBroken):
        streamed(model(server.url, timeout=0.4))  # no single wait is long: the whole is


def test_an_unreachable_model(waits: list[float]) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with pytest.raises(ModelError, match="not reachable"):
        model(f"http://127.0.0.1:{port}/v1").complete(PROMPT)


def test_the_same_prompt_is_paid_for_once(tmp_path: Path) -> None:
    with openai_server(GOOD) as server:
        first, second = (AnswerCache(tmp_path / "c.db", mall, 2) for mall in ("one", "two"))
        one = model(server.url, cache=first, prices=Prices((1.0, 1.0)))
        paid, kept = one.complete(PROMPT), one.complete(PROMPT)
        pieces, again = streamed(one)
        model(server.url, cache=second).complete(PROMPT)  # another mall, another key
        assert paid.cost_usd and not paid.cached and (kept.cost_usd, kept.cached, kept.attempts) == (0.0, True, 0)
        assert pieces == [GOOD.text] and again.cached and kept.text == paid.text
        assert len(server.requests) == 2 and first.lookups() == Lookups(2, 1)
        for n in range(3):  # the longest unused go
            one.complete(messages(f"{n}?", Evidence()))
        assert not one.complete(PROMPT).cached
        assert first.forget() == 2 and not one.complete(messages("2?", Evidence())).cached
    assert (tmp_path / "c.db").stat().st_mode & 0o077 == 0


def test_what_is_not_whole_or_not_its_own_is_not_kept(tmp_path: Path, waits: list[float]) -> None:
    cache = AnswerCache(tmp_path / "c.db", "one", 10)
    with openai_server(Reply("반쪽", finish="length")) as server:
        for _ in range(2):
            assert not model(server.url, cache=cache).complete(PROMPT).cached
    script = by_model(test_model=Fault(status=500), other=GOOD)
    with openai_server(script, models=("test-model", "other")) as server:
        for _ in range(2):
            assert model(server.url, cache=cache, fallbacks=("openai/other",)).complete(PROMPT).fallback


def test_callers_at_once_get_their_own_replies() -> None:
    def echo(body: dict[str, Any]) -> Any:
        return Reply(body["messages"][-1]["content"])

    got: dict[int, str] = {}
    with openai_server(echo) as server:
        one = model(server.url)

        def call(n: int) -> None:
            got[n] = one.write(f"질문 {n}")

        threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == {n: f"질문 {n}" for n in range(8)}


def test_settings_stand_behind_a_mall_s_model(tmp_path: Path) -> None:
    env = {
        "LLM_MODEL": "openai/a", "LLM_API_BASE": "http://127.0.0.1:1/v1", "LLM_API_KEY": "k", "LLM_CACHE": "5",
        "LLM_FALLBACKS": "openai/b, local/extractive", "LLM_BUDGET_USD": "2.5", "LLM_PRICE_USD": "0.2,0.8",
        "LLM_TIMEOUT_SECONDS": "7", "FINETUNED_MODEL": "together_ai/mine", "CAFE24_KRW_PER_USD": "1385.2@2026-11-02",
    }  # fmt: skip
    settings = Settings.from_env(env, home=tmp_path)
    one, tuned = parts.language_model(settings, Mall("one")), parts.finetuned_model(settings, Mall("one"))
    assert one.fallbacks == ("openai/b", "local/extractive") and one.timeout == 7
    assert one.budget and (one.budget.mall_id, one.budget.usd_a_day) == ("one", 2.5)
    assert one.cache and one.cache.limit == 5 and one.prices == Prices((0.2, 0.8))
    assert tuned and (tuned.model, tuned.api_base, tuned.fallbacks) == ("together_ai/mine", "", ())
    assert settings.krw_per_usd == (1385.2, "2026-11-02") and "LLM_API_KEY" not in repr(settings)
    plain = Settings.from_env({}, home=tmp_path)
    bare = parts.language_model(plain, Mall("one"))
    assert bare.budget is None and bare.cache is None and parts.finetuned_model(plain) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAFE24_KRW_PER_USD", "1385"),
        ("CAFE24_KRW_PER_USD", "0@2026-11-02"),
        ("CAFE24_KRW_PER_USD", "nan@2026-11-02"),
        ("CAFE24_KRW_PER_USD", "1385@yesterday"),
        ("LLM_BUDGET_USD", "-1"),
        ("LLM_BUDGET_USD", "inf"),
        ("LLM_PRICE_USD", "1"),
        ("LLM_PRICE_USD", "1,x"),
    ],
)  # fmt: skip
def test_amounts_that_are_none_are_not_taken(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({name: value}, home=tmp_path)


def test_a_missing_key_is_found_before_any_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("connected"))
    with pytest.raises(ConfigError, match="no key for the model"):
        LanguageModel("openai/gpt-4o-mini").complete(PROMPT)


def test_a_key_goes_to_its_own_provider_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with openai_server(too_long()) as server, pytest.raises(ConfigError, match="no key for the model 'anthropic/"):
        model(server.url, api_key="sk-openai", fallbacks=("anthropic/claude-sonnet-4-5",)).complete(PROMPT)


def test_the_local_model_needs_no_network_at_all(run_python: Callable[[str], str]) -> None:
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
    assert run_python(code).endswith("fine")


def test_importing_the_room_is_cheap(run_python: Callable[[str], str]) -> None:
    code = """
import sys
import cafe24_pipelines.answers.ask, cafe24_pipelines.answers.llm, cafe24_pipelines.answers.aggregates
import cafe24_pipelines.answers.side_by_side, cafe24_pipelines.answers.answer_cache
heavy = {"litellm", "pandas", "pyarrow", "duckdb", "kiwipiepy", "yaml", "numpy", "sqlalchemy"} & set(sys.modules)
print(sorted(heavy))
"""
    assert run_python(code) == "[]"


@pytest.fixture
def run_python() -> Callable[[str], str]:
    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
