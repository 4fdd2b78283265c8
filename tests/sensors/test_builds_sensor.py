"""The sensor asks for one rebuild a changed lake, and for none when graph and lake agree."""

import dagster as dg

from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.sensors.builds import ontology_builder, stale_malls
from cafe24_pipelines.settings import Settings


def test_a_mall_is_stale_when_its_build_is_neither_there_nor_asked_for() -> None:
    wanted = {"a": "1", "b": "2", "c": "3", "d": "4"}
    assert stale_malls(wanted, {"a": "1", "b": "0", "c": None}, {"b": "2", "d": "3"}) == ["c", "d"]
    assert stale_malls({}, {"a": "1"}, {}) == []


def _tick(settings: Settings, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    graph = GraphResource(home=str(settings.home.root))
    with (
        dagster_instance(settings) as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"graph": graph}) as context,
    ):
        result = ontology_builder(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_it_skips_a_built_mall_and_asks_once_when_the_build_is_gone(small_mall: Settings, tmp_path) -> None:
    assert isinstance(_tick(small_mall), dg.SkipReason)

    import shutil

    copy = Settings.from_env({}, home=tmp_path / "copy")
    shutil.copytree(small_mall.home.root, copy.home.root)
    shutil.rmtree(copy.home.graph)
    asked = _tick(copy)
    assert isinstance(asked, dg.SensorResult) and asked.run_requests
    assert [r.partition_key for r in asked.run_requests] == ["sandbox"]
    assert asked.run_requests[0].run_key.startswith("sandbox:")
    assert isinstance(_tick(copy, asked.cursor), dg.SkipReason), "asked twice for the same build"
