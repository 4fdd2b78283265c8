"""The four workflows as Dagster runs them, on a real home: assets say what was found, and name nobody."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.assets import watch
from cafe24_pipelines.cafe24.malls import register
from cafe24_pipelines.crm.analysis import Outcome
from cafe24_pipelines.crm.tables import CrmTables
from cafe24_pipelines.ontology import projection
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.graph_embedded import FILE
from cafe24_pipelines.watch.ontology_alarm import ALARM, RECOVERED
from cafe24_pipelines.watch.week import REVIEWED
from tests.ontology.conftest import land, shop_rows
from tests.watch.conftest import LAST, MALL
from tests.watch.test_watch_churn import scored, scores

MALL_ID = MALL.mall_id


@pytest.fixture
def built(tmp_path: Path) -> Settings:
    """A home with a small sound shop and its published graph."""
    settings = Settings.from_env({}, home=tmp_path / "home")
    register(settings.home, MALL)
    rows = shop_rows()
    rows["coupon_issues"] = [r for r in rows["coupon_issues"] if r["coupon_no"] == "c1"]
    land(parts.mall_lake(settings, MALL_ID), rows)
    publish(settings)
    return settings


def publish(settings: Settings) -> None:
    graph = parts.graph_store(settings)
    publish_graph(graph, parts.mall_lake(settings, MALL_ID), MALL, [], rebuild=True)
    graph.close()


def lose_reviews(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build in which reviews got lost on the way from the lake to the store."""
    true_facts = projection.facts

    def facts(*args: Any, **kwargs: Any) -> Any:
        for part in true_facts(*args, **kwargs):
            kinds = {getattr(part, name, "") for name in ("label", "from_label", "to_label")}
            if "CRM_Review" not in kinds:
                yield part

    with monkeypatch.context() as patched:
        patched.setattr(projection, "facts", facts)
        publish(settings)


def materialized(settings: Settings, asset: dg.AssetsDefinition) -> dict[str, Any]:
    """Metadata of one run of an asset."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("malls", [MALL_ID])
        result = dg.materialize(
            [asset], partition_key=MALL_ID, instance=instance, resources=resources_for(str(settings.home.root))
        )
        [event] = result.asset_materializations_for_node(asset.op.name)
    return {name: value.value for name, value in event.metadata.items()}


@pytest.mark.slow
def test_a_damaged_graph_is_told_once_with_its_remedy_and_its_recovery_once(
    built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = parts.event_log(built)
    sound = materialized(built, watch.ontology_health)
    assert sound["state"] == "ok" and sound["score"] == 100 and not log.read(MALL_ID, types=(ALARM,))
    assert "data:image/svg" in sound["trend"]
    lose_reviews(built, monkeypatch)
    told = materialized(built, watch.ontology_health)
    assert told["state"] == "alarm" and told["score"] < 100 and " → " in told["text"]
    assert materialized(built, watch.ontology_health)["state"] == "standing"
    [alarm] = log.read(MALL_ID, types=(ALARM,))
    assert any(kind["shape"].startswith("CRM_Review") for kind in alarm.payload["worst"])
    assert "r1" not in json.dumps(alarm.payload["worst"])
    publish(built)
    assert materialized(built, watch.ontology_health)["state"] == "recovered"
    assert len(log.read(MALL_ID, types=(ALARM, RECOVERED))) == 2

    for file in built.home.graph.rglob(FILE):  # a disk that lost a page
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2 : len(raw) // 2 + 4096] = bytes(4096)
        file.write_bytes(raw)
    lost = materialized(built, watch.ontology_health)
    assert lost["state"] == "alarm" and lost["score"] == 0 and "읽을 수 없음" in lost["text"]


def test_day_week_and_churn_are_assets_that_a_person_reads(built: Settings) -> None:
    day = materialized(built, watch.day_summary)
    assert day["day"] == "2025-04-29" and "하루 요약" in day["text"] and set(day["queries"]) >= {"orders", "revenue"}
    week = materialized(built, watch.week_retrospective)
    assert "한 주 돌아보기" in week["text"] and "자료가 없습니다" in week["text"] and not week["promises"]
    assert parts.event_log(built).read(MALL_ID, types=(REVIEWED,))

    frame = scores(LAST, m0=(0.9, 200)).drop(columns="last_bought")
    frame = frame.assign(band="높음", horizon_days=80, expected_by=LAST)
    CrmTables(built.home.analytics).publish(MALL_ID, "churn", Outcome(frame, scored(used="recency")))
    churn = materialized(built, watch.churn_signals)
    assert churn["status"] == "baseline" and Path(churn["table"]).exists()
    assert "m0" not in json.dumps({k: v for k, v in churn.items() if k != "table"}, default=str)


def test_a_mall_without_data_is_told_as_such(tmp_path: Path) -> None:
    settings = Settings.from_env({}, home=tmp_path / "home")
    register(settings.home, MALL)
    assert materialized(settings, watch.day_summary)["text"] == "아직 적재된 주문이 없습니다."
    assert "자료가 없습니다" in materialized(settings, watch.week_retrospective)["text"]
