"""The connector's commands from a terminal: what they print, where, and what they end with."""

import json
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.crm.rfm import SEGMENTS


def test_access_is_revoked_at_the_mall_and_here(shell: Any) -> None:
    shell.consent()
    assert shell.server.control.state()["tokens"]["access"] == 1
    done = shell.run("authorize", "--revoke")
    assert done.exit_code == 0 and "access revoked at Cafe24" in done.stdout and "cafe24 authorize" in done.stdout
    assert shell.server.control.state()["tokens"] == {"access": 0, "refresh": 0}
    assert token_keeper(shell.settings, "sandbox").store.get("sandbox") is None
    again = shell.run("authorize", "--revoke", "--json")
    assert json.loads(again.stdout) == {"mall": "sandbox", "revoked": "none"}
    refused = shell.run("sync", "--only", "shops")
    assert refused.exit_code == 1 and "there are no tokens yet" in refused.stderr
    assert "폐기할 토큰이 없습니다" in shell.run("authorize", "--revoke", "--lang", "ko").stdout


def test_a_token_of_the_settings_is_revoked_too(shell: Any) -> None:
    shell.env["CAFE24_REFRESH_TOKEN"] = shell.server.control.grant()["refresh_token"]
    assert "access revoked" in shell.run("authorize", "--revoke").stdout
    assert shell.run("sync", "--only", "shops").exit_code == 1


def test_revoking_needs_no_code(shell: Any) -> None:
    done = shell.run("authorize", "--revoke", "--code", "x", "--state", "y")
    assert done.exit_code == 1 and "--revoke goes alone" in done.stderr


def test_a_sync_of_some_resources_speaks_of_the_version(shell: Any) -> None:
    shell.consent()
    shell.env["CAFE24_API_VERSION"] = "2025-09-01"
    done = shell.run("sync", "--only", "shops")
    assert done.exit_code == 0
    (line,) = [line for line in done.stdout.splitlines() if "version" in line]
    assert "2025-09-01 is pinned; the app's is 2026-03-01" in line and "is unknown" in line
    assert "over a year old" in line and "CAFE24_API_VERSION" in line


def test_a_dry_run_is_printed_once_and_a_sending_says_that_it_sends(shell: Any) -> None:
    shell.consent()
    shell.in_segment(3, "휴면")
    tier = shell.rows("customer_groups")[-1]
    command = ["writeback", "group", "--segment", "휴면", "--to", str(tier["group_no"])]
    dry = shell.run(*command, "--fixed-group")
    assert dry.exit_code == 0 and dry.stderr == ""
    assert dry.stdout.count("Move 3 members") == 1 and tier["group_name"] in dry.stdout
    assert '"fixed_group": "T"' in dry.stdout and "Nothing has been sent" in dry.stdout
    sent = shell.run(*command, "--send")
    assert sent.exit_code == 0 and "done 3" in sent.stdout and "Move 3 members" not in sent.stdout
    assert sent.stderr.count("Move 3 members") == 1 and "Sending it" in sent.stderr
    assert "Nothing has been sent" not in sent.output
    planned = json.loads(shell.run(*command, "--json").stdout)
    assert planned["plan"]["members"] == 3 and planned["sent"] is None


@pytest.mark.parametrize("target", [["group", "--to", "999"], ["coupon", "--coupon", "999"]])
def test_a_target_that_is_not_there_is_no_plan(shell: Any, target: list[str]) -> None:
    shell.consent()
    shell.in_segment(3, "휴면")
    done = shell.run("writeback", *target, "--segment", "휴면")
    assert done.exit_code == 1 and done.stdout == ""
    assert "999" in done.stderr and done.stderr.count("\n") == 1


def test_consent_duplication_and_shop_are_options(shell: Any) -> None:
    shell.consent()
    ids = shell.in_segment(30, "챔피언")
    coupon = shell.rows("coupons")[0]["coupon_no"]
    accept = [row for row in shell.rows("customers", member_id=ids) if "T" in (row["sms"], row["news_mail"])]
    assert 0 < len(accept) < 30
    command = ["writeback", "coupon", "--segment", "챔피언", "--coupon", coupon, "--json"]
    plans = {
        consent: json.loads(shell.run(*command, "--consent", consent, "--allow-duplication", "S").stdout)["plan"]
        for consent in ("any", "off")
    }
    assert plans["any"]["members"] == len(accept) and plans["any"]["excluded"] == 30 - len(accept)
    assert plans["off"]["members"] == 30
    assert plans["off"]["first_requests"][0]["body"]["request"]["allow_duplication"] == "S"
    texting = shell.run(*command, "--sms", "--consent", "off")
    assert texting.exit_code == 1 and "don't accept SMS" in texting.stderr
    elsewhere = shell.run(*command, "--shop", "2")
    assert elsewhere.exit_code == 1 and "shop" in elsewhere.stderr


@pytest.mark.parametrize("kind", ["group", "coupon"])
def test_the_help_names_every_segment(shell: Any, kind: str) -> None:
    words = "".join(shell.run("writeback", kind, "--help").stdout.split())
    assert all(name.replace(" ", "") in words for name in SEGMENTS)
    wrong = shell.run(
        "writeback", kind, "--segment", "vip", *(("--to", "1") if kind == "group" else ("--coupon", "1"))
    )
    assert wrong.exit_code == 1


def test_erasing_nobody_says_so(shell: Any) -> None:
    shell.consent()
    assert shell.run("sync", "--only", "shops").exit_code == 0
    done = shell.run("erase", "--member", "nobody-here")
    assert done.exit_code == 0 and done.stderr == "searching\n"
    assert "nothing was found" in done.stdout and "the request is recorded" in done.stdout
    assert "rebuilt" not in done.stdout and "nothing identifies" not in done.stdout
    told = json.loads(shell.run("erase", "--member", "nobody-here", "--json").stdout)
    assert told["nothing_found"] and told["asked_before"] and told["rebuilt"] == []
