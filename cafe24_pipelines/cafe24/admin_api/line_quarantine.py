"""What is kept of a row that can't be used: enough to find it again in the mall, and nothing personal.

Does not belong here: deciding that it can't be used (`line.py`), or keeping it (`stores/records.py`).
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from cafe24_pipelines.cafe24.admin_api.line_nodes import node_of
from cafe24_pipelines.cafe24.admin_api.resources import ApiResource
from cafe24_pipelines.cafe24.field_policy import CODED, MEMBER_IDS, NUMBERED
from cafe24_pipelines.cafe24.privacy import mask_text

_HARMLESS: Final = re.compile(r"[A-Za-z0-9_.:+\- ]{0,40}")
_WORTH: Final = ("payment_amount", "actual_refund_amount")


def quarantined(
    resource: ApiResource, row: Any, reason: str, field: str, hashed: Callable[[str], str | None]
) -> dict[str, Any]:
    """reason, field, row (JSON text of harmless fields) and amount, for `ApiLake.quarantine`."""
    node = node_of(resource.model)
    harmless = CODED | NUMBERED | set(node.decimals.names if node.decimals is not None else ())
    kept: dict[str, Any] = {}
    for raw, value in row.items() if isinstance(row, dict) else ():
        name = raw.strip() if isinstance(raw, str) else ""
        if name in MEMBER_IDS and isinstance(value, str) and (key := hashed(value)) is not None:
            kept[MEMBER_IDS[name]] = key
        elif name in node.known and name in harmless:
            if isinstance(value, str) and _HARMLESS.fullmatch(value):
                kept[name] = mask_text(value)
        elif name in node.known and name.endswith(("_no", "quantity")) and isinstance(value, int):
            kept[name] = value
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    return {"reason": reason, "field": field or None, "row": text, "amount": _worth(row)}


def _worth(row: Any) -> Decimal | None:
    if not isinstance(row, dict):
        return None
    inner = row.get("actual_order_amount")
    for held in (row, inner if isinstance(inner, dict) else {}):
        for name in _WORTH:
            try:
                amount = Decimal(held[name]).quantize(Decimal("0.0001"))
                if abs(amount) < Decimal(10) ** 15:
                    return amount
            except (KeyError, TypeError, ValueError, InvalidOperation):
                continue
    return None
