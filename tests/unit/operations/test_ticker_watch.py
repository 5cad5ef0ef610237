"""The watch over the ticker: looks are counted, not time. Processes of their own end by it."""

import subprocess
import sys
import textwrap

from heartbeat.operations.ticker_watch import MISSED, MISSED_AFTER, TickerWatch

LOOKS = MISSED * MISSED_AFTER


def test_a_ticker_that_does_not_move_is_stuck_after_three_missed_ticks() -> None:
    watch = TickerWatch()
    watch.moved()
    assert [watch.stuck() for _ in range(LOOKS + 1)] == [False] * LOOKS + [True]


def test_a_long_tick_that_moves_is_not_stuck() -> None:
    watch = TickerWatch()
    for look in range(10 * LOOKS):
        if look % (LOOKS - 1) == 0:
            watch.moved()
        assert not watch.stuck()


def test_a_process_that_was_stopped_has_missed_one_look_and_not_an_hour_of_them() -> None:
    """Nothing here knows the time: what lies between two looks does not count."""
    watch = TickerWatch()
    for _ in range(LOOKS - 1):
        assert not watch.stuck()
    watch.moved()
    assert not watch.stuck()


def run(work: str) -> "subprocess.CompletedProcess[str]":
    program = f"""
        import logging, re, sys, threading, time
        from heartbeat.operations.ticker_watch import TickerWatch
        logging.basicConfig(format="%(levelname)s %(message)s")
        watch = TickerWatch(look_every=0.05, looks=4, held_bound=0.5)
        watch.begin()
        def move():
            for _ in range(10):
                watch.moved()
                time.sleep(0.05)
        {work}
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )


def test_a_process_whose_ticker_is_stuck_ends_and_says_where_it_was() -> None:
    ended = run("move(); time.sleep(3600)")
    assert ended.returncode == 1
    assert (
        "CRITICAL the ticker has not moved for 0.2 s: the process ends, so that it is started" in ended.stderr
    )
    assert "<module> (<string>:" in ended.stderr


def test_a_process_that_can_no_longer_log_ends_all_the_same() -> None:
    ended = run("logging.getLogger().handlers[0].acquire(); time.sleep(3600)")
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_process_in_which_nothing_else_gets_a_turn_ends_with_the_stack_of_its_threads() -> None:
    """A regular expression lets no other thread run: the watch cannot look any more."""
    ended = run("re.match('(a+)+$', 'a' * 60 + 'b')")
    assert ended.returncode < 0
    assert 'File "<string>"' in ended.stderr


def test_a_process_that_stops_watching_goes_on() -> None:
    ended = run("move(); watch.stop(); time.sleep(0.5); print('on')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "on\n", "")
