"""The sensor asks for one rebuild a changed lake, and for none when graph and lake agree or a run sees to it."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.knowledge.source_seen import SEEN_FILE, fingerprint, remember
from cafe24_pipelines.parts import mall_lake
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.sensors.builds import Seen, in_progress, ontology_builder, read_seen, stale_malls
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


def test_a_mall_that_a_run_rebuilds_waits_for_its_end_and_is_then_looked_at_again() -> None:
    looked: list[str] = []
    due, seen = stale_malls({"a": "1", "b": "1"}, {}, looked.append, NOW, busy={"a"})
    assert due == ["b"] and looked == ["b"] and "a" not in seen
    assert stale_malls({"a": "1", "b": "1"}, seen, lambda _: None, NOW)[0] == ["a"], "the run failed"
    assert stale_malls({"a": "1", "b": "1"}, seen, {"a": "1"}.get, NOW)[0] == [], "the run did it"


def test_runs_that_rebuild_the_graph_are_found_whoever_began_them() -> None:
    queued, failed, graph = (
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.FAILURE,
        dg.AssetKey("ontology_graph"),
    )
    runs = {
        "chain": ("whole_chain", queued, None), "landing": ("after_landing", dg.DagsterRunStatus.STARTED, None),
        "finding": ("discovery", dg.DagsterRunStatus.STARTING, None), "over": ("whole_chain", failed, None),
        "sync": ("shop_chain", queued, None), "asked": ("__ASSET_JOB", queued, frozenset({graph})),
        "part": ("whole_chain", queued, frozenset({dg.AssetKey("rfm")})),
    }  # fmt: skip
    with dg.DagsterInstance.ephemeral() as instance:
        for mall, (job, status, chosen) in runs.items():
            tags = {"dagster/partition": mall}
            instance.add_run(dg.DagsterRun(job, status=status, tags=tags, asset_selection=chosen))
        assert in_progress(instance) == {"chain", "landing", "finding", "asked"}


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


def _copy(built: Settings, home: Path) -> Settings:
    shutil.copytree(built.home.root, home)
    return Settings.from_env({}, home=home)


def test_it_skips_a_built_mall_waits_for_its_chain_and_asks_once_when_the_build_is_gone(
    small_mall: Settings, tmp_path: Path
) -> None:
    assert not _tick(small_mall).run_requests

    copy = _copy(small_mall, tmp_path / "copy")
    shutil.rmtree(copy.home.graph)
    chain = dg.DagsterRun("whole_chain", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "sandbox"})
    with dagster_instance(copy) as instance:
        instance.add_run(chain)
    waits = _tick(copy)
    assert not waits.run_requests and waits.skip_reason
    assert "1 wait for the end of a run" in str(waits.skip_reason.skip_message)

    with dagster_instance(copy) as instance:
        instance.report_run_failed(chain)
    asked = _tick(copy, waits.cursor)
    assert asked.run_requests
    assert [r.partition_key for r in asked.run_requests] == ["sandbox"]
    assert str(asked.run_requests[0].run_key).startswith("sandbox:")
    assert not _tick(copy, asked.cursor).run_requests, "asked twice for the same build"


def test_another_documentation_is_noticed_until_it_has_landed(
    small_mall: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, page = _copy(small_mall, tmp_path / "copy"), tmp_path / "page.html"
    lake = mall_lake(copy, "sandbox")
    assert (lake.root / SEEN_FILE).is_file(), "a landing notes what it read"
    page.write_text("<html>a page</html>")
    monkeypatch.setenv("CAFE24_API_DOCS", str(page))
    asked = _tick(copy)
    assert [r.partition_key for r in asked.run_requests or ()] == ["sandbox"]
    assert not _tick(copy, asked.cursor).run_requests, "asked twice for the same documentation"

    remember(lake, fingerprint(str(page)))
    assert not _tick(copy).run_requests, "it has landed"
    page.unlink()
    assert not _tick(copy).run_requests, "what can't be read is a landing's to tell"
