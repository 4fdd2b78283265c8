"""What is read of the Dagster instance at once is what it says of each asset; what is under way hides no failure."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import dagster as dg
import pytest

from cafe24_pipelines import instance_facts
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.instance_facts import (
    asset_facts,
    automation_facts,
    check_facts,
    last_landings,
    readiness_facts,
)
from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.operations.readiness import AutomationFact, readiness
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.settings import Settings


def test_the_collector_sees_what_really_ran_and_what_failed_last(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = build_defs(resources=resources_for(str(copy.home.root)))
    with dagster_instance(copy) as instance:
        assets = {f.name: f for f in asset_facts(instance, defs, ["sandbox"], set())}
        assert not assets["orders"].missing and not assets["orders"].failed and assets["orders"].required
        assert assets["orders"].last_at is not None and assets["orders"].fail_after == timedelta(hours=4)
        assert assets["patterns"].deadline == ("0 17 * * *", timedelta(hours=6), SEOUL)
        assert assets["heartbeat"].missing == ("*",) and not assets["heartbeat"].required
        assert not assets["admin_api/orders"].required, "this mall has no API"
        checks = {f.name: f for f in check_facts(instance, defs, ["sandbox"])}
        assert checks["orders:contract"].known and not checks["orders:contract"].failed

        (copy.home.lake / "sandbox" / "orders" / "manifest.json").write_text("{")
        failed = defs.resolve_job_def("after_landing").execute_in_process(
            instance=instance, partition_key="sandbox", asset_selection=[dg.AssetKey("rfm")], raise_on_error=False
        )
        assert not failed.success
        _add_runs(instance, defs)
        _same_as_one_by_one(instance, defs, monkeypatch)
        found = readiness(readiness_facts(copy, instance, defs), datetime.now(UTC))
    red = {f"{i.area}/{i.name}": i.why for i in found.red}
    assert red["asset/rfm"] == "마지막 시도가 실패했습니다: sandbox" and "asset/cohorts" not in red
    assert red["workflow/shop_sync"] == "시작되지 않았습니다" and "store/lake/sandbox" in red
    assert {i.area for i in found.items} == {"workflow", "upkeep", "asset", "check", "store", "model"}


def _add_runs(instance: dg.DagsterInstance, defs: dg.Definitions) -> None:
    """Beside the failed one: a run that waits, one cancelled, one of a mall that has nothing else, a wiped asset."""
    instance.add_dynamic_partitions("malls", ["other"])
    job = defs.resolve_job_def("after_landing")
    for asset, mall, end in (
        ("cohorts", "sandbox", None), ("clv", "sandbox", "canceled"), ("rfm", "other", "failed"),
        ("funnel", "other", None),
    ):  # fmt: skip
        selection, tags = frozenset({dg.AssetKey(asset)}), {"dagster/partition": mall}
        run = instance.create_run_for_job(job, asset_selection=selection, tags=tags)
        if end:
            getattr(instance, f"report_run_{end}")(run)
    instance.wipe_assets([dg.AssetKey("market_basket")])


def _same_as_one_by_one(instance: dg.DagsterInstance, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read for all assets at once is what Dagster says of each, however little one reading holds."""
    malls, plain = ["other", "sandbox"], dict[str, tuple[list[str], list[str]]]()
    some = {"orders", "patterns", "rfm", "cohorts", "clv", "funnel", "market_basket", "insight_digest"}
    for spec in defs.resolve_all_asset_specs():
        if isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition) and spec.key.to_user_string() in some:
            said = instance.get_status_by_partition(spec.key, malls, spec.partitions_def) or {}
            values = {m: status.value for m in malls if (status := said.get(m))}
            plain[spec.key.to_user_string()] = (
                [m for m in malls if m not in values], [m for m in malls if values.get(m) == "FAILED"],
            )  # fmt: skip
    assert plain["rfm"] == ([], malls) and plain["cohorts"] == (["other"], [])
    assert plain["clv"] == (["other"], []) and plain["funnel"] == ([], []) and plain["market_basket"] == (malls, [])
    for page in (instance_facts._PAGE, (1, 7)):
        monkeypatch.setattr(instance_facts, "_PAGE", page)
        facts = {f.name: (list(f.missing), list(f.failed)) for f in asset_facts(instance, defs, malls, set())}
        assert {name: facts[name] for name in plain} == plain
        landed = last_landings(instance, malls)["sandbox"]
        at = instance.get_latest_materialization_event(dg.AssetKey("orders"))
        assert at is not None and abs(landed.timestamp() - at.timestamp) < 0.01


def test_what_is_under_way_hides_no_failure_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = dg.SensorDefinition(name="watch", evaluation_fn=lambda _: dg.SkipReason("-"), job_name="j")
    other = dg.SensorDefinition(name="other", evaluation_fn=lambda _: dg.SkipReason("-"), job_name="j")
    status = dg.DagsterRunStatus

    def fact(instance: dg.DagsterInstance, *ticks: str) -> AutomationFact:
        value = SimpleNamespace(value="RUNNING")
        state = SimpleNamespace(instigator_name="watch", status=value, instigator_data=None,
                                instigator_origin_id="o", selector_id="s")  # fmt: skip
        told = [SimpleNamespace(status=SimpleNamespace(value=v), timestamp=9.0 - n) for n, v in enumerate(ticks)]
        monkeypatch.setattr(instance, "all_instigator_state", lambda: [state])
        monkeypatch.setattr(instance, "get_ticks", lambda *_, limit: told[:limit])
        return next(
            f for f in automation_facts(instance, dg.Definitions(sensors=[watch, other])) if f.name == "watch"
        )

    with dg.DagsterInstance.ephemeral() as instance:
        assert fact(instance, "STARTED", "FAILURE").last_tick == "failure"
        assert fact(instance, "STARTED", "FAILURE").last_tick_at == datetime.fromtimestamp(9, UTC)
        assert fact(instance, "SKIPPED", "FAILURE").last_tick == "skipped"
        assert fact(instance, "STARTED").last_tick == "started" and fact(instance).last_run == ""
        runs = [("watch", status.SUCCESS), ("watch", status.FAILURE), *[("other", status.SUCCESS)] * 60]
        for name, ended in (*runs, ("watch", status.STARTING), ("watch", status.STARTED)):
            tags = {"dagster/sensor_name": name}
            instance.add_run(dg.DagsterRun(job_name="j", run_id=str(uuid4()), status=ended, tags=tags))
        assert fact(instance, "SUCCESS").last_run == "failure", "neither the later ones nor another's many hide it"
