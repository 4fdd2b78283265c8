"""A mall's state follows from the set of its events: their order of arrival and their repetitions don't matter."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafe24_pipelines.cafe24.webhooks import APP_EVENTS
from cafe24_pipelines.inbox.types import EVENT_TYPES
from cafe24_pipelines.lifecycle.state import CLEARS, SUSPENDS, TYPES, Stage, fold
from cafe24_pipelines.stores.events import Event

START = datetime(2026, 3, 1, tzinfo=UTC)
_IDS = itertools.count()


def event(kind: str, minute: int, **payload: Any) -> Event:
    return Event(f"{kind}:{next(_IDS)}", "shop", kind, START + timedelta(minutes=minute), payload)


def life(*steps: str | tuple[str, dict[str, Any]]) -> list[Event]:
    """Events a minute apart."""
    named = [(step, {}) if isinstance(step, str) else step for step in steps]
    return [event(kind, minute, **payload) for minute, (kind, payload) in enumerate(named)]


ARRIVAL = ("oauth.authorized", "app.installed", "mall.onboarded")


@pytest.mark.parametrize(
    ("steps", "stage", "reasons"),
    [
        ((), "unknown", ()),
        (("oauth.authorized",), "authorized", ()),
        (("oauth.authorized", "app.installed"), "installed", ()),
        (ARRIVAL, "active", ()),
        ((*ARRIVAL, "app.expired"), "suspended", ("expired",)),
        ((*ARRIVAL, "app.expired", "mall.blocked"), "suspended", ("blocked", "expired")),
        ((*ARRIVAL, "app.expired", "mall.blocked", "app.renewed"), "suspended", ("blocked",)),
        ((*ARRIVAL, "app.refunded", "app.paid"), "active", ()),
        ((*ARRIVAL, "mall.deactivated", "mall.reactivated"), "active", ()),
        ((*ARRIVAL, "mall.suspended", "app.renewed"), "suspended", ("operator",)),
        ((*ARRIVAL, "mall.suspended", "app.expired", "mall.resumed"), "active", ()),
        ((*ARRIVAL, "app.expired", "app.uninstalled"), "uninstalled", ()),
        ((*ARRIVAL, "app.uninstalled", "app.expired"), "uninstalled", ()),
        ((*ARRIVAL, "app.uninstalled", *ARRIVAL[:2]), "installed", ()),
        ((*ARRIVAL, "app.uninstalled", "app.uninstalled"), "uninstalled", ()),
        ((*ARRIVAL[:2], "app.uninstalled", "mall.onboarded"), "uninstalled", ()),
        ((*ARRIVAL, "mall.deleted", "mall.removal_started"), "removing", ()),
        ((*ARRIVAL, "mall.removal_started", "oauth.authorized", "mall.removed"), "removed", ()),
        (("mall.removal_started", "mall.removed", "app.uninstalled", "app.renewed"), "removed", ()),
        (("mall.removal_started", "mall.removed", *ARRIVAL), "active", ()),
        (("mall.suspended",), "suspended", ("operator",)),
        (("mall.removal_started", "mall.removed", "mall.resumed"), "unknown", ()),
        (("app.uninstalled", "app.expired", "mall.onboarded"), "unknown", ()),
        ((*ARRIVAL, ("app.uninstalled", {"this_app": False})), "active", ()),
    ],
)
def test_a_life_leads_where_it_should(steps: Any, stage: str, reasons: tuple[str, ...]) -> None:
    state = fold("shop", life(*steps))
    assert (state.stage, state.reasons) == (stage, reasons)
    assert state.served == (stage in ("unknown", "authorized", "installed", "active"))


def test_what_makes_no_sense_is_ignored_and_listed() -> None:
    state = fold("shop", life("mall.removal_started", "mall.removed", "app.uninstalled", "app.expired"))
    assert [(one.type, one.stage) for one in state.ignored] == [
        ("app.uninstalled", "removed"), ("app.expired", "removed")
    ]  # fmt: skip


def test_the_state_goes_by_the_time_of_events_not_of_their_arrival() -> None:
    late = [*life(*ARRIVAL), event("app.renewed", 20), event("app.expired", 10)]
    assert fold("shop", late).stage == "active", "it expired before it was renewed, whichever was logged first"
    assert fold("shop", [*life(*ARRIVAL), event("app.expired", 30), event("app.renewed", 20)]).stage == "suspended"


def test_an_uninstallation_that_the_mall_contradicts_never_was() -> None:
    before = [*life(*ARRIVAL), gone := event("app.uninstalled", 10)]
    twice = fold("shop", [*before, event("app.uninstalled", 20)])
    assert (twice.left_by, twice.left_at) == (gone.event_id, gone.occurred_at), "the grace days begin with the first"
    assert fold("shop", before).left_by == gone.event_id and fold("shop", before).installed_by == ""
    after = fold("shop", [*before, event("mall.uninstall_refuted", 11, event_id=gone.event_id)])
    assert after.stage == "active" and after.installed_by and not after.left_by


def test_a_plan_ends_with_the_removal_and_onboarding_belongs_to_its_installation() -> None:
    plan = ("plan.changed", {"plan": "basic"})
    assert fold("shop", life(*ARRIVAL, plan)).plan == "basic"
    assert fold("shop", life(*ARRIVAL, plan, "app.uninstalled", *ARRIVAL)).plan == "basic"
    assert fold("shop", life(*ARRIVAL, plan, "mall.removal_started", "mall.removed", *ARRIVAL)).plan == ""
    other = ("mall.onboarded", {"install": "of another installation"})
    assert fold("shop", life(*ARRIVAL[:2], other)).stage == "installed"


STEP = st.tuples(st.sampled_from([t for t in TYPES if t != "mall.uninstall_refuted"]), st.integers(0, 30))


@given(st.lists(STEP, max_size=25), st.randoms(use_true_random=False))
def test_any_order_of_arrival_and_any_repetition_gives_the_same_state(
    steps: list[tuple[str, int]], chance: random.Random
) -> None:
    events = [event(kind, minute) for kind, minute in steps]
    shuffled = [*events, *chance.choices(events, k=len(events))] if events else []
    chance.shuffle(shuffled)
    state = fold("shop", events)
    assert fold("shop", shuffled) == state
    assert state.stage in get_args(Stage)
    assert bool(state.reasons) == (state.stage == "suspended")
    assert (state.stage == "uninstalled") == bool(state.left_by) == (state.left_at is not None)
    assert state.installed_by == "" or state.stage in ("installed", "active", "suspended")


@given(st.lists(STEP, max_size=12))
def test_nothing_but_a_consent_or_the_operator_brings_a_removed_mall_back(steps: list[tuple[str, int]]) -> None:
    revives = {"oauth.authorized", "app.installed", "mall.resumed"}
    later = [event(kind, 100 + minute) for kind, minute in steps if kind not in revives | {"mall.removal_started"}]
    assert fold("shop", [*life(*ARRIVAL, "mall.removal_started", "mall.removed"), *later]).stage == "removed"


def test_every_webhook_about_app_and_mall_is_a_type_of_the_inbox() -> None:
    assert set(APP_EVENTS.values()) <= EVENT_TYPES.keys()
    assert {kind for kind in (*SUSPENDS, *CLEARS) if kind not in ("mall.suspended", "mall.resumed")} <= set(
        APP_EVENTS.values()
    )
