"""Keeping an installation alive: failures told to their owners, a heartbeat, readiness in one glance, a warm model.

Plain functions over the event log and over facts that others collect; nothing here imports Dagster. Does not belong
here: sensors and schedules (`sensors/failures.py`, `schedules/operations.py`), asking the Dagster instance
(`instance_facts.py`), or what a run does.
"""
