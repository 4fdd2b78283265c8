"""Requests for code have one effect each; verdicts on code become recipes when they are many and worked."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines import parts
from cafe24_pipelines.cli import main
from cafe24_pipelines.codegen.generated import Generated, Verdict
from cafe24_pipelines.codegen.record import CODE_VERIFIED
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.inbox.post import post
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.learning.code_requests import REQUESTED, effect_id, work
from cafe24_pipelines.learning.recipes import parameters_of, recipes
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.learning import code_analyzer
from cafe24_pipelines.sensors.learning import code_generator
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

ORDERS, ITEMS = "GET /api/v2/admin/orders", "GET /api/v2/admin/orders/{order_id}/items"
SNIPPET = """import httpx
params = {"limit": 10}
params["offset"] = 0
httpx.get(url, params=params)
httpx.get(url, params={"a": 1})
"""


def ask(log: EventLog, question: str, key: str) -> str:
    payload = {"question": question, "execute": False}
    return post(log, "sandbox", REQUESTED, payload, key=key).event_id


def verdict(log: EventLog, number: int, status: str, *operations: str, question: str = "") -> None:
    payload = {
        "operations": list(operations), "status": status, "code": SNIPPET, "code_sha256": str(number),
        "question_sha256": question or str(number), "scopes": ["mall.read_order"],
    }  # fmt: skip
    log.append([Event(f"v{number}", "sandbox", CODE_VERIFIED, datetime.now(UTC), payload)])


# -- requests ------------------------------------------------------------------------------------------------------


def test_each_request_has_one_effect_though_the_code_is_the_same(log: EventLog) -> None:
    made: list[str] = []

    def make(asked: Any, mall_id: str) -> Generated:
        made.append(asked.question)
        return Generated(asked.question, "print(1)", Verdict("not_executed", ""))

    settings = Settings.from_env({}, home=log.path.parent)
    first, second = ask(log, "주문 목록 코드", "1"), ask(log, "주문 목록 코드", "2")
    assert ask(log, "주문 목록 코드", "2") == second, "the key again is the request again"
    assert work(settings, log, "sandbox", make).by_status == {"not_executed": 2}
    assert work(settings, log, "sandbox", make).by_status == {} and len(made) == 2
    verdicts = log.read("sandbox", types=(CODE_VERIFIED,))
    assert [e.payload["request"] for e in verdicts] == [first, second]
    assert [e.event_id for e in verdicts] == [effect_id(first), effect_id(second)]
    assert "주문" not in json.dumps([e.payload for e in verdicts], ensure_ascii=False), "a person's text stays out"


def test_a_refusal_is_a_verdict_and_trouble_leaves_the_request_pending(log: EventLog) -> None:
    def make(asked: Any, mall_id: str) -> Generated:
        if "문서" in asked.question:
            raise NotBuilt("no documents", remedy="run the chain")
        return Generated(asked.question, "", Verdict("refused", "no"))

    settings = Settings.from_env({}, home=log.path.parent)
    waits, refused = ask(log, "문서가 있어야 하는 코드", "1"), ask(log, "날씨", "2")
    log.append([Event("poison", "sandbox", REQUESTED, datetime.now(UTC), {"question": 5})])
    done = work(settings, log, "sandbox", make)
    assert done.by_status == {"refused": 1} and done.unreadable == 1 and "no documents" in done.trouble[0]
    assert log.known(effect_id(refused)) and not log.known(effect_id(waits))


def test_the_workflow_from_request_to_verdict(home: Settings) -> None:
    log, events = parts.event_log(home), EventsResource(home=str(home.home.root))

    def tick(cursor: str | None) -> dg.SensorResult:
        with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context:
            found = code_generator(context)
        assert isinstance(found, dg.SensorResult)
        return found

    job = build_defs(resources=resources_for(str(home.home.root))).resolve_job_def("code_generation")
    with dagster_instance(home) as instance:
        instance.add_dynamic_partitions("malls", ["sandbox"])
        silent = tick(None)
        assert not silent.run_requests
        request = ask(log, "지난달 주문 목록을 받는 코드", "1")
        asked = tick(silent.cursor)
        assert [r.partition_key for r in asked.run_requests or []] == ["sandbox"]
        assert not tick(asked.cursor).run_requests
        shown = [
            job.execute_in_process(partition_key="sandbox", instance=instance)
            .asset_materializations_for_node("generated_code")[0]
            .metadata["dagster/row_count"]
            .value
            for _ in range(2)
        ]
    assert shown == [1, 0], "a second run does nothing"
    [made] = log.read("sandbox", types=(CODE_VERIFIED,))
    assert made.payload["request"] == request and made.payload["operations"] == [ORDERS]
    assert made.payload["status"] == "not_executed" and "httpx" in made.payload["code"]
    given = parameters_of(made.payload["code"])  # by way of functions of its own
    assert given == {"start_date", "end_date", "limit", "offset"}, "the code it really writes is read, too"


# -- recipes -------------------------------------------------------------------------------------------------------


def test_a_chain_that_was_written_often_and_worked_is_a_recipe(log: EventLog) -> None:
    for number, status in enumerate(["executed_ok", "executed_ok", "executed_failed", "not_executed"]):
        verdict(log, number, status, ORDERS, ITEMS, question="q1" if number < 2 else "")
    verdict(log, 10, "executed_ok", ITEMS, ORDERS)  # another order is another chain
    for number in range(20, 25):
        verdict(log, number, "executed_failed", ITEMS)  # often, and never worked
    verdict(log, 30, "refused")
    [one] = recipes(log, "sandbox")
    assert one.operations == (ORDERS, ITEMS) and (one.support, one.questions) == (4, 3)
    assert (one.run, one.worked) == (3, 2) and one.share == pytest.approx(2 / 3)
    assert one.low == pytest.approx(0.2077, abs=1e-4) and one.high == pytest.approx(0.9385, abs=1e-4)  # by hand
    assert one.parameters == {"a": 3, "limit": 3, "offset": 3} and one.snippet == SNIPPET
    assert recipes(log, "another") == [] and not one.dry_run
    assert [r.operations for r in recipes(log, "sandbox", min_support=1)] == [(ORDERS, ITEMS), (ITEMS, ORDERS)]


def test_parameters_are_read_and_nothing_is_run() -> None:
    assert parameters_of(SNIPPET) == {"limit", "offset", "a"}
    assert parameters_of("def (") == parameters_of("x\0") == parameters_of("(" * 500) == set()
    assert parameters_of("import httpx\nparams = load()\nother = {'x': 1}\nhttpx.get(u, params=params)") == set()


def test_the_schedule_asks_for_every_mall_and_the_asset_and_command_tell(home: Settings) -> None:
    at = datetime(2026, 3, 2, 10, 0, tzinfo=ZoneInfo("Asia/Seoul"))
    job = build_defs(resources=resources_for(str(home.home.root))).resolve_job_def("code_analysis")
    events, log = EventsResource(home=str(home.home.root)), parts.event_log(home)
    with dagster_instance(home) as instance:
        instance.add_dynamic_partitions("malls", ["sandbox", "another"])
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, resources={"events": events}
        ) as context:
            [asked] = code_analyzer.evaluate_tick(context).run_requests or ()
        counts = []
        for _ in range(2):
            done = job.execute_in_process(run_config=asked.run_config, instance=instance)
            shown = {m.partition: m for m in done.asset_materializations_for_node("api_recipes_batch")}
            counts.append([shown[m].metadata["dagster/row_count"].value for m in ("another", "sandbox")])
            for number in range(3):
                verdict(log, number, "executed_ok", ORDERS)
    assert counts == [[0, 0], [0, 1]], "silent before there is code, and of another mall's"
    assert command(home.home.root)[0]["support"] == 3
    told = CliRunner().invoke(main, ["recipes", "--home", str(home.home.root)]).output
    assert ORDERS in told and "실행 3건 중 3건 성공" in told and "모의 실행" not in told
    for number in range(40, 43):
        verdict(log, number, "executed_ok", "POST /api/v2/admin/products")  # code that writes is never sent
    told = CliRunner().invoke(main, ["recipes", "--home", str(home.home.root)]).output
    assert told.count("모의 실행: 쓰기 요청은 보내 보지 않았습니다") == 1


def command(home: Path) -> list[dict[str, Any]]:
    done = CliRunner().invoke(main, ["recipes", "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output))
