"""A small sandbox mall with a part of the documentation published, for what learns from its use."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.sandbox_home import publish_sandbox
from cafe24_pipelines import parts
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.feedback import Feedback, answer_id, receive
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

RESOURCES = ("orders", "coupons", "products", "cancellation")
MALL = "sandbox"

Give = Callable[..., str]


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Lake, vectors and graph of a sandbox mall of 200 members. Read only: tests copy it or bring their own log."""
    env = {"CAFE24_SANDBOX_CUSTOMERS": "200"}
    settings = Settings.from_env(env, home=tmp_path_factory.mktemp("learning") / "home")
    mall = Mall(MALL)
    register(settings.home, mall)
    publish_sandbox(settings, mall, lambda d: d.kind != "endpoint" or d.resource in RESOURCES)
    return settings


@pytest.fixture
def home(built_home: Settings, tmp_path: Path) -> Settings:
    """A copy, for tests that write."""
    shutil.copytree(built_home.home.root, tmp_path / "copy")
    return Settings.from_env({}, home=tmp_path / "copy")


@contextmanager
def services_of(settings: Settings) -> Iterator[Services]:
    """The mall's services, closed afterwards."""
    with parts.open_stores(settings) as (graph, vectors):
        yield parts.services(settings, MALL, graph, vectors)


@pytest.fixture(scope="session")
def services(built_home: Settings) -> Iterator[Services]:
    """The mall's services."""
    with services_of(built_home) as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """A log of its own."""
    return EventLog(tmp_path / "events.db")


@pytest.fixture
def give() -> Callable[[EventLog], Give]:
    """Gives feedback as the API does: `give(log)("positive", question, text)`; returns the feedback's id."""

    def on(log: EventLog) -> Give:
        def said(verdict: str, question: str, text: str = "", *, key: str = "", arm: str = "ontology") -> str:
            named = answer_id(MALL, question or "?", arm, "build")
            given = Feedback(MALL, named, verdict, text, question, arm, "build", key)
            return receive(log, given)[0].feedback_id

        return said

    return on
