"""The one thread that writes a SQLite file, and the line before it."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from heartbeat.writing_thread import WritingThread


@pytest.fixture
def thread() -> Iterator[WritingThread]:
    made = WritingThread("test")
    yield made
    made.shutdown(cancel_futures=True)


def test_whoever_comes_first_waits_for_the_running_work_alone(thread: WritingThread) -> None:
    done: list[str] = []
    running, go_on = threading.Event(), threading.Event()

    def run() -> None:
        running.set()
        go_on.wait(10)
        done.append("running")

    first = thread.submit(run)
    running.wait(10)
    others = [thread.submit(done.append, name) for name in ("sweep", "pages")]
    pings = [thread.first.submit(done.append, name) for name in ("ping", "next ping")]
    go_on.set()
    for future in (first, *others, *pings):
        future.result(10)
    assert done == ["running", "ping", "next ping", "sweep", "pages"]


def test_work_that_was_cancelled_is_left_out_and_a_fault_goes_to_whoever_waits(thread: WritingThread) -> None:
    done: list[str] = []
    go_on = threading.Event()
    held = thread.submit(go_on.wait, 10)
    cancelled, faulty, last = (
        thread.submit(done.append, "no"),
        thread.submit(int, "x"),
        thread.submit(len, "ab"),
    )
    assert cancelled.cancel()
    go_on.set()
    assert (held.result(10), last.result(10), done) == (True, 2, [])
    with pytest.raises(ValueError, match="invalid literal"):
        faulty.result(10)


def test_at_a_stop_what_has_not_begun_is_cancelled(thread: WritingThread) -> None:
    go_on = threading.Event()
    thread.submit(go_on.wait, 10)
    waiting = thread.first.submit(len, "ab")
    thread.shutdown(wait=False, cancel_futures=True)
    go_on.set()
    with pytest.raises(CancelledError):
        waiting.result(10)
