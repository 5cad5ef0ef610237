"""Commands ask the serving process, and say in words why it does not answer."""

from pathlib import Path

import pytest

from heartbeat.operations import serving_process
from heartbeat.operations.serving_process import Failed
from heartbeat.settings import Settings


async def test_a_process_that_does_not_answer_is_told_in_words(tmp_path: Path, unused_tcp_port: int) -> None:
    settings = Settings(data_dir=tmp_path, admin_key="an-admin-key-1234567890")
    where = f"127.0.0.1:{unused_tcp_port}"
    with pytest.raises(Failed) as failure:
        await serving_process.ask(f"http://{where}", settings, "GET", "/v1/checks")
    assert str(failure.value) == (
        f"The serving process at http://{where} did not answer: connection refused by {where}. Run heartbeat doctor."
    )
