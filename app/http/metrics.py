"""Metrics: one snapshot of the store in the text format of Prometheus. No label ever holds personal data.

Everything comes from Redis, so each API process tells the same of the whole installation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.admission import AdmissionState, PauseCause
from app.domain.alerts import AlertKind
from app.store.figures import DueFigures, Figures

_OPENED, _CLOSED, _ATTEMPT = "alert_opened_", "alert_closed_", "attempt_"


def metrics_text(figures: Figures, admission_states: Mapping[str, AdmissionState], now: datetime) -> str:
    """Return the snapshot, and the admission_states of the shops by their ids, as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(figures, admission_states, now))
    return generate_latest(registry).decode()


class _Snapshot(Collector):
    def __init__(
        self, figures: Figures, admission_states: Mapping[str, AdmissionState], now: datetime
    ) -> None:
        self._figures = figures
        self._admission_states = admission_states
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from _counted(self._figures.counters)
        yield from _alerts(self._figures.counters)
        yield from _ledger(self._figures)
        yield from _waiting(self._figures)
        yield from _admission(self._admission_states, self._now)


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
    yield _gauge("orderwire_commands", "Commands by status.", "status", figures.commands_by_status.items())
    yield _gauge(
        "orderwire_commands_by_kind", "Commands ever accepted.", "kind", figures.commands_by_kind.items()
    )
    yield _gauge("orderwire_leases", "Commands that are running.", None, [("", figures.running)])


def _admission(admission_states: Mapping[str, AdmissionState], now: datetime) -> Iterator[Metric]:
    closed = GaugeMetricFamily(
        "orderwire_admission_paused",
        "1 while the shop is paused, by cause.",
        labels=["shop", "cause"],
    )
    for shop_id, state in sorted(admission_states.items()):
        standing = {
            PauseCause.BREAKER: state.breaker_since,
            PauseCause.USAGE: state.usage_since,
            PauseCause.TOKEN: state.token_since,
        }
        for cause, since in standing.items():
            closed.add_metric([shop_id, cause.value], float(since is not None))
    yield closed
    usage = {shop_id: state.fresh_percent(now) for shop_id, state in admission_states.items()}
    yield _gauge(
        "orderwire_usage_percent",
        "Call budget used, as the platform last reported it.",
        "shop",
        usage.items(),
    )
    paused = {shop_id: state.paused for shop_id, state in admission_states.items()}
    yield _gauge(
        "orderwire_commands_paused", "Commands that wait until their shop resumes.", "shop", paused.items()
    )


def _waiting(figures: Figures) -> Iterator[Metric]:
    yield _gauge("orderwire_inbox_entries", "Webhook entries not drained.", None, [("", figures.inbox_size)])
    yield _gauge(
        "orderwire_inbox_age_seconds", "Age of the oldest of them.", None, [("", figures.inbox_age_s)]
    )
    yield _gauge(
        "orderwire_unrecognized_entries",
        "Webhook entries not understood, stored for an operator to look at.",
        None,
        [("", figures.kept)],
    )
    yield _gauge(
        "orderwire_alert_news_untold",
        "Alert news that no address has accepted yet.",
        None,
        [("", figures.untold_news)],
    )
    commands = {kind.value: due for kind, due in figures.due_by_kind.items()}
    yield from _due("orderwire_commands", "Heads of lanes", "kind", commands)
    pending = {"order": figures.syncs, "shop": figures.shops}
    yield from _due("orderwire_pending_syncs", "Pending syncs", "of", pending)


def _due(name: str, what: str, label: str, figures: Mapping[str, DueFigures]) -> Iterator[Metric]:
    due = {key: one.due for key, one in figures.items()}
    waiting = {key: one.waiting for key, one in figures.items()}
    ages = {key: one.oldest_age_s for key, one in figures.items()}
    yield _gauge(f"{name}_due", f"{what} that are due now.", label, due.items())
    yield _gauge(f"{name}_waiting", f"{what} that wait for their time.", label, waiting.items())
    yield _gauge(f"{name}_due_age_seconds", f"{what}: how late the oldest one is.", label, ages.items())


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
