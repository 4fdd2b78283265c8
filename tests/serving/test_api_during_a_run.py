"""While another process lands and publishes again and again, the API answers from one whole build or the other."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.serving.app import ApiLimits, create_app
from cafe24_pipelines.serving.keys import KeyRing
from cafe24_pipelines.settings import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REQUESTS = 200
_PUBLISH = """
import runpy, sys
from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.settings import Settings
made = runpy.run_path(sys.argv[1])
settings, mall = Settings.from_env({}, home=sys.argv[2]), Mall("rival", source="csv")
lake = parts.mall_lake(settings, "rival")
rows = made["_canary_rows"]("CANARYRIVAL")
for turn in range(int(sys.argv[3])):
    several = 3 if turn % 2 else 1   # each line three times as dear, and back
    for table, money in (("orders", ("paid_amount",)), ("order_items", ("unit_price", "amount"))):
        dearer = [row | {name: row[name] * several for name in money} for row in rows[table]]
        lake.land(table, made["_typed"](table, dearer))
    made["publish_mall"](settings, mall, patterns=2 + turn % 2)
    print(turn, flush=True)
"""


def test_two_hundred_requests_during_publications_fail_never_and_see_the_old_or_the_new(two_malls, serving, tmp_path):
    settings = replace(two_malls, home=Home(Path(shutil.copytree(two_malls.home.root, tmp_path / "home"))))
    token = KeyRing(parts.event_log(settings)).add("rival")[1]
    conftest = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-W", "ignore", "-c", _PUBLISH, str(conftest), str(settings.home.root), "9"]
    limits = ApiLimits(per_key="100000/minute")
    with serving(create_app(settings, limits=limits)) as url, httpx.Client(timeout=120) as client:
        headers, answers = {"X-API-Key": token}, list[httpx.Response]()
        client.headers.update(headers)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            while len(answers) < REQUESTS or process.poll() is None:
                answers += _one_of_each(client, f"{url}/cafe24-crm")
        finally:
            process.wait(600)
        final = client.get(f"{url}/cafe24-crm/insights").json()
    assert process.returncode == 0 and len(answers) >= REQUESTS
    assert {a.status_code for a in answers} == {200}
    told = [a.json() for a in answers]
    whole = 12 * 30_000 * 17 // 2
    sums = {t["numbers"][0]["value"] for t in told if t.get("numbers")}
    assert sums <= {whole, 3 * whole} and len(sums) == 2
    assert {t["total"] for t in told if "insights" in t} == {2, 3} and final["total"] == 2
    assert all(t["citations"] for t in told if t.get("arm") == "rag")
    assert len({t["build"] for t in told}) > 2 and "CANARYSAND" not in json.dumps(told, ensure_ascii=False)


def _one_of_each(client: httpx.Client, url: str) -> list[httpx.Response]:
    asked = [("ontology-plus", "이번 달 매출은?"), ("rag", "주문 목록을 조회하려면?")]
    found = [client.post(f"{url}/{route}", json={"question": question}) for route, question in asked]
    return [*found, client.get(f"{url}/insights"), client.get(f"{url}/dashboard")]
