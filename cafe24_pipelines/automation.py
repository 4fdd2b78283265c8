"""What schedules and sensors share: tag and categories of the 24 workflows, how one tells of itself, conditions.

A leaf: imports nothing of the project. Does not belong here: any schedule or sensor.
"""

import warnings
from typing import Final

import dagster as dg

# Dagster 1.13 calls owners of schedules and sensors beta; a line for each of ours at every start helps nobody.
warnings.filterwarnings("ignore", message="Parameter `owners` of ")

WORKFLOW_TAG: Final = "cafe24/workflow"
"""Exactly the 24 workflows carry it, with their category as value; upkeep and failure sensors don't."""

CATEGORIES: Final = {
    "ab_test": "AB test",
    "dashboard": "Dashboard",
    "auto_discovery": "Auto discovery",
    "intelligent": "Intelligent",
    "infrastructure": "Infrastructure",
    "model_warmup": "Model warm-up",
    "cross_pattern": "Cross pattern",
}
"""Value of the tag to its title, in the order of docs/workflows.md."""

AFTER_ITS_DEPS: Final = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("after its dependencies")
"""Something it is made of is new, nothing of it is being made, and it isn't being made itself. What is missing does
not hold it up: a mall without a fine-tuned model lacks that arm for good.
"""

READS, WRITES, REMEDY = "reads", "writes", "when it fails"


def about(*, reads: str, writes: str, remedy: str) -> dict[str, str]:
    """A workflow's entry in the runbook, as its metadata: what it reads, what it leaves, what to do when it fails."""
    return {READS: reads, WRITES: writes, REMEDY: remedy}
