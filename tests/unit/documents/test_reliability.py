"""docs/reliability.md has the method and the figures of every proof."""

from pathlib import Path

import pytest

from tests.proof.runner import SUBJECTS

DOCUMENT = Path(__file__).parents[3] / "docs" / "reliability.md"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_proof_is_described_with_its_command(subject: str) -> None:
    assert f"python -m tests.proof {subject}\n" in DOCUMENT.read_text()
