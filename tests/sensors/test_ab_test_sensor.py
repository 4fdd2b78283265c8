"""The arms' sensors: a new question set, another model or prompt, or a request runs an arm; nothing else does."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.answers import prompts
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.experiments.store import ExperimentBook
from cafe24_pipelines.inbox.post import post
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.ab_test import REQUESTED, ab_test_sensors
from cafe24_pipelines.settings import Settings

Tick = Callable[[], dict[str, set[str]]]
ARMS = {"baseline", "rag", "ontology"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings.from_env({}, home=tmp_path / "home")
    for mall in ("a", "b"):
        register(made.home, Mall(mall))
    return made


@pytest.fixture
def tick(settings: Settings) -> Iterator[Tick]:
    """One tick of all three, each after its own cursor: mall to the arms that are to run."""
    cursors: dict[str, str | None] = {}
    events = EventsResource(home=str(settings.home.root))

    def once() -> dict[str, set[str]]:
        asked: dict[str, set[str]] = {}
        for sensor in ab_test_sensors:
            with dg.build_sensor_context(
                instance=instance, cursor=cursors.get(sensor.name), resources={"events": events}
            ) as context:
                found = sensor(context)
            if isinstance(found, dg.SensorResult):
                cursors[sensor.name] = found.cursor
                for run in found.run_requests or []:
                    assert isinstance(run.partition_key, dg.MultiPartitionKey)
                    key = run.partition_key.keys_by_dimension
                    asked.setdefault(key["mall"], set()).add(key["arm"])
        return asked

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("malls", ["a", "b", "removed"])
        yield once


def test_an_arm_runs_when_its_conditions_changed_and_only_then(
    settings: Settings, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tick() == {}, "no mall has a question set"
    book = ExperimentBook(settings.home.experiments)
    for mall in ("a", "b", "removed"):
        book.publish(mall, "questions", [{"question_id": "1"}], set="first")
    assert tick() == {"a": ARMS, "b": ARMS}, "a mall that is gone is passed over"
    assert tick() == {}

    book.publish("a", "questions", [{"question_id": "2"}], set="second")
    assert tick() == {"a": ARMS} and tick() == {}

    monkeypatch.setenv("LLM_MODEL", "another/model")
    assert tick() == {"a": ARMS, "b": ARMS} and tick() == {}

    monkeypatch.setattr(prompts, "prompt_version", lambda: "reworded")
    assert tick() == {"a": ARMS, "b": ARMS} and tick() == {}

    log = parts.event_log(settings)
    post(log, "b", REQUESTED, {"arms": ["rag"]}, key="1")
    assert tick() == {"b": {"rag"}} and tick() == {}
    post(log, "b", REQUESTED, {"arms": ["rag"]}, key="1")
    assert tick() == {}, "the key again is the request again"
    post(log, "b", REQUESTED, {}, key="2")
    assert tick() == {"b": ARMS}
