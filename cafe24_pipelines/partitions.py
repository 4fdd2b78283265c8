"""Partitions: one a mall. A leaf: imports nothing of the project but names."""

import dagster as dg

malls = dg.DynamicPartitionsDefinition(name="malls")
"""Every asset is partitioned by mall; `cafe24 run` and onboarding add keys."""
