"""The sensor asks for one rebuild a changed lake, and for none when graph and lake agree."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.sensors.builds import Seen, ontology_builder, read_seen, stale_malls
from cafe24_pipelines.sensors.watching import CAP
from cafe24_pipelines.settings import Settings

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_a_mall_is_due_when_its_build_is_neither_there_nor_asked_for() -> None:
    wanted, looked = {"a": "1", "b": "2", "c": "3", "d": "4"}, []

    def built(mall: str) -> str | None:
        looked.append(mall)
        return {"a": "1", "b": "0", "d": "0"}.get(mall)

    before = {"b": Seen("2", NOW.isoformat()), "d": Seen("3"), "gone": Seen("9")}
    due, seen = stale_malls(wanted, before, built, NOW)
    assert due == ["c", "d"]
    assert looked == ["a", "c", "d"], "a build is looked up only where it was not asked for"
    assert {m: s.build for m, s in seen.items()} == wanted
    looked.clear()
    assert stale_malls(wanted, seen, built, NOW) == ([], seen) and looked == []


def test_a_mall_rests_between_rebuilds_unless_it_has_no_graph() -> None:
    before = {"a": Seen("1", NOW.isoformat())}
    for hours, there, due in ((1, "1", []), (5, "1", []), (6, "1", ["a"]), (1, None, ["a"])):
        asked, seen = stale_malls({"a": "2"}, before, lambda _, there=there: there, NOW + timedelta(hours=hours))
        assert asked == due, hours
        assert seen["a"].build == ("2" if due else "1"), "what waits is not forgotten"


def test_one_tick_asks_for_no_more_than_its_cap() -> None:
    wanted = {f"m{n:03}": "1" for n in range(60)}
    first, seen = stale_malls(wanted, {}, lambda _: None, NOW)
    second, seen = stale_malls(wanted, seen, lambda _: None, NOW)
    third, seen = stale_malls(wanted, seen, lambda _: None, NOW)
    assert len(first) == len(second) == CAP and sorted([*first, *second, *third]) == sorted(wanted)


@pytest.mark.parametrize("cursor", ["", "no json", "[]", '{"v": 1, "asked": {"a": "1"}}', '{"v": 2}'])
def test_a_cursor_that_is_not_ours_begins_anew(cursor: str) -> None:
    assert read_seen(cursor) == {}


def _tick(settings: Settings, cursor: str | None = None) -> dg.SensorResult:
    graph = GraphResource(home=str(settings.home.root))
    with (
        dagster_instance(settings) as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"graph": graph}) as context,
    ):
        result = ontology_builder(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_it_skips_a_built_mall_and_asks_once_when_the_build_is_gone(small_mall: Settings, tmp_path) -> None:
    assert not _tick(small_mall).run_requests

    import shutil

    copy = Settings.from_env({}, home=tmp_path / "copy")
    shutil.copytree(small_mall.home.root, copy.home.root)
    shutil.rmtree(copy.home.graph)
    asked = _tick(copy)
    assert asked.run_requests
    assert [r.partition_key for r in asked.run_requests] == ["sandbox"]
    assert asked.run_requests[0].run_key.startswith("sandbox:")
    assert not _tick(copy, asked.cursor).run_requests, "asked twice for the same build"
