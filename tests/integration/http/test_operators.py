from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from msgspec.structs import replace

from app.domain.alerts import AlertKind
from app.domain.commands import CommandStatus
from app.store.drift import DriftEntry, Suspect
from tests.integration.http.conftest import Served
from tests.integration.store import samples
from tests.unit.http.samples import order

SHOP = "900000000000017"


def given_up(api: Served, command_id: str = "c1", *, outcome: str = "refused") -> str:
    """Make a dead letter of order 35001."""
    api.put(replace(order("35001"), shop_id=SHOP))
    commands = api.orderwire.commands
    commands.accept(samples.command(command_id, order_id="35001"), timeline=samples.note())
    now = datetime.now(UTC)
    commands.lease(command_id, token="t", now=now, lease_s=10)
    key = f"key-{command_id}"
    commands.begin_attempt(command_id, token="t", attempt=samples.attempt(key=key), wire=samples.WIRE)
    settlement = samples.settlement(
        CommandStatus.DEAD,
        attempt=samples.attempt(key=key, outcome=outcome),
        idempotency_key=key,
        error="The platform refused it five times.",
    )
    commands.settle(command_id, token="t", settlement=settlement, now=now)
    assert commands.get(command_id).status is CommandStatus.DEAD  # type: ignore[union-attr]  # it was accepted
    return command_id


def test_open_alerts_are_listed_with_what_to_do(api: Served, client: httpx.Client) -> None:
    alerting = api.orderwire.alerting
    alerting.open(AlertKind.TOKEN_DEAD, "112", "Put a new token in.", shop_id="112")
    alerting.open(AlertKind.TOKEN_DEAD, "112", "Put a new token in!", shop_id="112")
    alerting.open(AlertKind.DRIFT, "112", "One order differed.", shop_id="112")
    alerting.close(AlertKind.DRIFT, "112")
    (alert,) = client.get("/v1/alerts", params={"state": "open"}).json()["data"]
    assert {**alert, "id": "", "first_at": "", "last_at": ""} == {
        "id": "",
        "kind": "token_dead",
        "severity": "critical",
        "subject": "112",
        "shop_id": "112",
        "text": "Put a new token in!",
        "state": "open",
        "first_at": "",
        "last_at": "",
        "closed_at": None,
        "count": 2,
    }
    (closed,) = client.get("/v1/alerts", params={"state": "closed"}).json()["data"]
    assert (closed["kind"], closed["state"]) == ("drift", "closed")
    assert closed["closed_at"] >= closed["first_at"]
    assert len(client.get("/v1/alerts").json()["data"]) == 2


def test_alerts_come_in_pages(api: Served, client: httpx.Client) -> None:
    for number in range(3):
        api.orderwire.alerting.open(AlertKind.DEAD_LETTER, f"c{number}", "It gave up.")
    first = client.get("/v1/alerts", params={"limit": 2}).json()
    rest = client.get("/v1/alerts", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [alert["subject"] for alert in first["data"] + rest["data"]] == ["c2", "c1", "c0"]
    assert rest["next_cursor"] is None
    assert client.get("/v1/alerts", params={"cursor": "bm8"}).status_code == 422
    assert client.get("/v1/alerts", params={"state": "loud"}).status_code == 422


def test_drift_is_listed_newest_first(api: Served, client: httpx.Client) -> None:
    now = datetime.now(UTC)
    found = [
        DriftEntry(order_id=order_id, shop_id=SHOP, at=now, news=("order.refunded",))
        for order_id in ("1", "2", "3")
    ]
    api.orderwire.drift.suspect([Suspect(entry=entry, read_before=None) for entry in found], now)
    api.orderwire.drift.settle(now, limit=10)
    first = client.get("/v1/drift", params={"limit": 2}).json()
    assert [entry["order_id"] for entry in first["data"]] == ["3", "2"]
    assert first["data"][0]["news"] == ["order.refunded"]
    rest = client.get("/v1/drift", params={"cursor": first["next_cursor"]}).json()
    assert [entry["order_id"] for entry in rest["data"]] == ["1"]


def test_a_replayed_dead_letter_is_pending_again_with_all_attempts_ahead(
    api: Served, client: httpx.Client
) -> None:
    command_id = given_up(api)
    answer = client.post(f"/v1/commands/{command_id}/replay")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/commands/{command_id}"
    assert answer.json()["status"] == "pending"
    assert client.get("/v1/commands", params={"status": "dead"}).json()["data"] == []
    timeline = client.get("/v1/orders/35001/timeline").json()["data"]
    assert timeline[-1]["what"] == "command.replayed"


def test_a_dismissed_dead_letter_is_failed_with_the_persons_reason(api: Served, client: httpx.Client) -> None:
    command_id = given_up(api)
    reason = "refunded by hand in Commerce Manager"
    answer = client.post(f"/v1/commands/{command_id}/dismiss", json={"reason": reason})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["error"]) == ("failed", reason)
    timeline = client.get("/v1/orders/35001/timeline").json()["data"]
    assert (timeline[-1]["what"], timeline[-1]["detail"]["reason"]) == ("command.dismissed", reason)


