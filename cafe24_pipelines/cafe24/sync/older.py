"""Which of what was read before has to be read again: windows that differ by now, and things whose turn it is.

Neighbours are compared together, and halved where they differ. Does not belong here: how a window is asked about (see
`dated.py`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

from cafe24_pipelines.cafe24.sync.windows import Window
from cafe24_pipelines.stores.digest import text_digest


def differing(windows: list[Window], span: timedelta, differs: Callable[[Window], bool | None]) -> list[Window]:
    """Those of `windows` (oldest first, none empty) that differ.

    Args:
        windows: agreed ones.
        span: the longest stretch that one question may cover.
        differs: asks about a stretch; None if it can only be asked about single windows.
    """
    return [window for group in _groups(windows, span) for window in _within(group, differs)]


def turned(read_at: datetime | None, now: datetime, every: timedelta, name: str) -> bool:
    """Whether it is a thing's turn to be read again: never later than `every` after it was read.

    Things that were read together come back between half of `every` and all of it, each at a time of its own (by its
    name), so that no run has to read all of them.
    """
    if read_at is None:
        return True
    share = int(text_digest(name)[:8], 16) / 0xFFFFFFFF
    return now - read_at >= every * (0.5 + 0.5 * share)


def _groups(windows: list[Window], span: timedelta) -> list[list[Window]]:
    groups = [[windows[0]]]
    for last, one in pairwise(windows):
        if one.start == last.end and one.end - groups[-1][0].start <= span:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _within(windows: list[Window], differs: Callable[[Window], bool | None]) -> list[Window]:
    answer = differs(Window(windows[0].start, windows[-1].end))
    if answer is False:
        return []
    if len(windows) == 1:
        return windows if answer else []
    half = len(windows) // 2
    return _within(windows[:half], differs) + _within(windows[half:], differs)
