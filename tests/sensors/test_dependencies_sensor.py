"""The report over the arms is made anew when an arm was scored, for that mall, once, and by nobody else."""

import dagster as dg

from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.sensors.dependencies import graph_dependencies

REPORT = dg.AssetKey("ab_report")


def test_an_arms_new_scores_ask_for_its_malls_report_once() -> None:
    def scored(mall: str, arm: str) -> None:
        key = dg.MultiPartitionKey({"mall": mall, "arm": arm})
        instance.report_runless_asset_event(dg.AssetMaterialization("ab_scores", partition=key))

    def asked() -> set[str]:
        nonlocal cursor
        found = dg.evaluate_automation_conditions(
            build_defs(), instance, asset_selection=dg.AssetSelection.assets(REPORT), cursor=cursor
        )
        cursor = found.cursor
        return {str(key) for key in found.get_requested_partitions(REPORT)} if found.total_requested else set()

    cursor = None
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("malls", ["a", "b"])
        assert asked() == set()
        scored("a", "rag")  # the other arms have never answered
        assert asked() == {"a"}
        instance.report_runless_asset_event(dg.AssetMaterialization("ab_report", partition="a"))
        assert asked() == set()
        scored("a", "ontology")
        scored("b", "ontology")
        assert asked() == {"a", "b"} and asked() == set()


def test_somebody_has_to_start_it() -> None:
    assert graph_dependencies.default_status == dg.DefaultSensorStatus.STOPPED
