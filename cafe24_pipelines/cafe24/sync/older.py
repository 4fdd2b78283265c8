"""Which of the windows that were agreed on before the mall holds differently now, at the price of few calls.

Neighbours are compared together, and halved where they differ. Does not belong here: how a window is asked about (see
`dated.py`).
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

from cafe24_pipelines.cafe24.sync.windows import Window


def differing(windows: list[Window], span: timedelta, differs: Callable[[Window], bool | None]) -> list[Window]:
    """Those of `windows` (oldest first, none empty) that differ.

    Args:
        windows: agreed ones.
        span: the longest stretch that one question may cover.
        differs: asks about a stretch; None if it can only be asked about single windows.
    """
    return [window for group in _groups(windows, span) for window in _within(group, differs)]


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
