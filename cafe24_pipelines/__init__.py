"""cafe24-pipelines: the CRM brain for merchants on Cafe24, as a declarative pipeline on Dagster.

Nothing is imported here, so that every entry point pays only for what it uses.
"""

__version__ = "0.1.0"
