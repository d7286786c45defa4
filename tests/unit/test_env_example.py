"""The example file and the settings say the same, both ways."""

from __future__ import annotations

import re
from pathlib import Path

from app.settings import Settings, load_settings, variable_names

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SHOWN = dict(re.findall(r"^# (ORDERWIRE_[A-Z_]+)=(.*)$", EXAMPLE.read_text(), flags=re.MULTILINE))


def test_the_example_lists_every_setting_and_no_other() -> None:
    assert sorted(SHOWN) == sorted(variable_names())


def test_the_example_shows_the_defaults() -> None:
    assert load_settings(SHOWN, partial=True) == Settings()


def test_every_setting_with_a_default_shows_it() -> None:
    blank = {name for name, value in SHOWN.items() if not value}
    optional = {
        f"ORDERWIRE_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.default in (None, ())
    }
    assert blank == optional
