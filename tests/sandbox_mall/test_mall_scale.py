"""A large mall is built and read in flat memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BUILD_AND_READ = """
import json, sys
from datetime import timedelta
from pathlib import Path
from benchmarks.peak import peak_megabytes
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall

mall = SandboxMall.build(Path(sys.argv[1]), customers=SandboxMall.customers_for(200_000), seed=1)
ids, issues = set(), 0
for row in mall.all_rows("orders", END):
    ids.add(row["order_id"])
orders = mall.count("orders", END)
window = {"start": END - timedelta(days=89), "end": END}
in_window = mall.count("orders", END, where=window)
page = mall.rows("orders", END, where=window, limit=1000, offset=15_000)
last = "0"
since, total = 0, mall.count("coupon_issues", END, where={"coupon_no": "6081125000000000012"})
while found := mall.rows("coupon_issues", END, limit=500,
                         where={"coupon_no": "6081125000000000012", "since_issue_no": last}):
    dates = [row["issued_date"] for row in found]
    assert dates == sorted(dates)
    since, last = since + len(found), found[-1]["issue_no"]
print(json.dumps(dict(orders=orders, ids=len(ids), page=len(page),
                      in_window=in_window, peak=peak_megabytes(), since=since, total=total)))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_thousand_orders(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD_AND_READ, str(tmp_path / "large.mall")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["orders"] == found["ids"] > 180_000
    assert found["page"] == min(1000, found["in_window"] - 15_000)
    assert found["since"] == found["total"]
    assert found["peak"] < 600, found  # MB, of which the ids of the test are 30