@pytest.mark.parametrize(("verb", "body"), [("replay", None), ("dismiss", {"reason": "no"})])
def test_only_dead_commands_can_be_replayed_or_dismissed(
    api: Served, client: httpx.Client, verb: str, body: dict[str, str] | None
) -> None:
    api.orderwire.commands.accept(samples.command(order_id="35001"), timeline=samples.note())
    answer = client.post(f"/v1/commands/c1/{verb}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "command_not_dead")
    assert "pending" in answer.json()["detail"]
    unknown = client.post(f"/v1/commands/nosuch/{verb}", json=body)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "command_unknown")


def test_the_same_replay_under_one_key_is_done_once(api: Served, client: httpx.Client) -> None:
    command_id = given_up(api)
    headers = {"Idempotency-Key": "replay-1"}
    first = client.post(f"/v1/commands/{command_id}/replay", headers=headers)
    again = client.post(f"/v1/commands/{command_id}/replay", headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "a\nb"}, {"why": "x"}]
)
def test_a_dismissal_needs_a_reason_of_one_line(
    api: Served, client: httpx.Client, body: dict[str, str]
) -> None:
    assert client.post(f"/v1/commands/{given_up(api)}/dismiss", json=body).status_code == 422


def test_a_key_that_may_only_read_changes_no_dead_letter(api: Served) -> None:
    command_id = given_up(api)
    with api.caller("orders:read") as reader:
        assert reader.post(f"/v1/commands/{command_id}/replay").status_code == 403
        assert reader.post(f"/v1/commands/{command_id}/dismiss", json={"reason": "no"}).status_code == 403
    with api.caller("orders:write") as writer:
        assert writer.get("/v1/alerts").status_code == 403
        assert writer.get("/v1/drift").status_code == 403


def test_metrics_tell_what_waits_and_what_is_open(api: Served, client: httpx.Client) -> None:
    given_up(api)
    api.orderwire.commands.accept(
        samples.command("c2", order_id="35002", change=samples.ship()), timeline=samples.note()
    )
    api.orderwire.alerting.open(AlertKind.SILENCE, "112", "No webhook came.")
    api.orderwire.alerting.open(AlertKind.DRIFT, "112", "One order differed.")
    api.orderwire.alerting.close(AlertKind.DRIFT, "112")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'orderwire_commands{status="dead"} 1.0' in lines
    assert 'orderwire_commands_by_kind{kind="ship"} 1.0' in lines
    assert 'orderwire_commands_due{kind="ship"} 1.0' in lines
    assert 'orderwire_orders{state="IN_PROGRESS"} 1.0' in lines
    assert 'orderwire_attempts_total{outcome="refused"} 1.0' in lines
    assert f'orderwire_admission_paused{{cause="breaker",shop="{SHOP}"}} 0.0' in lines
    assert f'orderwire_commands_paused{{shop="{SHOP}"}} 0.0' in lines
    assert 'orderwire_alerts_open{kind="silence"} 1.0' in lines
    assert 'orderwire_alerts_open{kind="drift"} 0.0' in lines
    assert 'orderwire_alerts_opened_total{kind="drift"} 1.0' in lines
    assert "orderwire_inbox_entries 0.0" in lines
    assert "Zoë" not in answer.text
    assert "35001" not in answer.text


def test_metrics_tell_how_long_the_oldest_entry_has_waited(api: Served, client: httpx.Client) -> None:
    a_minute_ago = int((datetime.now(UTC) - timedelta(seconds=60)).timestamp() * 1000)
    store = api.orderwire.inbox._store
    store.execute_command("XADD", "ow:inbox", f"{a_minute_ago}-0", "hints", "[[],[]]")
    store.execute_command("SET", "ow:inbox:entries", 2)
    figures = dict(line.split(" ") for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    assert figures["orderwire_inbox_entries"] == "2.0"
    assert 60 <= float(figures["orderwire_inbox_age_seconds"]) < 90


def test_metrics_need_a_key_that_may_read(api: Served) -> None:
    with api.caller("orders:write") as writer:
        assert writer.get("/metrics").status_code == 403
        assert writer.get("/metrics", headers={"Authorization": ""}).status_code == 401
    with api.caller("admin") as admin:
        assert admin.get("/metrics").status_code == 200
