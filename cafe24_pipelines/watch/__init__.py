"""Watches: what happened to a mall, told once, by plain statistics, and nothing when nothing happened.

One file a watch: the graph's health (`ontology_alarm.py`), customers at risk (`churn_signal.py`), the day (`day.py`),
the week (`week.py`); `measures.py` holds the figures that day and week share. Imports no Dagster. Does not belong
here: when a watch runs (`schedules/watch.py`, `sensors/churn.py`), or who is told (`reports/`).
"""
