"""What a sync has to land: the mall's own rows, put through the privacy line, row for row.

Load it by path (tests are no package): `importlib.util.spec_from_file_location("truth", "tests/sync/truth.py")`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine, with_ordinal
from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES, ApiResource
from cafe24_pipelines.stores.records import ApiLake

UNCOUNTED = ("customers",)
"""Landed only where members can't be walked."""


def expected(
    mall: Any, line: PrivacyLine, resource: ApiResource, at: datetime, *, keep: Any = None
) -> dict[str, str]:
    """Key -> digest of every row that the mall shows at `at`; `keep` tells which rows count."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for row, parent, shop_no in _rows(mall, resource, at):
        if keep and not keep(row):
            continue
        record = line.across(resource, row, shop_no=shop_no, parent=parent).record
        if "content" in resource.key:
            seen[record.key] += 1
            record = with_ordinal(record, seen[record.key] - 1)
        found[record.key] = record.digest
    return found


def differences(
    mall: Any, lake: ApiLake, line: PrivacyLine, at: datetime, resources: Iterable[str], *, keep: Any = None
) -> list[str]:
    """One line for each resource whose landed rows are not the mall's; empty when all are."""
    wrong = []
    for name in resources:
        truth, landed = expected(mall, line, RESOURCES[name], at, keep=keep), lake.of(name).known()
        if truth == landed:
            continue
        missing, extra = truth.keys() - landed.keys(), landed.keys() - truth.keys()
        stale = [k for k in truth.keys() & landed.keys() if truth[k] != landed[k]]
        examples = f"{sorted(missing)[:3]} {sorted(extra)[:3]} {sorted(stale)[:3]}"
        wrong.append(
            f"{name}: {len(truth)} in the mall, {len(missing)} missing, {len(extra)} too many, {len(stale)} stale"
            f" ({examples})"
        )
    return wrong


def _rows(mall: Any, resource: ApiResource, at: datetime) -> Iterator[tuple[dict[str, Any], Mapping[str, Any], int]]:
    hidden = _hidden(resource)
    asked = [*re.findall(r"{(\w+)}", resource.path), "display_group", "date"]
    for row in mall.all_rows(resource.name, at):
        shown = {k: v for k, v in row.items() if k not in hidden}
        parent = {name: row[name] for name in asked if name in row and name not in shown}
        yield shown, parent, int(row.get("shop_no") or 1)


def _hidden(resource: ApiResource) -> set[str]:
    """Fields of the mall's rows that the endpoint which is walked does not show."""
    from cafe24_pipelines.sandbox.server.catalogue import ADMIN, ANALYTICS

    if resource.analytics:
        found = ANALYTICS.find("GET", resource.path)
    else:
        found = ADMIN.find("GET", resource.path.replace("{", "").replace("}", ""))
    assert found is not None, resource.path
    return set(found[0].hidden) | (set(found[0].embeds) - set(resource.embed))
