from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_states_document_says_what_the_rules_say() -> None:
    made = subprocess.run(
        [sys.executable, "docs/generate_states.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout == (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
