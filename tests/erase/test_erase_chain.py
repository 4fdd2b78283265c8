"""A member erased from a home on which the whole chain ran, and the chain run again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.erase import erase_member, trace_of
from cafe24_pipelines.crm.analysis import analyses
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.status import status

from .conftest import people

CAFE24 = Path(sys.executable).with_name("cafe24")
SIZE = "60"


def run(home: Path) -> None:
    env = os.environ | {"CAFE24_HOME": str(home), "CAFE24_SANDBOX_CUSTOMERS": SIZE}
    command = [CAFE24, "run", "--source", "sandbox", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_member_is_gone_from_every_stage_and_stays_gone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home)
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": SIZE}, home=home)
    person = people(settings, int(SIZE))[0]
    whole = status(settings, "sandbox")
    before = trace_of(settings, "sandbox", person.member_id)
    assert {t.file.split("/")[0] for t in before} >= {"lake", "analytics", "graph", "dagster"}
    report = erase_member(settings, "sandbox", person.member_id)
    assert report.complete and trace_of(settings, "sandbox", person.member_id) == []
    assert set(report.rebuilt) == {
        *(f"analytics/{one.name}" for one in analyses()), "graph/facts", "patterns", "vectors/cafe24_insights",
        "graph", "answers", "datasets",
    }  # fmt: skip
    assert report.superseded > 0 and len(report.stores) == 5
    erased = status(settings, "sandbox")
    assert erased["lake"]["orders"] == whole["lake"]["orders"]
    assert erased["lake"]["customers"] == whole["lake"]["customers"] - 1
    assert erased["digest"]["graph"] != whole["digest"]["graph"]
    assert json.dumps(erased)
    run(home)
    assert status(settings, "sandbox") == erased
    assert trace_of(settings, "sandbox", person.member_id) == []
