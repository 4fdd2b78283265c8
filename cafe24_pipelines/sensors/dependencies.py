"""Dependencies inside the asset graph: assets with a condition of their own are made anew when theirs holds.

Upkeep, none of the 24: what a workflow launches carries no condition, so nothing fires twice. Does not belong here:
the conditions (`automation.py`), or which asset has one.
"""

import dagster as dg

graph_dependencies = dg.AutomationConditionSensorDefinition(
    "graph_dependencies",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    emit_backfills=False,
    description="When what an asset is made of changed, and its condition asks for it: makes that asset anew.",
)

all_sensors = [graph_dependencies]
"""All of this file."""
