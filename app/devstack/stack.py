"""The stack of `orderwire up`: which processes there are, what they are told, and the file that says where.

Everything a child needs is in its environment; nothing secret stands in an argument list.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from app.devstack.embedded import DataDirectory, EmbeddedValkey, choose_port, write_private
from app.devstack.supervisor import Program, Supervisor
from app.settings import LOOPBACK_HOSTS, PREFIX, Settings, load_settings

START_TIMEOUT_S = 60.0
READY_TIMEOUT_S = 2.0  # of one look
KEY_TIMEOUT_S = 5.0
WORKER_GRACE_S = (
    30.0  # the slowest attempt and its settling; what takes longer loses its lease and runs again
)
STOP_ORDER = (("api", "scheduler"), ("worker",), ("sandbox", "dashboard"), ("redis",))
ROLES = ("redis", "api", "worker", "scheduler", "dashboard", "sandbox")

_KEPT = ("redis_password", "sealing_key", "app_secret", "verify_token", "access_token", "shop_id", "page_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What the command line of `orderwire up` chose; None leaves it to the settings."""

    port: int | None = None
    sandbox_port: int = 0
    dashboard_port: int | None = None
    data_dir: Path | None = None
    sandbox: bool | None = None
    ready_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One stack: its settings, where everything will be, and the environment its processes get."""

    settings: Settings
    env: Mapping[str, str]
    valkey: EmbeddedValkey | None
    api_url: str
    sandbox_url: str | None
    dashboard_url: str
    api_key: str | None


def up(options: UpOptions, env: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Run the whole stack until SIGINT or SIGTERM; return the exit code.

    Raises SettingsError, EmbeddedError or StartFailed, each a text for people; everything is stopped then.
    """
    started_s = time.monotonic()
    chosen = load_settings(env, partial=True)
    data = DataDirectory.hold(options.data_dir or chosen.data_dir)
    supervisor = Supervisor(say=say, changed=lambda: None)
    stop_on_signals(supervisor)
    try:
        _remove_ready(options.ready_file)  # an old one would send people to a stack that is gone
        plan = _plan(options, chosen, env, data)
        _start(plan, supervisor, say)
        if supervisor.wait_ready(timeout_s=START_TIMEOUT_S):
            supervisor.changed = lambda: _write_ready(options.ready_file, plan, supervisor)
            supervisor.changed()
            say(f"ready after {time.monotonic() - started_s:.1f} s")
            _say_where(plan, say)
            supervisor.watch()
        say("stopping, running jobs are finished first")
    finally:
        supervisor.stop(STOP_ORDER)
        _remove_ready(options.ready_file)
        data.release()
    say("stopped")
    return 0


def stop_on_signals(supervisor: Supervisor) -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal stop the supervisor; under nohup the terminal may close."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(name) is not signal.SIG_IGN or name is signal.SIGTERM:
            signal.signal(name, lambda _signum, _frame: setattr(supervisor, "stopping", True))


def answers(url: str, path: str) -> Callable[[], bool]:
    """Return a look whether a GET of this path is answered 200."""
    place = urlsplit(url)

    def look() -> bool:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=READY_TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return look


def _plan(options: UpOptions, chosen: Settings, env: Mapping[str, str], data: DataDirectory) -> Plan:
    kept = data.kept_secrets(_KEPT)
    sandbox = options.sandbox if options.sandbox is not None else not chosen.shops()
    valkey = None
    given = {name: value for name, value in env.items() if value.strip() or not name.startswith(PREFIX)}
    if chosen.redis_url is None:
        port = choose_port(0, "127.0.0.1", option="ORDERWIRE_REDIS_URL")
        valkey = EmbeddedValkey(data=data, port=port, password=kept["redis_password"])
        given["ORDERWIRE_REDIS_URL"] = valkey.url
    wanted = chosen.port if options.port is None else options.port
    port = choose_port(wanted, chosen.host, option="--port")
    wanted = chosen.dashboard_port if options.dashboard_port is None else options.dashboard_port
    dashboard_port = choose_port(wanted, chosen.host, option="--dashboard-port")
    given |= {"ORDERWIRE_PORT": str(port), "ORDERWIRE_DASHBOARD_PORT": str(dashboard_port)}
    given.setdefault("ORDERWIRE_SEALING_KEYS", kept["sealing_key"])
    sandbox_url, api_key = None, None
    if sandbox:
        sandbox_port = choose_port(options.sandbox_port, "127.0.0.1", option="--sandbox-port")
        sandbox_url = f"http://127.0.0.1:{sandbox_port}"
        _fill_in_development(given, chosen, kept, sandbox_url)
        api_key = data.kept_secrets(["api_key"])["api_key"]
    given |= {"PYTHONUNBUFFERED": "1", "ORDERWIRE_DATA_DIR": str(data.path)}
    return Plan(
        settings=load_settings(given),
        env=given,
        valkey=valkey,
        api_url=_url(chosen.host, port),
        sandbox_url=sandbox_url,
        dashboard_url=_url(chosen.host, dashboard_port),
        api_key=api_key,
    )


