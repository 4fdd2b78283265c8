"""Lists whose full pages are large: orders with all their parts come to ten megabytes and more a page.

How few of them are in memory at once, so that syncing a million orders takes no more of it than ten thousand do.
Does not belong here: reading them (`reading.py`).
"""

from typing import Final

from cafe24_pipelines.cafe24.admin_api.resources import ApiResource

THREADS: Final = 2
"""Pages that are in memory as they came, at most."""
AHEAD: Final = 3
"""Pages that wait for their turn, across the line: one window is read while another lands."""
WINDOW: Final = 3_000
"""Rows of a window: they are in memory until the mall agrees with them."""


def is_heavy(resource: ApiResource) -> bool:
    """Whether full pages of a resource are large."""
    return bool(resource.embed) and resource.limit >= 1000


def threads(resource: ApiResource, workers: int) -> int:
    """How many of `workers` threads read pages of a resource."""
    return THREADS if is_heavy(resource) else workers


def ahead(resource: ApiResource, workers: int) -> int:
    """How many pages may be asked for beyond those of the window that lands."""
    return AHEAD if is_heavy(resource) else 2 * workers


def window(resource: ApiResource, target: int) -> int:
    """How many rows a window is to hold, where `target` are wanted of any resource."""
    return min(target, WINDOW) if is_heavy(resource) else target
