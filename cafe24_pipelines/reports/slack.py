"""An incoming webhook of Slack: one message, sent with bounded patience, and an honest word on whether it arrived.

The address is a secret; no error repeats it. Does not belong here: what is said, or what was said before.
"""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.retry_after import retry_after

if TYPE_CHECKING:
    import httpx

ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 60.0
"""Seconds that a call waits before it is tried again; who asks for more is asked again by the next digest."""
SECONDS: Final = 10.0
_MOST_READ: Final = 4096
_REPLY: Final = re.compile(r"[a-z_]{2,60}")

_NOT_TAKEN: Final = ("rollup_error",)
"""Words with which Slack itself says, by a status of 500, that it has not shown a message."""
_REMEDIES: Final = {
    "invalid_token": "make a new webhook in Slack and set SLACK_WEBHOOK_URL",
    "no_service": "the webhook was removed: make a new one in Slack and set SLACK_WEBHOOK_URL",
    "no_active_hooks": "the webhook is disabled: enable it in Slack or set another SLACK_WEBHOOK_URL",
    "channel_not_found": "the webhook's channel is gone: make a webhook for another one",
    "channel_is_archived": "unarchive the channel or make a webhook for another one",
    "action_prohibited": "an administrator restricts posting to this channel",
    "posting_to_general_channel_denied": "an administrator restricts posting to #general: use another channel",
}


class NotDelivered(Cafe24Error):
    """Slack surely has not accepted the message. `lasting`: trying again will not help until somebody acts."""

    def __init__(self, what: str, *, lasting: bool, remedy: str = "") -> None:
        super().__init__(what, where="Slack", remedy=remedy)
        self.lasting = lasting


class DeliveryUnknown(Cafe24Error):
    """The message was sent and no reply came: it may stand in the channel or not."""


class SlackWebhook:
    """One webhook. `sleep` waits between attempts."""

    channel: Final = "slack"

    def __init__(self, url: str, *, seconds: float = SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url, self._seconds, self._sleep = url, seconds, sleep

    def send(self, body: dict[str, Any], text: str) -> None:
        """Post a message; `text` (for terminals) is not used.

        A call that Slack surely did not take (429, 503, or it never got there) is tried again.

        Raises:
            NotDelivered: it was refused, or could not be handed over in the given attempts.
            DeliveryUnknown: it was handed over and no reply came, or one that doesn't say; it is not tried again.
        """
        import httpx

        why, pause = "", 0.0
        with httpx.Client(timeout=self._seconds, follow_redirects=False) as client:
            for attempt in range(ATTEMPTS):
                if attempt:
                    self._sleep(pause)
                try:
                    with client.stream("POST", self._url, json=body) as reply:
                        status, said = reply.status_code, self._head(reply)
                        asked = reply.headers.get("Retry-After", "")
                except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as e:
                    why, pause = f"no connection ({type(e).__name__})", 2.0**attempt
                    continue
                except httpx.HTTPError as e:
                    raise DeliveryUnknown(
                        f"no reply came ({type(e).__name__})", where="Slack", remedy="look into the channel"
                    ) from None  # its text may hold the address
                wait = _judged(status, said, asked, 2.0**attempt)
                if wait is None:
                    return
                why, pause = f"status {status}", wait
        raise NotDelivered(f"{why}, after {ATTEMPTS} attempts", lasting=False)

    def _head(self, reply: "httpx.Response") -> str:
        """The beginning of a reply's text: Slack's is a word, and nobody else gets to keep us reading."""
        import httpx

        read, until = b"", time.monotonic() + self._seconds
        for piece in reply.iter_bytes():
            read += piece
            if len(read) >= _MOST_READ:
                break
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the reply has no end")
        return read[:_MOST_READ].decode(errors="replace").strip()


def _judged(status: int, said: str, asked: str, pause: float) -> float | None:
    """None when the message was accepted, else seconds until the next attempt.

    Raises:
        NotDelivered: there is no use in another attempt now.
        DeliveryUnknown: a server on the way failed; what stands behind it may have taken the message.
    """
    word = said if _REPLY.fullmatch(said) else "an unknown reply"
    if status == 200 and word == "ok":
        return None
    if status in (429, 503) or word in _NOT_TAKEN:
        wait = retry_after(asked) or pause
        if wait > LONGEST_WAIT:
            raise NotDelivered(f"asked to wait {wait:.0f} s", lasting=False, remedy="the next digest tells it")
        return wait
    if status >= 500:
        raise DeliveryUnknown(f"status {status}: {word}", where="Slack", remedy="look into the channel")
    raise NotDelivered(f"status {status}: {word}", lasting=True, remedy=_REMEDIES.get(word, ""))