def _fill_in_development(
    given: dict[str, str], chosen: Settings, kept: Mapping[str, str], sandbox_url: str
) -> None:
    given["ORDERWIRE_GRAPH_URL"] = sandbox_url  # never the platform itself while the sandbox plays it
    given.setdefault("ORDERWIRE_APP_SECRETS", kept["app_secret"])
    given.setdefault("ORDERWIRE_VERIFY_TOKEN", kept["verify_token"])
    if not chosen.shops():
        given.setdefault("ORDERWIRE_SHOP_ID", kept["shop_id"])
        given.setdefault("ORDERWIRE_SHOP_PAGE_ID", kept["page_id"])
        given.setdefault("ORDERWIRE_SHOP_NAME", "Sandbox shop")
        given.setdefault("ORDERWIRE_SHOP_ACCESS_TOKEN", kept["access_token"])


def _start(plan: Plan, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    if plan.valkey is not None:
        say("starting redis")
        redis = Program(
            role="redis",
            argv=plan.valkey.argv(),
            env={"PATH": plan.env.get("PATH", ""), "LANG": "C.UTF-8"},
            ready=plan.valkey.answers,
            # It holds the data directory too: two servers must never write one file.
            pass_fds=(plan.valkey.data.lock_fd,),
        )
        supervisor.start([redis])
        if not supervisor.wait_ready(timeout_s=START_TIMEOUT_S):
            return
    programs = _programs(plan)
    say("starting " + ", ".join(dict.fromkeys(program.role for program in programs)))
    supervisor.start(programs)
    if plan.api_key is not None:
        _create_development_key(plan.settings, plan.api_key)


def _create_development_key(settings: Settings, secret: str) -> None:
    """Create the key of a stack with the sandbox, and of no other: it opens every route."""
    from app.store.apikeys import SCOPES, ApiKeys  # noqa: PLC0415 - importing Redis costs 0.2 s, needed only here
    from app.store.connection import connect  # noqa: PLC0415

    redis = connect(settings.require_redis_url(), timeout_s=KEY_TIMEOUT_S)
    with closing(redis):
        keys = ApiKeys(redis)
        if keys.find(secret) is None:
            key_id = f"key_{token_hex(8)}"
            keys.create("development", SCOPES, secret=secret, key_id=key_id, now=datetime.now(UTC))


def _programs(plan: Plan) -> list[Program]:
    python = sys.executable
    api_ready = answers(plan.api_url, "/readyz")
    programs = [
        Program(role="api", argv=[python, "-m", "app.http"], env=plan.env, ready=api_ready),
        Program(
            role="worker",
            argv=[python, "-m", "workers.pool"],
            env=plan.env,
            grace_s=WORKER_GRACE_S,
            forks=True,
        ),
        Program(role="scheduler", argv=[python, "-m", "workers.schedule"], env=plan.env),
    ]
    if plan.sandbox_url is not None:
        port = str(urlsplit(plan.sandbox_url).port)
        programs.append(
            Program(
                role="sandbox",
                argv=[python, "-m", "sandbox", "--host", "127.0.0.1", "--port", port],
                env=_sandbox_env(plan),
                ready=answers(plan.sandbox_url, "/_sandbox/health"),
            )
        )
    dashboard = Program(
        role="dashboard",
        argv=[python, "-m", "workers.dashboard"],
        env=plan.env,
        ready=answers(plan.dashboard_url, "/livez"),
    )
    return [*programs, dashboard]


def _sandbox_env(plan: Plan) -> dict[str, str]:
    shops = [
        {"cms_id": shop.id, "page_id": shop.page_id, "access_token": shop.access_token, "name": shop.name}
        for shop in plan.settings.shops()
    ]
    kept = {name: value for name, value in plan.env.items() if not name.startswith(PREFIX)}
    return kept | {
        "SANDBOX_APP_SECRET": plan.settings.app_secret_texts()[0],
        "SANDBOX_SHOPS": json.dumps(shops),
        "SANDBOX_WEBHOOK_URL": f"{plan.api_url}/webhooks/facebook",
    }


def _remove_ready(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)


def _write_ready(path: Path | None, plan: Plan, supervisor: Supervisor) -> None:
    if path is not None:
        write_private(path, json.dumps(_ready_document(plan, supervisor.pids()), indent=2) + "\n")


def _ready_document(plan: Plan, pids: Mapping[str, list[int]]) -> dict[str, Any]:
    shops, token = plan.settings.shops(), plan.settings.verify_token
    return {
        "api_url": plan.api_url,
        "sandbox_url": plan.sandbox_url,
        "redis_url": plan.settings.require_redis_url(),
        "rq_dashboard_url": plan.dashboard_url,
        "api_key": plan.api_key,
        "app_secret": plan.settings.app_secret_texts()[0],
        "verify_token": token.get_secret_value() if token else None,
        "shop_id": shops[0].id,
        "access_token": shops[0].access_token,
        "pids": {role: pids.get(role, []) for role in ROLES},
    }


def _say_where(plan: Plan, say: Callable[[str], None]) -> None:
    say(f"api           {plan.api_url}")
    if plan.sandbox_url is not None:
        say(f"sandbox       {plan.sandbox_url}")
    say(f"rq dashboard  {plan.dashboard_url}")
    if plan.api_key is not None:
        say(f"api key       {plan.api_key}  (development only)")
    say("Ctrl-C stops everything")


def _url(host: str, port: int) -> str:
    # A server on every interface is reached here by loopback.
    name = host if host in LOOPBACK_HOSTS or host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
