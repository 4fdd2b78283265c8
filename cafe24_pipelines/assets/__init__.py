"""Assets, one file a stage: a few lines each that call the domain rooms and report what happened.

The registry: stage to module, in the order data flows.
"""

import dagster as dg

from cafe24_pipelines.assets import (
    admin_api,
    analytics,
    answers,
    documents,
    experiments,
    finetune,
    knowledge,
    learning,
    ontology,
    operations,
    patterns,
    reports,
    research,
    shop,
    watch,
)
from cafe24_pipelines.assets.policies import with_policies

STAGES = (
    admin_api,
    shop,
    documents,
    knowledge,
    ontology,
    analytics,
    patterns,
    answers,
    experiments,
    learning,
    finetune,
    research,
    reports,
    operations,
    watch,
)

all_assets: list[dg.AssetsDefinition] = [
    with_policies(asset)
    for stage in STAGES
    for asset in dg.load_assets_from_modules([stage])
    if isinstance(asset, dg.AssetsDefinition)
]
