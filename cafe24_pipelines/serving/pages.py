"""The few pages an operator sees during consent: Korean, plain, and without anything internal.

Does not belong here: deciding which page is due.
"""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import HTMLResponse

_STYLE: Final = (
    "body{font:17px/1.6 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1.2rem;color:#222;"
    "word-break:keep-all;overflow-wrap:anywhere}"
    "code{background:#f2f2f2;padding:.1em .35em;border-radius:4px}h1{font-size:1.4rem}"
)
_CSP: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

AGAIN: Final = "쇼핑몰 관리자에서 앱을 다시 열어 처음부터 진행해 주세요."
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "launch": ("앱 실행 정보를 확인할 수 없습니다", AGAIN),
    "mall": ("어느 쇼핑몰인지 알 수 없습니다", AGAIN),
    "state": (
        "연결 요청을 확인하지 못했습니다",
        "요청이 10분을 넘겼거나, 이미 쓰였거나, 다른 브라우저에서 시작되었습니다. " + AGAIN,
    ),
    "access_denied": (
        "승인되지 않았습니다",
        "승인은 쇼핑몰의 대표운영자 계정으로만 할 수 있습니다. 대표운영자로 로그인한 뒤 다시 시도해 주세요.",
    ),
    "invalid_scope": (
        "요청한 권한이 앱에 등록되어 있지 않습니다",
        "개발자센터의 앱 설정에서 권한을 추가한 뒤 다시 시도해 주세요.",
    ),
    "consent": ("카페24가 요청을 받아들이지 않았습니다", AGAIN),
    "code": ("승인 코드가 유효하지 않습니다", "코드는 1분 동안 한 번만 쓸 수 있습니다. " + AGAIN),
    "spent": ("카페24의 토큰 발급 한도에 이르렀습니다", "2시간 안에 15번까지 됩니다. 잠시 뒤에 다시 시도해 주세요."),
    "unavailable": ("카페24가 지금 응답하지 않습니다", "잠시 뒤에 다시 시도해 주세요."),
    "setup": (
        "이 서버의 설정이 끝나지 않았습니다",
        "서버를 설치한 사람에게 알려 주세요. 무엇이 빠졌는지는 서버 기록에 있습니다.",
    ),
    "storage": ("결과를 저장하지 못했습니다", "서버를 설치한 사람에게 알린 뒤 처음부터 다시 진행해 주세요."),
}
"""What an operator reads, by what went wrong: title and what to do."""


def error_page(why: str, status: int) -> HTMLResponse:
    """The page of an error; an unknown `why` reads as the general refusal."""
    title, what = ERRORS.get(why, ERRORS["consent"])
    return _page(title, [html.escape(what)], status)


def connected_page(mall_id: str, missing: Sequence[str]) -> HTMLResponse:
    """Consent is done: what to do next, and which scopes were asked for but not granted."""
    mall = html.escape(mall_id)
    lines = [
        f"쇼핑몰 <code>{mall}</code>의 승인을 받았고, 토큰을 암호화해 저장했습니다.",
        "이제 이 창을 닫고 서버에서 데이터를 가져오세요:",
        f"<code>cafe24 run --source api --mall {mall}</code>",
    ]
    if missing:
        names = ", ".join(f"<code>{html.escape(name)}</code>" for name in missing)
        lines.append(f"승인되지 않은 권한: {names}. 이 권한이 필요한 데이터는 건너뛰고 보고서에 적습니다.")
    return _page("연결되었습니다", lines, 200)


def _page(title: str, lines: Sequence[str], status: int) -> HTMLResponse:
    body = "".join(f"<p>{line}</p>" for line in lines)
    text = (
        '<!doctype html><html lang="ko"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": _CSP})
