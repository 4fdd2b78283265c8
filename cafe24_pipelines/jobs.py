"""Jobs: named selections of the asset graph. Belongs here: selections only, no logic."""

import dagster as dg

from cafe24_pipelines.names import PATTERNS, SHOP

whole_chain = dg.define_asset_job(
    "whole_chain",
    selection=dg.AssetSelection.all(),
    description="Everything for one mall, from its source to the fine-tune data set.",
)

shop_chain = dg.define_asset_job(
    "shop_chain",
    selection=dg.AssetSelection.groups(SHOP),
    description="Land one mall's source again; what has not changed is not written.",
)

after_landing = dg.define_asset_job(
    "after_landing",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups(SHOP),
    description="Rebuild every projection of one mall from what has landed.",
)

discovery = dg.define_asset_job(
    "discovery",
    selection=dg.AssetSelection.groups(PATTERNS).required_multi_asset_neighbors()
    | dg.AssetSelection.assets("rfm", "ontology_facts", "ontology_graph", "cafe24_insights"),
    description="Run the detectors over what has landed and publish graph and insights.",
)

all_jobs = [whole_chain, shop_chain, after_landing, discovery]
