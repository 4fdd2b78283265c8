"""The whole chain on half a million real order lines: every line and every penny accounted for, in bounded memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.outside_data, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "examples" / "online_retail" / "mapping.yaml"
RUN = """
import atexit, sys
from pathlib import Path
from benchmarks.peak import peak_megabytes
from cafe24_pipelines.cli import main
atexit.register(lambda: Path(sys.argv.pop(1)).write_text(str(peak_megabytes())))
main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict:
    data = os.environ.get("CAFE24_TEST_DATA", "")
    if not (Path(data) / "online_retail.csv.gz").exists():
        pytest.skip("set CAFE24_TEST_DATA to a folder with online_retail.csv.gz (see examples/online_retail/)")
    home = tmp_path_factory.mktemp("home")
    env = os.environ | {"CAFE24_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    peak = home / "peak"
    done = subprocess.run(
        [sys.executable, "-c", RUN, peak,
         "run", "--source", "csv", "--path", data, "--mapping", MAPPING, "--mall", "online-retail", "--json"],
        env=env, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout) | {"peak_megabytes": float(peak.read_text())}


def test_every_line_and_every_penny_is_accounted_for(state: dict) -> None:
    account = state["reconciliation"]
    assert account["balanced"] and account["currency"] == "GBP"
    read = {name: figure["read"] for name, figure in account["figures"].items()}
    assert account["files"][0]["records"] == 541_909
    assert {541_909, 25_900, 4_372, 135_080, 9_288} <= {v for v in read.values() if isinstance(v, int)} | {541_909}
    sums = [f for f in account["figures"].values() if isinstance(f["read"], str)]
    assert any(float(f["read"]) == 9_747_747.934 for f in sums)
    assert state["quarantined"] == 2


def test_the_graph_holds_all_of_it(state: dict) -> None:
    labels = state["graph"]["by_label"]
    assert labels["CRM_OrderItem"] == state["lake"]["order_items"] == 541_907
    assert labels["CRM_Order"] == state["lake"]["orders"]
    assert labels["CRM_Customer"] == 4_372


def test_peak_memory_stays_under_two_gigabytes(state: dict) -> None:
    assert state["digest"]["dataset"]
    assert 200 < state["peak_megabytes"] < 2_000
