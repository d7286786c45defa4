"""The platform in trouble: commands wait without losing attempts, and go out in order when it is over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.fault.conftest import IMPATIENT, Trouble

WINDOW_S = float(IMPATIENT["ORDERWIRE_BREAKER_WINDOW_S"])
OUTAGE = ({"path": "*", "kind": "status", "status": 503},)


def _shipped_in_order(trouble: Trouble, order_ids: list[str]) -> list[str]:
    found = trouble.control("GET", "/effects?kind=ship&limit=1000")["data"]
    wanted = set(order_ids)
    return [effect["order_id"] for effect in found if effect["order_id"] in wanted]


def _attempts(trouble: Trouble, command_ids: list[str]) -> list[list[dict[str, Any]]]:
    return [trouble.command(one)["attempts"] for one in command_ids]


def test_s19_a_dead_token_costs_no_attempt_and_all_drain_in_order(trouble: Trouble) -> None:
    orders = trouble.acknowledged(40)
    trouble.control("POST", "/token", {"state": "expired"})
    commands = [trouble.ship(order_id, f"1Z{number}") for number, order_id in enumerate(orders)]
    trouble.until(lambda: all(trouble.command(one)["status"] == "waiting" for one in commands), within_s=60)
    [alert] = trouble.alerts("token_dead")
    refused = [attempt for attempts in _attempts(trouble, commands) for attempt in attempts]
    # Only those already on their way when the first was refused can have met the dead token.
    assert len(refused) <= 4
    assert {attempt["outcome"] for attempt in refused} <= {"throttled"}
    trouble.control("POST", "/token", {"state": "ok"})
    for command_id in commands:
        assert trouble.finished(command_id, within_s=60)["status"] == "succeeded"
    assert [len(trouble.effects(order_id, "ship")) for order_id in orders] == [1] * 40
    went = _shipped_in_order(trouble, orders)
    # The twenty that are let go in one second run beside each other, and overtake none of the second before.
    assert all(abs(went.index(order_id) - number) < 20 for number, order_id in enumerate(orders))
    trouble.until(lambda: not trouble.alerts("token_dead"))
    closed = [one for one in trouble.alerts("token_dead", "closed") if one["id"] == alert["id"]]
    assert len(closed) == 1
    paused = [entry for entry in trouble.timeline(orders[-1]) if entry["what"] == "command.paused"]
    assert len(paused) == 1


def test_a_new_token_put_in_by_hand_opens_the_gate_without_a_restart(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    ready = trouble.stack.ready
    trouble.control("POST", "/token", {"state": "revoked"})
    command_id = trouble.ship(order_id)
    trouble.until(lambda: trouble.command(command_id)["status"] == "waiting")
    new = "EAAB-brand-new-token"
    trouble.control("POST", "/token", {"state": "ok", "access_token": new, "shop_id": ready["shop_id"]})
    done = _orderwire(trouble, "shops", "token", ready["shop_id"], stdin=new)
    assert done.returncode == 0, done.stdout + done.stderr
    assert trouble.finished(command_id)["status"] == "succeeded"
    # The configured token is still dead: the new one is what works.
    assert _orderwire(trouble, "doctor").returncode == 0


def _orderwire(trouble: Trouble, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    # What the API was started with is what an operator's shell would hold; a worker's process title, where
    # setproctitle is installed, overwrites its environment.
    pid = trouble.stack.ready["pids"]["api"][0]
    told = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    env = dict(os.environ) | dict(line.split("=", 1) for line in told if line.startswith("ORDERWIRE_"))
    program = str(Path(sys.executable).with_name("orderwire"))
    return subprocess.run(  # noqa: S603 - our own command line
        [program, *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=30, check=False
    )


def test_s20_near_the_limit_the_poll_yields_and_acknowledgements_go_on(trouble: Trouble) -> None:
    trouble.control("PUT", "/settings", {"usage": {"call_count": 95}})
    try:
        first = trouble.acknowledged(2)
        before = _listings(trouble)
        more = trouble.acknowledged(3)
        # Within seven seconds a poll every five would have listed three times over.
        trouble.until(lambda: trouble.order(more[-1]).get("state") == "IN_PROGRESS")
        assert trouble.finished(trouble.ship(first[0]))["status"] == "succeeded"
        assert _listings(trouble) - before <= 1
        calls = trouble.control("GET", "/calls?limit=200")["data"]
        assert all(call.get("status") != 429 for call in calls)
    finally:
        trouble.control("PUT", "/settings", {"usage": {"call_count": 1}})
    assert [len(trouble.effects(order_id, "acknowledge")) for order_id in [*first, *more]] == [1] * 5
    # The next answer tells that the limit is far again, and the poll goes on.
    assert trouble.finished(trouble.ship(first[1]))["status"] == "succeeded"
    trouble.until(lambda: _listings(trouble) > before + 1, within_s=45)


def _listings(trouble: Trouble) -> int:
    calls = trouble.control("GET", "/calls?limit=1000")["data"]
    return sum(1 for call in calls if call["path"].endswith("/commerce_orders"))


def test_s21_an_outage_opens_the_breaker_and_ends_in_an_orderly_drain(trouble: Trouble) -> None:
    orders = trouble.acknowledged(30)
    time.sleep(WINDOW_S)  # so that the good answers until now do not hide the first bad ones
    trouble.faults(*OUTAGE)
    commands = [trouble.ship(order_id, f"1Y{number}") for number, order_id in enumerate(orders)]
    trouble.until(lambda: bool(trouble.alerts("breaker_open")), within_s=30)
    trouble.until(lambda: all(trouble.command(one)["status"] == "waiting" for one in commands), within_s=60)
    before = trouble.control("GET", "/calls?count=1")["count"]
    burned = sum(len(attempts) for attempts in _attempts(trouble, commands))
    trouble.until(lambda: trouble.control("GET", "/calls?count=1")["count"] >= before + 2, within_s=30)
    # While it is open only probes go out, one at a time: nothing else was spent meanwhile.
    assert sum(len(attempts) for attempts in _attempts(trouble, commands)) == burned
    # Ten failures open it; the others were on their way, or among good answers of the last seconds.
    assert burned <= 20
    trouble.faults()
    for command_id in commands:
        assert trouble.finished(command_id, within_s=60)["status"] == "succeeded"
    assert [len(trouble.effects(order_id, "ship")) for order_id in orders] == [1] * 30
    trouble.until(lambda: not trouble.alerts("breaker_open"))


def test_while_the_breaker_is_open_orders_are_answered_from_the_copy(trouble: Trouble) -> None:
    orders = trouble.acknowledged(12)
    trouble.faults(*OUTAGE)
    for order_id in orders:
        trouble.ship(order_id, f"1X{order_id}")
    trouble.until(lambda: bool(trouble.alerts("breaker_open")), within_s=30)
    copy = trouble.order(orders[0])
    assert copy["state"] == "IN_PROGRESS"
    assert copy["synced_at"]
