"""The numbers a sync goes by, in one place. Does not belong here: the API's own limits (`admin_api/resources.py`)."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Tuning:
    """How far a sync looks back, how much it reads at once, and what it spends on lists without an end.

    Attributes:
        target: rows a window holds at most.
        tries: readings of a window before it is left open.
        empties: empty chunks in a row that are believed to be a mall's beginning, before its oldest landed member.
        start: where the mall's rows begin, None to find out.
        look_back: how far each run reads again by the resource's own date.
        late_look_back: how far before the last run it asks for late changes.
        ahead: how far beyond the mall's clock windows reach, for servers whose clocks differ; read again next time.
        whole_every: how often lists that can change anywhere are read whole.
        small: rows up to which such a list is read whole by every run.
        look_up_every: without the privacy scope, how long after its last look-up a landed member is looked up again.
        look_ups: members that one run looks up again by the ids in the contact table.
        settled: how long after its last possible use a coupon's issues are still read whole.
        wish_lists: members whose wish list one run reads.
        carts: products whose carts one run reads.
        days: days of a statistic of single days that one run reads (`turns.py`).
        volumes: products whose pieces sold one run reads.
        reports: how far back sales reports and analytics are read the first time.
        tell_every: how often a run says how far it is.
        stop_after: failures in a row after which a resource is given up until the next run.
    """

    target: int = 5_000
    tries: int = 4
    empties: int = 8
    start: datetime | None = None
    look_back: timedelta = timedelta(days=30)
    late_look_back: timedelta = timedelta(days=2)
    ahead: timedelta = timedelta(minutes=5)
    whole_every: timedelta = timedelta(days=1)
    small: int = 20_000
    look_up_every: timedelta = timedelta(days=30)
    look_ups: int = 5_000
    settled: timedelta = timedelta(days=30)
    wish_lists: int = 500
    carts: int = 1_000
    days: int = 10
    volumes: int = 50
    reports: timedelta = timedelta(days=180)
    tell_every: timedelta = timedelta(seconds=10)
    stop_after: int = 3
