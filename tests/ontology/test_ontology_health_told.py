"""How health is told: Dagster checks that each show what failed, and the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from click.testing import CliRunner

from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.checks import ontology as checks
from cafe24_pipelines.cli import main
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

NAMES = {"graph_health", *checks.PARTS}


@pytest.fixture
def settings(tmp_path: Path, lake: MallLake, mall: Mall) -> Settings:
    """A home with the small shop's graph; its flaw is a coupon that no list defines."""
    settings = Settings.from_env(home=tmp_path)  # the shop's lake is already there
    register(settings.home, mall)
    graph = EmbeddedGraph(settings.home.graph)
    publish_graph(graph, lake, mall, [])
    graph.close()
    return settings


def land(settings: Settings, table: str, edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    lake = Lake(settings.home.lake).mall("shop-a")
    rows = pa.Table.from_pylist(edit(lake.read(table).to_pylist()), TABLES[table].schema)
    lake.land(table, rows, snapshot=True)


def checked(settings: Settings, *names: str) -> dict[str, dg.AssetCheckEvaluation]:
    """Run the checks in Dagster; without names, all of the graph."""
    selection = dg.AssetSelection.checks(
        *(dg.AssetCheckKey(dg.AssetKey("ontology_graph"), n) for n in names or NAMES)
    )
    resources = resources_for(str(settings.home.root))
    result = dg.materialize(
        checks.ontology_checks,
        selection=selection,
        resources=resources,
        tags={"dagster/partition": "shop-a"},
        raise_on_error=False,
    )
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert result.success == all(e.passed for e in found.values() if e.severity == dg.AssetCheckSeverity.ERROR)
    return found


def metadata(evaluation: dg.AssetCheckEvaluation, name: str) -> Any:
    value = evaluation.metadata[name]
    return [r.data for r in value.records] if isinstance(value, dg.TableMetadataValue) else value.value


def test_each_check_says_what_failed_with_its_rows_and_the_trend_grows(settings: Settings) -> None:
    first = checked(settings)
    assert set(first) == NAMES
    assert {name for name, e in first.items() if not e.passed} == {"graph_references"}
    failed = first["graph_references"]
    assert failed.severity == dg.AssetCheckSeverity.WARN
    assert metadata(failed, "rows") == {"CRM_Coupon/undefined_coupon": [{"issue_no": "i3", "coupon_no": "c2"}]}
    assert "쿠폰 목록" in str(failed.description)
    assert metadata(first["graph_health"], "score") == 80
    assert {r["part"]: r["points"] for r in metadata(first["graph_health"], "parts")}["참조"] == 0
    assert len(metadata(first["graph_health"], "history")) == 1

    land(settings, "orders", lambda rows: [*rows, {**rows[0], "order_id": "late"}])
    second = checked(settings)
    assert {name for name, e in second.items() if not e.passed} == {
        "graph_health", "graph_covers_lake", "graph_references", "graph_freshness",
    }  # fmt: skip
    assert second["graph_covers_lake"].severity == dg.AssetCheckSeverity.ERROR
    orders = next(r for r in metadata(second["graph_covers_lake"], "graph_and_lake") if r["name"] == "CRM_Order")
    assert (orders["graph"], orders["lake"]) == (30, 31)
    shown = metadata(second["graph_covers_lake"], "rows")
    assert shown["CRM_Order/coverage"] == [{"order_id": "late", "graph": 0, "lake": 1}]
    assert "기준 80점보다 낮" in str(second["graph_health"].description)
    assert [r["score"] for r in metadata(second["graph_health"], "history")][1] == 80

    assert set(checked(settings, "graph_freshness")) == {"graph_freshness"}
    assert len(metadata(checked(settings, "graph_health")["graph_health"], "history")) == 2, "nothing new was found"


def test_coverage_alone_blocks_and_every_check_gives_the_reason_of_its_severity() -> None:
    specs = {spec.name: spec for spec in checks.ontology_graph_health.check_specs}
    assert set(specs) == NAMES
    assert {name for name, spec in specs.items() if spec.blocking} == {"graph_covers_lake"}
    for name, (_, severity) in checks.PARTS.items():
        assert f"{severity.value}" in str(specs[name].description)


def test_every_part_of_the_score_has_a_check_of_its_own() -> None:
    from cafe24_pipelines.ontology.health_report import WEIGHTS

    told = [part for parts, _ in checks.PARTS.values() for part in parts]
    assert sorted(told) == sorted(WEIGHTS)


def test_the_command_shows_the_score_what_lowers_it_and_the_remedy(settings: Settings) -> None:
    def cafe24(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["health", "--home", str(settings.home.root), "--mall", "shop-a", *args])
        return done.exit_code, done.output

    assert cafe24("--history") == (0, "아직 점검한 적이 없습니다\n")
    code, text = cafe24()
    assert code == 0 and "80 / 100" in text
    assert "쿠폰 목록에 없는 쿠폰의 발급: 1 / 3" in text and "쿠폰 목록을 다시 동기화하세요" in text
    assert "issue_no=i3" in text
    assert "주문에만 있고 회원 목록에 없는 회원" in text, "notes are told"

    land(settings, "orders", lambda rows: rows[:-1])
    code, text = cafe24("--json")
    report = json.loads(text)
    assert code == 1 and report["score"] < 80 and report["alarm"]
    assert {"CRM_Order/coverage", "CRM_Mall/as_of/stale"} <= {v["shape"] for v in report["violations"]}
    code, text = cafe24("--history", "--json")
    assert code == 0
    assert [p["score"] for p in json.loads(text)["points"]] == [80, report["score"]]
    code, text = cafe24("--history", "--lang", "en")
    assert code == 0 and text.count("build") == 2


def test_the_command_names_a_mall_without_a_graph(tmp_path: Path) -> None:
    register(Settings.from_env(home=tmp_path).home, Mall("new"))
    done = CliRunner().invoke(main, ["health", "--home", str(tmp_path), "--mall", "new"])
    assert done.exit_code == 1 and "no graph yet" in done.output and "cafe24 run" in done.output
