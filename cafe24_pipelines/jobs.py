"""Jobs: named selections of the asset graph. Belongs here: selections only, no logic."""

import dagster as dg

from cafe24_pipelines.assets.admin_api import ORDER_HISTORY
from cafe24_pipelines.names import ADMIN_API, PATTERNS, SHOP

_by_mall = dg.AssetSelection.all() - dg.AssetSelection.assets(ORDER_HISTORY)
whole_chain = dg.define_asset_job(
    "whole_chain",
    selection=_by_mall,
    description="Everything for one mall, from its source to the fine-tune data set.",
)

shop_chain = dg.define_asset_job(
    "shop_chain",
    selection=_by_mall & dg.AssetSelection.groups(ADMIN_API, SHOP),
    description="Land one mall's source again; what has not changed is not written.",
)

after_landing = dg.define_asset_job(
    "after_landing",
    selection=_by_mall - dg.AssetSelection.groups(ADMIN_API, SHOP),
    description="Rebuild every projection of one mall from what has landed.",
)

discovery = dg.define_asset_job(
    "discovery",
    selection=dg.AssetSelection.groups(PATTERNS).required_multi_asset_neighbors()
    | dg.AssetSelection.assets("rfm", "ontology_facts", "ontology_graph", "cafe24_insights"),
    description="Run the detectors over what has landed and publish graph and insights.",
)

order_backfill = dg.define_asset_job(
    "order_backfill",
    selection=dg.AssetSelection.assets(ORDER_HISTORY),
    description="Land the order history of one mall and month from the Admin API; launch it for any range of months.",
)

all_jobs = [whole_chain, shop_chain, after_landing, discovery, order_backfill]
