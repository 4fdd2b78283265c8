"""Two runs of one home never have the lake at the same time."""

import threading
import time
from pathlib import Path

import dagster as dg

from cafe24_pipelines.resources.lake import LakeResource


def test_the_second_run_waits_for_the_first(tmp_path: Path) -> None:
    inside, most = [], []

    @dg.asset
    def work(lake: LakeResource) -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.5)
        inside.pop()

    def run() -> None:
        resources = {"lake": LakeResource(home=str(tmp_path))}
        assert dg.materialize([work], resources=resources, instance=dg.DagsterInstance.ephemeral()).success

    threads = [threading.Thread(target=run) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert most == [1, 1, 1]
