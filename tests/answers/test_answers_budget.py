"""A mall's daily budget: callers at once can't overspend it, and what nobody settled counts as spent."""

import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.answers import budget as budgets
from cafe24_pipelines.answers.ask import Services, ask
from cafe24_pipelines.answers.budget import Budget, BudgetSpent
from cafe24_pipelines.answers.evidence import Evidence
from cafe24_pipelines.answers.llm import LanguageModel, ModelError, ReplyBroken
from cafe24_pipelines.answers.prices import Prices
from cafe24_pipelines.answers.prompts import messages
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.stores.shared_state import SharedState

servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "openai_server.py"))
openai_server, Reply, Fault = servers["openai_server"], servers["Reply"], servers["Fault"]

PROMPT = messages("안녕?", Evidence())
DOLLARS = Prices((1_000_000.0, 1_000_000.0))
"""A dollar a token: the reply of the test server, 11 + 7 tokens, costs $18."""


class Hand:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SharedState]:
    opened = SharedState(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "PATIENCE", 0.0)


def test_a_reservation_is_replaced_by_what_it_did_cost(state: SharedState) -> None:
    budget = Budget(state, "one", 1.0)
    first = budget.reserve(0.9, 60)
    with pytest.raises(BudgetSpent, match="LLM_BUDGET_USD"):
        budget.reserve(0.2, 60)
    first.settle(0.3)
    second = budget.reserve(0.7, 60)
    second.release()
    assert (budget.today().settled, budget.today().total) == (0.3, 0.3)
    first.settle(0.0)  # once settled is settled
    assert budget.today().total == 0.3
    assert Budget(state, "two", 1.0).today().total == 0.0  # each mall has its own


def test_an_unknown_cost_counts_in_full(state: SharedState) -> None:
    budget = Budget(state, "one", 1.0)
    budget.reserve(0.6, 60).settle(None)
    assert budget.today().held == 0.6


def test_a_reservation_expires_into_spent_and_only_for_its_day(state: SharedState) -> None:
    clock = Hand(1_795_000_000.0)
    budget = Budget(state, "one", 1.0, clock=clock)
    budget.reserve(0.6, 60)  # its holder dies here
    clock.sleep(61)
    today = budget.today()
    assert (today.held, today.lost) == (0.0, 0.6)
    with pytest.raises(BudgetSpent):
        budget.reserve(0.6, 60)
    clock.sleep(24 * 3600)
    assert budget.reserve(0.9, 60) and budget.today().lost == 0.0


def test_a_day_is_the_mall_s_day(state: SharedState) -> None:
    clock = Hand(1_795_057_200.0)  # 2026-11-18 15:00 UTC = midnight in Seoul
    assert Budget(state, "one", 1.0, clock=clock).today().day == "2026-11-19"
    assert Budget(state, "one", 1.0, zone="America/New_York", clock=clock).today().day == "2026-11-18"


def test_threads_at_once_spend_no_more_than_there_is(state: SharedState) -> None:
    budget = Budget(state, "one", 1.0)
    won: list[Any] = []
    gate = threading.Barrier(12)

    def call() -> None:
        gate.wait()
        try:
            won.append(budget.reserve(0.3, 60))
        except BudgetSpent:
            return

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 3 and budget.today().total == pytest.approx(0.9)


def test_processes_at_once_spend_no_more_than_there_is(state: SharedState, tmp_path: Path) -> None:
    """Each process reserves, settles a little less, and goes on until it is told that nothing is left."""
    Budget(state, "one", 1.0).today()
    code = f"""
import json, sys
from cafe24_pipelines.answers import budget as budgets
from cafe24_pipelines.answers.budget import Budget, BudgetSpent
from cafe24_pipelines.stores.shared_state import SharedState
budgets.PATIENCE = 0.0
budget, most, settled = Budget(SharedState("sqlite:///{tmp_path}/state.db"), "one", 1.0), 0.0, 0.0
sys.stdin.readline()
try:
    while True:
        hold = budget.reserve(0.05, 60)
        most = max(most, budget.today().total)
        hold.settle(0.03)
        settled += 0.03
except BudgetSpent:
    print(json.dumps([most, settled]))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [json.loads(child.communicate("go\n", timeout=120)[0]) for child in children]
    spent = Budget(state, "one", 1.0).today()
    assert max(most for most, _ in told) <= 1.0
    assert spent.total == pytest.approx(sum(settled for _, settled in told)) and 0.9 < spent.total <= 1.0


def test_a_model_is_not_asked_beyond_the_budget(state: SharedState, sandbox_services: Services) -> None:
    with openai_server(Reply("안녕하세요.")) as server:
        most = len("".join(m["content"] for m in PROMPT).encode()) + 64 + 800
        rich = Budget(state, "one", most + 17.0)
        one = LanguageModel("openai/test-model", server.url, budget=rich, prices=DOLLARS)
        assert one.complete(PROMPT).cost_usd == 18.0 and rich.today().settled == 18.0
        with pytest.raises(BudgetSpent):  # 18 is spent, and one more might cost `most`
            one.complete(PROMPT)
        answer = ask("RFM이 뭐야?", replace(sandbox_services, llm=one))
        english = ask("RFM이 뭐야?", replace(sandbox_services, llm=one), lang="en")
        cheap = LanguageModel(one.model, server.url, budget=rich, prices=DOLLARS, fallbacks=("local/extractive",))
        quoted = ask("RFM이 뭐야?", replace(sandbox_services, llm=cheap))
    assert answer.refused and answer.rule == "budget_spent" and "예산" in answer.answer and answer.usage.attempts == 0
    assert english.rule == "budget_spent" and "budget" in english.answer
    assert not quoted.refused and quoted.usage.fallback and quoted.cost_usd == 0.0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "counted"),
    [("status", 0.0), ("slow", 1.0), ("cut", 1.0)],
    ids=["an error answer is not billed", "a time-out may be", "a cut line may be"],
)
def test_what_a_failed_call_counts(state: SharedState, fault: str, counted: float) -> None:
    cut = Fault("drop", text="가" * 40, after=2)
    step = {"status": Fault(status=400), "slow": Reply("늦음", delay=0.6), "cut": cut}
    budget = Budget(state, "one", 100_000.0)
    with openai_server(step[fault]) as server, pytest.raises((ModelError, ConfigError)):
        model = LanguageModel("openai/test-model", server.url, budget=budget, prices=DOLLARS, timeout=0.3)
        list(model.stream(PROMPT))
    most = Prices.most(DOLLARS, __import__("litellm"), "openai/test-model", PROMPT, 800)
    assert budget.today().total == pytest.approx(counted * (most or 0.0))


def test_a_reader_who_leaves_is_paid_for(state: SharedState) -> None:
    budget = Budget(state, "one", 100_000.0)
    with openai_server(Reply("하나 둘 셋 넷 다섯 여섯 일곱.", pause=0.01)) as server:
        stream = LanguageModel("openai/test-model", server.url, budget=budget, prices=DOLLARS).stream(PROMPT)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert budget.today().held > 18.0


def test_a_budget_needs_a_price(state: SharedState) -> None:
    with openai_server(Reply("네")) as server:
        unpriced = LanguageModel("openai/test-model", server.url, budget=Budget(state, "one", 1.0))
        with pytest.raises(ConfigError, match="LLM_PRICE_USD"):
            unpriced.complete(PROMPT)
        own = LanguageModel("openai/test-model", server.url, budget=Budget(state, "one", 1.0), prices=Prices((0, 0)))
        assert own.complete(PROMPT).cost_usd == 0.0
    assert len(server.requests) == 1 and issubclass(ReplyBroken, ModelError)
