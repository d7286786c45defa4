"""One round: a stack is started, something is played on it, all drains, and the judge looks."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.closing import Drained, drain, gather, probe_lanes
from tests.chaos.desk import Desk
from tests.chaos.facts import Facts, Finding
from tests.chaos.fault_injector import PACE_S, FaultInjector
from tests.chaos.judge import judge
from tests.chaos.oms import Oms
from tests.chaos.platform import Platform
from tests.chaos.player import Player
from tests.chaos.recovery import GIVE_UP_S, NEVER_OVER_S, P95_S, Kill, Recovery
from tests.chaos.rush import rush
from tests.chaos.stack import Stack
from tests.chaos.webhook_relay import RelayFaults, WebhookRelay
from tests.chaos.workload import make_lives

DRAIN_S = 120.0
# After the faults end, an OMS goes on asking for this long what it was not answered.
LAST_PATIENCE_S = 45.0
LAST_FAULTS_S = 10.0
_ENTRY_IDS = ("notification", "account", "order", "zero")


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything a round is played with."""

    stack: Stack
    platform: Platform
    desk: Desk
    relay: WebhookRelay
    oms: Oms
    player: Player


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a round came to."""

    seed: int
    folder: Path
    facts: Facts
    findings: list[Finding]
    drained: Drained
    kills: list[Kill] = field(default_factory=list)
    faults: Mapping[str, int] = field(default_factory=dict)
    played: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    posts: int = 0
    took_s: float = 0.0


@contextmanager
def scene(
    *,
    seed: int,
    settings: Mapping[str, str] | None = None,
    bug: str | None = None,
    relay_faults: RelayFaults | None = None,
    before: Callable[[Stack, Platform], None] | None = None,
) -> Iterator[Scene]:
    """Start everything and stop it at the end; `before` acts while Orderwire is not started yet."""
    folder = Path(tempfile.mkdtemp(prefix=f"orderwire-chaos-{seed}-"))
    stack = Stack(folder=folder, seed=seed, settings=settings or {}, bug=bug)
    try:
        stack.start_platform()
        platform = Platform(stack.platform_url)
        if before is not None:
            before(stack, platform)
        stack.start_orderwire()
        relay = WebhookRelay(f"{stack.api_url}/webhooks/facebook", seed, relay_faults or RelayFaults())
        relay.open()
        platform.send_to(relay.url, entry_id=_ENTRY_IDS[seed % len(_ENTRY_IDS)])
        desk = Desk(stack.api_url, stack.api_key)
        oms = Oms(url=stack.api_url, api_key=stack.api_key, seed=seed, deadline_s=float("inf"))
        player = Player(platform=platform, oms=oms, desk=desk)
        yield Scene(stack=stack, platform=platform, desk=desk, relay=relay, oms=oms, player=player)
        relay.close()
        oms.close()
        desk.close()
        platform.close()
    finally:
        stack.stop()


def full_round(seed: int, events: int, *, bug: str | None = None, pace_s: float = PACE_S) -> Verdict:
    """Play one whole round for one seed; a fault comes every `pace_s` seconds on average."""
    started_s = time.monotonic()
    lives = make_lives(seed, events)
    with scene(seed=seed, bug=bug) as stage:
        recovery = Recovery(stage.stack, stage.desk)
        injector = FaultInjector(stage.stack, stage.platform, recovery, seed, pace_s)
        injector.start()
        # The lives that began last get some seconds of faults as well, and end in peace.
        faults_s = lives[-1].at_s + LAST_FAULTS_S
        end_of_faults = threading.Timer(faults_s, injector.stop)
        end_of_faults.start()
        stage.oms.deadline_s = time.monotonic() + faults_s + LAST_PATIENCE_S
        rushing = threading.Thread(
            target=stage.player.guarded, args=("the rush", rush, stage.stack, stage.player, seed)
        )
        rushing.start()
        stage.player.play(lives)
        rushing.join()
        end_of_faults.cancel()
        injector.stop()
        verdict = conclude(stage, seed)
        recovery.wait()
        recovery.add_lost_attempts(verdict.facts.commands)
    findings = verdict.findings + recovery_findings(recovery.kills)
    findings += [Finding(check="chaos-failed", order_id=None, detail=text) for text in stage.player.failures]
    return Verdict(
        seed=seed,
        folder=verdict.folder,
        facts=verdict.facts,
        findings=findings,
        drained=verdict.drained,
        kills=recovery.kills,
        faults=injector.faults,
        played=stage.player.played,
        dropped=stage.relay.dropped,
        posts=stage.relay.posts,
        took_s=time.monotonic() - started_s,
    )


def conclude(stage: Scene, seed: int, *, drain_s: float = DRAIN_S) -> Verdict:
    """Drain, audit and judge what was played; every fault must have been ended before.

    Raises StackFailed when a seeded bug did not get into its targets.
    """
    drained = drain(stage.desk, stage.platform, stage.relay, timeout_s=drain_s)
    stage.relay.hurry = True
    stage.relay.audit()
    stage.stack.check_bug()
    stuck = probe_lanes(stage.desk, stage.desk.orders())
    facts = gather(stage.desk, stage.platform, stage.relay, list(stage.oms.asks.values()), stuck)
    return Verdict(seed=seed, folder=stage.stack.folder, facts=facts, findings=judge(facts), drained=drained)


def recovery_findings(kills: list[Kill]) -> list[Finding]:
    """Return the kills after which work resumed too late, and a 95th percentile that is too high."""
    late = [
        Finding(
            check="recovery-late",
            order_id=None,
            detail=f"{kill.role} {kill.pid} killed at {kill.at:%H:%M:%S}: "
            + (f"{kill.recovered_s:.1f} s" if kill.recovered_s is not None else "never worked again")
            + f", waiting for {kill.waited_for}",
        )
        for kill in kills
        if kill.recovered_s is None or kill.recovered_s > NEVER_OVER_S
    ]
    p95_s = percentile([kill.recovered_s or GIVE_UP_S for kill in kills], 0.95)
    if p95_s > P95_S:
        detail = f"p95 of recovery is {p95_s:.1f} s, above {P95_S:.0f} s"
        late.append(Finding(check="recovery-late", order_id=None, detail=detail))
    return late


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that at least that share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def ends(facts: Facts) -> Counter[str]:
    """Return how many commands came to each end."""
    return Counter(row["status"] for row in facts.commands)
