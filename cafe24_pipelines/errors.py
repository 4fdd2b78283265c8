"""The one error a user is meant to see: what is wrong, where, and how to mend it.

Rooms raise subclasses; the CLI prints them as one line and Dagster shows them as the failure's description.
Does not belong here: errors that only a developer can act on (let those raise as they are).
"""


class Cafe24Error(Exception):
    """A problem that its reader can mend.

    Args:
        what: what is wrong, in one clause.
        where: the file, line, setting or mall it was found in ("" when `what` says it).
        remedy: the next thing to do.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        parts = [f"{where}: {what}" if where else what, remedy]
        super().__init__(" — ".join(part for part in parts if part))


class BadInput(Cafe24Error):
    """A merchant's file or mapping can't be used as it stands."""


class LakeDamaged(Cafe24Error):
    """A file of the landed truth is unreadable."""


class NotBuilt(Cafe24Error):
    """A projection was asked for before any run published it."""


class ConfigError(Cafe24Error):
    """A setting or environment variable is missing or makes no sense."""
