"""Processes that die: what was promised goes on, once."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from tests.fault.conftest import Trouble

SLOW = {"method": "POST", "kind": "slow", "delay_s": 1.5, "times": 1}


def _kill(trouble: Trouble, role: str) -> None:
    for pid in trouble.stack.ready["pids"][role]:
        os.kill(pid, signal.SIGKILL)


def _read_times(trouble: Trouble, order_id: str, times: int) -> bool:
    return len(trouble.calls(order_id, "read")) >= times


def _in_flight(trouble: Trouble, order_id: str) -> bool:
    return bool(trouble.calls(order_id, "shipments"))


def test_s22_a_shipment_whose_worker_and_redis_were_killed_has_one_effect(trouble: Trouble) -> None:
    done_before, order_id = trouble.acknowledged(2)
    finished = trouble.ship(done_before, "1ZB")
    trouble.finished(finished)
    attempts_before = trouble.command(finished)["attempts"]
    trouble.faults({"path": f"/{order_id}/shipments", **SLOW})
    command_id = trouble.ship(order_id)
    trouble.until(lambda: _in_flight(trouble, order_id))
    killed_s = time.monotonic()
    _kill(trouble, "worker")
    _kill(trouble, "redis")
    trouble.until(lambda: _status(trouble, command_id) == "succeeded", within_s=45)
    assert time.monotonic() - killed_s < 30
    assert len(trouble.effects(order_id, "ship")) == 1
    assert trouble.command(finished)["attempts"] == attempts_before
    assert len(trouble.effects(done_before, "ship")) == 1


def _status(trouble: Trouble, command_id: str) -> str | None:
    answer = trouble.stack.api("GET", f"/v1/commands/{command_id}")
    return str(answer.json()["status"]) if answer.status_code == 200 else None


def test_s15_a_refund_whose_answer_and_worker_are_lost_is_made_once(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.finished(trouble.ship(order_id))
    trouble.faults(
        {"path": f"/{order_id}/refunds", **SLOW},
        {"path": f"/{order_id}/refunds", "method": "POST", "kind": "drop_after", "times": 1},
    )
    command_id = trouble.refund(order_id)
    trouble.until(lambda: bool(trouble.calls(order_id, "refunds")))
    _kill(trouble, "worker")
    assert trouble.finished(command_id, within_s=45)["status"] == "succeeded"
    assert len(trouble.effects(order_id, "refund")) == 1
    keys = {call["idempotency_key"] for call in trouble.calls(order_id, "refunds")}
    assert len(keys) == 1


def test_rqs_own_keys_deleted_altogether_are_rebuilt_from_the_ledger(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults({"path": f"/{order_id}/shipments", "kind": "busy", "times": 1})
    command_id = trouble.ship(order_id)
    trouble.until(lambda: trouble.command(command_id)["status"] == "waiting")
    client = trouble.redis()
    keys: list[Any] = list(client.scan_iter(match="rq:*", count=1000))
    client.delete(*keys)
    client.close()
    assert trouble.finished(command_id)["status"] == "succeeded"
    assert len(trouble.effects(order_id, "ship")) == 1


def test_a_command_that_killed_its_worker_three_times_is_quarantined(trouble: Trouble) -> None:
    poison, healthy = trouble.acknowledged(2)
    # Its send is lost at once; from then on its worker dies whenever it reads the order back.
    trouble.faults(
        {"path": f"/{poison}/shipments", "method": "POST", "kind": "drop_before"},
        {"path": f"/{poison}", "method": "GET", "kind": "slow", "delay_s": 1.5},
    )
    command_id = trouble.ship(poison)
    reads = len(trouble.calls(poison, "read"))
    for death in range(1, 4):
        trouble.until(partial(_read_times, trouble, poison, reads + death), within_s=40)
        _kill(trouble, "worker")
    trouble.faults()
    dead = trouble.finished(command_id, within_s=60)
    assert dead["status"] == "dead"
    assert "died 3 times" in dead["error"]
    trouble.until(lambda: command_id in {alert["subject"] for alert in trouble.alerts("quarantine")})
    assert trouble.finished(trouble.ship(healthy, "1ZH"))["status"] == "succeeded"
    trouble.stack.api("POST", f"/v1/commands/{command_id}/replay")
    trouble.until(lambda: trouble.command(command_id)["status"] == "succeeded", within_s=40)
    assert len(trouble.effects(poison, "ship")) == 1


def test_no_death_of_a_worker_stays_in_rqs_failed_registry(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults({"path": f"/{order_id}/shipments", **SLOW})
    command_id = trouble.ship(order_id)
    trouble.until(lambda: _in_flight(trouble, order_id))
    _kill(trouble, "worker")
    trouble.finished(command_id, within_s=45)
    client = trouble.redis()

    def only_dead_letters() -> bool:
        try:
            names = [str(raw) for raw in client.zrange("rq:failed:lifecycle", 0, -1)]
        except RedisError:
            return False
        return not any(command_id in name for name in names)

    trouble.until(only_dead_letters)
    client.close()


def test_a_read_that_killed_its_worker_three_times_is_put_off_and_others_go_on(trouble: Trouble) -> None:
    [poison] = trouble.acknowledged()
    trouble.faults({"path": f"/{poison}", "method": "GET", "kind": "slow", "delay_s": 1.5})
    reads = len(trouble.calls(poison, "read"))
    trouble.announce(poison)
    for death in range(1, 4):
        trouble.until(partial(_read_times, trouble, poison, reads + death), within_s=40)
        _kill(trouble, "worker")
    trouble.until(lambda: poison in {alert["subject"] for alert in trouble.alerts("quarantine")}, within_s=40)
    trouble.faults()
    [healthy] = trouble.acknowledged()
    assert trouble.finished(trouble.ship(healthy))["status"] == "succeeded"
