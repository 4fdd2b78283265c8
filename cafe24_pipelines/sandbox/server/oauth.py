"""OAuth over HTTP: authorise, token, revoke, and the consent page that stands in for the operator's login.

Does not belong here: what codes and tokens are worth (`tokens.py`).
"""

import base64
import binascii
import hmac
import html
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cafe24_pipelines.korean import filled
from cafe24_pipelines.sandbox.server.answer import CutResponse
from cafe24_pipelines.sandbox.server.errors import OAuthRefusal, json_response
from cafe24_pipelines.sandbox.server.state import MallState, Server

_PAGE = """<!doctype html><html lang="ko"><meta charset="utf-8"><title>샌드박스 몰 앱 동의</title>
<h1>샌드박스 몰 {mall}</h1><p>앱 <b>{client}</b>이(가) 아래 권한을 요청합니다.</p><ul>{scopes}</ul>
<form method="post"><input type="hidden" name="request" value="{id}">
<label><input type="radio" name="operator" value="P" checked> 대표운영자</label>
<label><input type="radio" name="operator" value="A"> 부운영자</label>
<p><button name="decision" value="allow">동의</button>
<button name="decision" value="deny">거절</button></p></form></html>
"""


Act = Callable[[MallState, dict[str, str]], Mapping[str, object]]


class OAuth:
    """The OAuth endpoints of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def authorize(self, request: Request, state: MallState) -> Response:
        """GET authorize: a redirect with code and state, or to the consent page, or with an error.

        A client id or redirect URI that is not registered is told to the browser, never to the address given.
        """
        self._server.stats.calls["GET oauth/authorize"] += 1
        asked = dict(request.query_params)
        config = self._server.config
        if asked.get("client_id") != config.client_id:
            return json_response({"error": "invalid_request", "error_description": "unknown client_id"}, 400)
        if asked.get("redirect_uri") not in config.redirect_uris:
            return json_response({"error": "invalid_request", "error_description": "redirect_uri mismatch"}, 400)
        error = self._refused(asked)
        if error:
            return _back(asked, error=error, trace_id=secrets.token_hex(8))
        asked["mall_id"] = state.mall_id
        if config.auto_consent:
            return self.decide(asked, allow=True)
        ticket = secrets.token_urlsafe(12)
        self._server.consents[ticket] = asked
        return RedirectResponse(f"/{state.mall_id}/_sandbox/consent?request={ticket}", 302)

    def decide(self, asked: dict[str, str], *, allow: bool) -> Response:
        """What the operator's decision on a request leads to."""
        if not allow:
            return _back(asked, error="access_denied", trace_id=secrets.token_hex(8))
        scopes = tuple(asked["scope"].split(","))
        challenge = asked.get("code_challenge", "")
        code = self._server.tokens.new_code(
            self._server.config, asked["mall_id"], asked["redirect_uri"], scopes, challenge
        )
        return _back(asked, code=code)

    async def consent(self, request: Request) -> Response:
        """The consent page (GET) and the operator's decision (POST). Only the representative operator can consent."""
        form = _form(await request.body()) if request.method == "POST" else dict(request.query_params)
        asked = self._server.consents.get(form.get("request", ""))
        if asked is None:
            return HTMLResponse("<p>동의 요청이 없거나 이미 처리되었습니다.</p>", 404)
        if request.method == "POST":
            del self._server.consents[form["request"]]
            return self.decide(asked, allow=form.get("decision") == "allow" and form.get("operator", "P") == "P")
        items = "".join(f"<li>{html.escape(s)}</li>" for s in asked["scope"].split(","))
        names = {k: html.escape(v) for k, v in {"mall": asked["mall_id"], "client": asked["client_id"]}.items()}
        return HTMLResponse(filled(_PAGE, **names, scopes=items, id=html.escape(form["request"])))

    async def token(self, request: Request, state: MallState) -> Response:
        """POST token: authorization_code or refresh_token."""
        return await self._answer("POST oauth/token", request, state, self._token)

    async def revoke(self, request: Request, state: MallState) -> Response:
        """POST revoke: 200 also for a token that is already gone."""
        return await self._answer("POST oauth/revoke", request, state, self._revoke)

    async def _answer(self, name: str, request: Request, state: MallState, act: Act) -> Response:
        server = self._server
        server.stats.calls[name] += 1
        try:
            form = self._client_form(request, await request.body())
            if server.dice.chance("oauth_error", server.config.oauth_error_rate):
                raise OAuthRefusal("temporarily_unavailable", "Service Unavailable", 503)
            response = json_response(act(state, form))
            if server.dice.chance("oauth_lost", server.config.oauth_lost_rate):
                return CutResponse(response.body, 200, media_type="application/json")
        except OAuthRefusal as e:
            response = json_response({"error": e.error, "error_description": e.description}, e.status)
        server.stats.statuses[str(response.status_code)] += 1
        return response

    def _token(self, state: MallState, form: dict[str, str]) -> dict[str, object]:
        config, tokens = self._server.config, self._server.tokens
        tokens.count_call(config, state.mall_id)
        grant = _needed(form, "grant_type")
        if grant == "authorization_code":
            code, redirect_uri = _needed(form, "code"), _needed(form, "redirect_uri")
            return tokens.redeem(config, state.mall_id, code, redirect_uri, form.get("code_verifier", ""))
        if grant == "refresh_token":
            return tokens.refresh(config, state.mall_id, _needed(form, "refresh_token"))
        raise OAuthRefusal("unsupported_grant_type", f"grant_type {grant[:30]} is not supported.")

    def _revoke(self, state: MallState, form: dict[str, str]) -> dict[str, object]:
        if form.get("token_hint", "access_token") not in ("access_token", "refresh_token", "id_token"):
            raise OAuthRefusal("invalid_request", "token_hint is unknown.")
        self._server.tokens.revoke(state.mall_id, _needed(form, "token"))
        return {}

    def _client_form(self, request: Request, body: bytes) -> dict[str, str]:
        """The form of a call by the right client, whose credentials come as Basic."""
        config = self._server.config
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            kind, client_id, secret = "", "", ""
        if kind != "Basic" or not client_id:
            raise OAuthRefusal("invalid_client", "Client authentication is required.", 401)
        if client_id != config.client_id:
            raise OAuthRefusal("invalid_client", "It is a wrong client_id.", 401)
        if not hmac.compare_digest(secret.encode(), config.client_secret.encode()):
            raise OAuthRefusal("invalid_client", "It is a wrong client_secret.", 401)
        content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise OAuthRefusal("invalid_request", "Content-Type must be application/x-www-form-urlencoded.")
        return _form(body)

    def _refused(self, asked: dict[str, str]) -> str:
        """The error code of an authorisation request, or "".

        `state` is only "strongly recommended" by the documentation; a client that leaves it out is open to forgery,
        so the sandbox requires it. Scopes are separated by commas: a space or plus has been seen to be refused.
        """
        if asked.get("response_type") != "code":
            return "unsupported_response_type" if asked.get("response_type") else "invalid_request"
        if not asked.get("state"):
            return "invalid_request"
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return "invalid_request"
        scopes = asked.get("scope", "").split(",")
        return "" if all(s in self._server.config.scopes for s in scopes) else "invalid_scope"


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthRefusal("invalid_request", f"{name} parameter is missing.")
    return form[name]


def _back(asked: dict[str, str], **answer: str) -> Response:
    if asked.get("state"):
        answer["state"] = asked["state"]
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return RedirectResponse(asked["redirect_uri"] + joint + urlencode(answer), 302)
