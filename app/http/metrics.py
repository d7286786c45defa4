"""Metrics: one snapshot of the store in the text format of Prometheus. No label ever holds personal data.

Everything comes from Redis, so each API process tells the same of the whole installation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.alerts import AlertKind
from app.domain.gates import GateHold, GateState
from app.store.watch_figures import DueFigures, Figures

_OPENED, _CLOSED, _ATTEMPT = "alert_opened_", "alert_closed_", "attempt_"


def metrics_text(figures: Figures, gates: Mapping[str, GateState], now: datetime) -> str:
    """Return the snapshot, and the gates of the shops by their ids, as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(figures, gates, now))
    return generate_latest(registry).decode()


class _Snapshot(Collector):
    def __init__(self, figures: Figures, gates: Mapping[str, GateState], now: datetime) -> None:
        self._figures = figures
        self._gates = gates
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from _counted(self._figures.counters)
        yield from _alerts(self._figures.counters)
        yield from _ledger(self._figures)
        yield from _waiting(self._figures)
        yield from _holds(self._gates, self._now)


def _counted(counters: Mapping[str, int]) -> Iterator[Metric]:
    others = {
        name: value for name, value in counters.items() if not name.startswith((_OPENED, _CLOSED, _ATTEMPT))
    }
    yield _counter(
        "orderwire_counted", "What happened, as GET /v1/webhooks/counters names it.", "what", others.items()
    )
    attempts = {
        name.removeprefix(_ATTEMPT): value for name, value in counters.items() if name.startswith(_ATTEMPT)
    }
    yield _counter(
        "orderwire_attempts", "Calls made for commands, by what they came to.", "outcome", attempts.items()
    )


def _alerts(counters: Mapping[str, int]) -> Iterator[Metric]:
    opened = {kind.value: counters.get(f"{_OPENED}{kind.value}", 0) for kind in AlertKind}
    closed = {kind.value: counters.get(f"{_CLOSED}{kind.value}", 0) for kind in AlertKind}
    yield _counter("orderwire_alerts_opened", "Alerts that opened.", "kind", opened.items())
    # Every alert that opened and did not close is open: closed ones alone are forgotten.
    still = {kind: opened[kind] - closed[kind] for kind in opened}
    yield _gauge("orderwire_alerts_open", "Alerts that are open.", "kind", still.items())


def _ledger(figures: Figures) -> Iterator[Metric]:
    yield _gauge("orderwire_orders", "Copies of orders.", "state", figures.orders_by_state.items())
    yield _gauge(
        "orderwire_commands", "Commands by where they stand.", "status", figures.commands_by_status.items()
    )
    yield _gauge(
        "orderwire_commands_by_kind", "Commands ever accepted.", "kind", figures.commands_by_kind.items()
    )
    yield _gauge("orderwire_leases", "Commands that run now.", None, [("", figures.running)])


def _holds(gates: Mapping[str, GateState], now: datetime) -> Iterator[Metric]:
    closed = GaugeMetricFamily(
        "orderwire_gate_closed", "1 while the shop's calls are held back, by what.", labels=["shop", "hold"]
    )
    for shop_id, gate in sorted(gates.items()):
        standing = {
            GateHold.BREAKER: gate.breaker_since,
            GateHold.USAGE: gate.usage_since,
            GateHold.TOKEN: gate.token_since,
        }
        for hold, since in standing.items():
            closed.add_metric([shop_id, hold.value], float(since is not None))
    yield closed
    usage = {shop_id: gate.fresh_percent(now) for shop_id, gate in gates.items()}
    yield _gauge("orderwire_usage_percent", "Call budget used, as last told.", "shop", usage.items())
    parked = {shop_id: gate.parked for shop_id, gate in gates.items()}
    yield _gauge("orderwire_commands_parked", "Commands that wait at the gate.", "shop", parked.items())


def _waiting(figures: Figures) -> Iterator[Metric]:
    yield _gauge("orderwire_inbox_entries", "Webhook entries not drained.", None, [("", figures.inbox_size)])
    yield _gauge(
        "orderwire_inbox_age_seconds", "Age of the oldest of them.", None, [("", figures.inbox_age_s)]
    )
    yield _gauge("orderwire_kept", "Deliveries not understood, kept for people.", None, [("", figures.kept)])
    yield _gauge(
        "orderwire_alert_news_untold", "News no address took yet.", None, [("", figures.untold_news)]
    )
    commands = {kind.value: due for kind, due in figures.due_by_kind.items()}
    yield from _due("orderwire_commands", "Heads of lanes", "kind", commands)
    owed = {"order": figures.syncs, "shop": figures.shops}
    yield from _due("orderwire_owed_reads", "Reads owed", "of", owed)


def _due(name: str, what: str, label: str, figures: Mapping[str, DueFigures]) -> Iterator[Metric]:
    due = {key: one.due for key, one in figures.items()}
    waiting = {key: one.waiting for key, one in figures.items()}
    ages = {key: one.oldest_age_s for key, one in figures.items()}
    yield _gauge(f"{name}_due", f"{what} that should run now.", label, due.items())
    yield _gauge(f"{name}_waiting", f"{what} whose time is to come.", label, waiting.items())
    yield _gauge(f"{name}_due_age_seconds", f"{what}: how late the latest is.", label, ages.items())


def _counter(name: str, documentation: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, value in sorted(values):
        family.add_metric([key], value)
    return family


def _gauge(name: str, documentation: str, label: str | None, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=[label] if label else [])
    for key, value in sorted(values):
        family.add_metric([key] if label else [], value)
    return family
