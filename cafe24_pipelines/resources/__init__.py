"""Dagster resources, one file a client; resources_for(profile) is the only place that picks parts."""
