"""What can go wrong between us and the Admin API, each with the thing to do about it.

No message holds a token, a secret or a personal value; `answers.clean` sees to texts that the API wrote.
Does not belong here: errors of settings (`errors.ConfigError`).
"""

from typing import Any

from cafe24_pipelines.errors import Cafe24Error


class AdminApiError(Cafe24Error):
    """Anything that a call of the Admin API can end in."""


class ConsentNeeded(AdminApiError):
    """There is no token that still works: the mall's representative operator must consent (again).

    Args:
        mall_id: the mall.
        reason: why, in one clause.
        authorize_url: the address to open in the operator's browser; "" when settings don't suffice to build it.
    """

    def __init__(self, mall_id: str, reason: str, authorize_url: str = "") -> None:
        self.authorize_url = authorize_url
        remedy = (
            f"open as the mall's representative operator (대표운영자), within 10 minutes: {authorize_url}"
            if authorize_url
            else "set CAFE24_CLIENT_ID, CAFE24_CLIENT_SECRET and CAFE24_REDIRECT_URI, then ask for consent"
        )
        super().__init__(reason, where=f"mall {mall_id}", remedy=remedy)


class AppRemoved(ConsentNeeded):
    """The app was deleted from the mall: Cafe24 said so and takes its tokens no more, which were dropped here too."""


class TokenCallsSpent(AdminApiError):
    """The token endpoint takes 15 calls in 2 hours; they are used up.

    Args:
        ready_in: seconds until one may be made.
    """

    def __init__(self, mall_id: str, ready_in: float) -> None:
        self.ready_in = ready_in
        minutes = max(1, round(ready_in / 60))
        super().__init__(
            "the mall's 15 token calls in 2 hours are used up", where=f"mall {mall_id}",
            remedy=f"wait {minutes} minute(s); if this comes back, look for a program that renews this app's tokens",
        )  # fmt: skip


class BadState(AdminApiError):
    """A consent came back with a `state` that we did not give out, gave to another browser, or that was used."""


class BadLaunch(AdminApiError):
    """An app launch whose signature, age or novelty does not hold."""


class ScopeMissing(AdminApiError):
    """The mall's operator has not granted a scope."""

    def __init__(self, scope: str, *, where: str = "") -> None:
        self.scope = scope
        super().__init__(
            f"the scope {scope} is not granted", where=where,
            remedy="add it to the app in the developer centre and have the operator consent again",
        )  # fmt: skip


class ApprovalNeeded(AdminApiError):
    """Cafe24 keeps this call for approved apps, or for malls that this one is not."""


class NotFound(AdminApiError):
    """No such row, or no such path."""


class Refused(AdminApiError):
    """The API read the call and said no.

    Args:
        status: HTTP status.
        message: the API's own words, personal values taken out.
        more_info: what else it said (cleaned likewise); {} when nothing.
    """

    def __init__(
        self, status: int, message: str, more_info: dict[str, Any] | None = None, *, where: str = "", remedy: str = ""
    ) -> None:
        self.status, self.message, self.more_info = status, message, more_info or {}
        super().__init__(f"refused with {status}: {message}", where=where, remedy=remedy)


class Unavailable(AdminApiError):
    """The API did not answer properly, however often it was asked.

    `acted` is None where nobody can say whether a write took effect.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", acted: bool | None = False) -> None:
        self.acted = acted
        super().__init__(what, where=where, remedy=remedy)


class MalformedAnswer(AdminApiError):
    """The API answered with something that is not what its reference says."""
