"""Request bodies within bounds: of bytes and of seconds. Does not belong here: what a body means."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

LARGEST: Final = 256 * 1024
WITHIN: Final = 10.0
_CLOSE: Final = {"Connection": "close"}  # the rest of such a body is not read


async def json_body(request: Request, *, largest: int = LARGEST, within: float = WITHIN) -> bytes:
    """The body of a JSON request.

    Raises:
        HTTPException: 415 not JSON, 413 larger than `largest` bytes, 408 not complete within `within` seconds,
            400 the sender went away or named no length that makes sense.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "application/json only", _CLOSE)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "no content encoding", _CLOSE)  # a small body could unpack to a giant one
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HTTPException(400, "bad content length", _CLOSE)
    if int(length) > largest:
        raise HTTPException(413, "too large", _CLOSE)
    body = bytearray()
    try:
        async with asyncio.timeout(within):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    raise HTTPException(413, "too large", _CLOSE)
    except TimeoutError:
        raise HTTPException(408, "too slow", _CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400, "incomplete", _CLOSE) from None
    return bytes(body)
