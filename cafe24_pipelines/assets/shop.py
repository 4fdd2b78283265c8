"""Shop stage: what a mall's source holds, landed in the lake as one table a resource.

Belongs here: one multi-asset that lands a mall. Reading files, the privacy line and quarantine live in `cafe24/`.
"""

from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.assets.metadata import PREVIEW_ROWS, table_metadata
from cafe24_pipelines.names import ADMIN_API, DATA_TEAM, SHOP, SHOP_TABLES
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.lake import LakeResource

MADE_OF = {
    "customers": ("customers_privacy", "customers", "orders"),
    "customer_groups": ("customer_groups",),
    "categories": ("categories",),
    "products": ("products", "categories", "category_products", "shops"),
    "orders": ("orders", "coupon_issues", "shops"),
    "order_items": ("orders", "products", "categories", "category_products", "shops"),
    "coupons": ("coupons",),
    "coupon_issues": ("coupon_issues",),
    "reviews": ("boards", "articles"),
    "events": ("carts", "orders"),
}
"""Which API resources a shop table is made of, when the mall's source is the Admin API."""


@dg.multi_asset(
    name="shop_tables",
    specs=[
        dg.AssetSpec(
            name,
            group_name=SHOP,
            kinds={"parquet"},
            owners=[DATA_TEAM],
            description=description,
            code_version="1",
            deps=[dg.AssetKey([ADMIN_API, resource]) for resource in MADE_OF[name]],
        )
        for name, description in SHOP_TABLES.items()
    ],
    partitions_def=malls,
)
def shop_tables(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
    """Land every table of the mall's source; rows that can't be used are quarantined with their reason."""
    from cafe24_pipelines.cafe24.landed_of import note, source_of, unchanged
    from cafe24_pipelines.cafe24.landing import land_shop

    mall = lake.mall(context.partition_key)
    tables, settings = lake.of(mall.mall_id), lake.settings()
    source = source_of(mall, tables, settings)
    quarantined = unchanged(tables, source)
    if quarantined is None:
        quarantined = land_shop(mall, tables, settings, progress=context.log.info).quarantined_by_table
        note(tables, source, quarantined)
    digests, counts, heads = tables.digests(), tables.counts(), tables.heads(PREVIEW_ROWS)
    for name in SHOP_TABLES:
        yield dg.MaterializeResult(
            asset_key=name,
            metadata={
                **table_metadata(name, counts.get(name, 0), heads.get(name), digests.get(name, "")),
                "source": mall.source,
                "quarantined": quarantined.get(name, 0),
            },
        )
