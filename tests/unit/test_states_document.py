from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from app.cli.main import app

STATES = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_states_document_says_what_the_rules_say(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["docs", "states", "--check", "--file", str(STATES)]).exit_code == 0
    made = tmp_path / "states.md"
    assert CliRunner().invoke(app, ["docs", "states", "--file", str(made)]).exit_code == 0
    assert made.read_text() == STATES.read_text()


def test_a_stale_states_document_is_named(tmp_path: Path) -> None:
    stale = tmp_path / "states.md"
    stale.write_text("# old\n")
    result = CliRunner().invoke(app, ["docs", "states", "--check", "--file", str(stale)])
    assert result.exit_code == 1
    assert "orderwire docs states" in result.stderr
