"""The RQ dashboard on a real server: what it shows of RQ 3's jobs, and whom its door lets in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from starlette.testclient import TestClient

from app.queue.jobs import Jobs, connect_queues, queue_of
from app.queue.specs import LIFECYCLE, command_job
from app.settings import SettingsError, load_settings
from workers.dashboard import create_dashboard

HERE = "http://127.0.0.1:9181"
OWN_PAGE = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def connection(redis_url: str) -> Iterator[Redis]:
    connection = connect_queues(redis_url)
    yield connection
    connection.close()


@pytest.fixture
def board(redis_url: str, connection: Redis) -> Iterator[TestClient]:
    jobs = Jobs(connection)
    jobs.enqueue([command_job("refund", "cmd_1", "123")])
    jobs.enqueue([command_job("cancel", "cmd_2", "456", at=datetime.now(UTC) + timedelta(hours=1))])
    jobs.enqueue([command_job("ship", "cmd_3", "789")])
    queue = queue_of(LIFECYCLE, connection)
    queue.remove("ship-cmd_3")
    job = queue.fetch_job("ship-cmd_3")
    assert job is not None
    job.set_status("failed")  # type: ignore[arg-type]  # RQ's enum is text
    queue.failed_job_registry.add(job, ttl=1000, exc_string="DeadLetter: command cmd_3")
    with TestClient(
        create_dashboard(load_settings({"ORDERWIRE_REDIS_URL": redis_url}, partial=True)), HERE
    ) as client:
        yield client


def listed(board: TestClient, registry: str) -> list[str]:
    answer = board.get(f"/0/data/jobs/{LIFECYCLE}/{registry}/8/asc/1.json")
    assert answer.status_code == 200
    return [job["description"] for job in answer.json()["jobs"]]


def test_queues_and_registries_show_the_jobs_by_what_they_do(board: TestClient) -> None:
    assert listed(board, "queued") == ["refund order 123 (cmd_1)"]
    assert listed(board, "scheduled") == ["cancel order 456 (cmd_2)"]
    assert listed(board, "failed") == ["ship order 789 (cmd_3)"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/0/view/queues",
        "/0/view/workers",
        "/0/view/jobs",
        "/0/view/job/refund-cmd_1",
        "/0/data/workers.json",
    ],
)
def test_every_page_opens(board: TestClient, path: str) -> None:
    assert board.get(path).status_code == 200


def test_a_job_s_page_shows_what_it_was_called_with(board: TestClient) -> None:
    job = board.get("/0/data/job/ship-cmd_3.json").json()
    assert (job["description"], job["status"], job["origin"]) == (
        "ship order 789 (cmd_3)",
        "failed",
        LIFECYCLE,
    )


def test_the_requeue_button_moves_a_dead_letter_to_its_queue(board: TestClient, connection: Redis) -> None:
    assert board.post("/job/ship-cmd_3/requeue", headers=OWN_PAGE).json() == {"status": "OK"}
    queue = queue_of(LIFECYCLE, connection)
    assert "ship-cmd_3" in queue.get_job_ids()
    assert queue.failed_job_registry.get_job_ids() == []


def test_requeueing_by_a_get_is_refused(board: TestClient, connection: Redis) -> None:
    answer = board.get(f"/requeue/{LIFECYCLE}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert queue_of(LIFECYCLE, connection).failed_job_registry.count == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
        {"Referer": "http://127.0.0.1:9999/"},
    ],
)
def test_a_change_asked_for_by_another_page_is_refused(
    board: TestClient, connection: Redis, headers: dict[str, str]
) -> None:
    assert board.post("/job/ship-cmd_3/requeue", headers=headers).status_code == 403
    assert queue_of(LIFECYCLE, connection).failed_job_registry.count == 1


def test_a_foreign_host_name_is_refused_so_that_no_rebound_name_gets_in(board: TestClient) -> None:
    assert board.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_no_page_shows_where_redis_is(board: TestClient, redis_url: str) -> None:
    place = redis_url.removeprefix("redis://").split("/")[0]
    assert place not in board.get("/").text


def test_beyond_loopback_it_starts_only_with_a_password_and_asks_for_it(redis_url: str) -> None:
    env = {"ORDERWIRE_REDIS_URL": redis_url, "ORDERWIRE_HOST": "0.0.0.0"}  # noqa: S104 - what is tested
    with pytest.raises(SettingsError, match="ORDERWIRE_DASHBOARD_PASSWORD"):
        create_dashboard(load_settings(env, partial=True))
    env["ORDERWIRE_DASHBOARD_PASSWORD"] = "pass-word"
    with TestClient(create_dashboard(load_settings(env, partial=True)), HERE) as client:
        assert client.get("/").status_code == 401
        assert client.get("/", auth=("any", "wrong")).status_code == 401
        assert client.get("/", auth=("any", "pass-word")).status_code == 200
        assert client.get("/livez").status_code == 200
