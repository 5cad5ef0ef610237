"""What the simulation needs around each test: no logging to a terminal, and no files left behind."""

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.simulation.disk import Disk
from tests.simulation.night import Night
from tests.simulation.verdict import Verdict


@pytest.fixture(scope="session", autouse=True)
def _disks() -> Iterator[None]:
    """Disks live in memory for the whole session, and their files end with it."""
    yield
    Disk.throw_away()


@pytest.fixture
def nights() -> Iterator[list[Night]]:
    """Nights that are judged at the end of the test."""
    begun: list[Night] = []
    yield begun
    for night in begun:
        night.advance(minutes=5)
        Verdict(night.referee).give()
        night.world.machine.close()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Worlds keep the service's errors themselves; and the collector would be half of a run's time."""
    loggers = [logging.getLogger(name) for name in ("heartbeat", "alerting")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
        logger.propagate = False
    gc.disable()
    yield
    gc.enable()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
        logger.propagate = True
