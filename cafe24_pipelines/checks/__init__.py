"""Asset checks, one file a concern: contracts block, observations warn, evidence is in the metadata."""

import dagster as dg

from cafe24_pipelines.checks.admin_api import admin_api_checks
from cafe24_pipelines.checks.ontology import ontology_checks
from cafe24_pipelines.checks.projections import projection_checks
from cafe24_pipelines.checks.shop import shop_checks

all_checks: list[dg.AssetChecksDefinition] = [
    *admin_api_checks,
    *shop_checks,
    *ontology_checks,
    *projection_checks,
]
