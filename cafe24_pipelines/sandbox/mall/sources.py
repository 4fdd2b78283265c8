"""Every resource of the mall by its name. Does not belong here: what any of them is."""

from __future__ import annotations

from typing import Final

from cafe24_pipelines.sandbox.mall import (
    activity_source,
    catalogue_source,
    members_source,
    orders_source,
    reports_source,
)
from cafe24_pipelines.sandbox.mall.reading import Source

SOURCES: Final[dict[str, Source]] = {
    **catalogue_source.SOURCES,
    "customers_privacy": members_source.PRIVACY,
    "customers": members_source.CUSTOMERS,
    "orders": orders_source.ORDERS,
    "refunds": orders_source.REFUNDS,
    **activity_source.SOURCES,
    **reports_source.SALES,
}
"""Analytics reports are not among them, see `reports_source.analytics_rows`."""
