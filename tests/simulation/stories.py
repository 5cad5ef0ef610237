"""Stories that must notice the planted mutants: each is a run of which the referee knows the end."""

from itertools import permutations

from tests.simulation import belated, mutants, omissions
from tests.simulation.moments import Near
from tests.simulation.mutants import Mutant
from tests.simulation.process import Point
from tests.simulation.providers import Ill, Slip
from tests.simulation.scenario import (
    Answers,
    ComesLater,
    Dies,
    Edits,
    Event,
    FallsSilent,
    GoesBad,
    Maintains,
    Merges,
    Pings,
    Presses,
    Reports,
    Restaffs,
    Restarts,
    Runs,
    Scenario,
    Splits,
)

ALPHA, BRAVO, CHARLIE = "alpha-reset", "bravo-backup", "charlie-report"
DELTA, ECHO = "delta-mail", "echo-import"
FOXTROT, GOLF, XRAY = "foxtrot-sync", "golf-poll", "xray-scan"
JULIET = "juliet-join"


def story(
    *acts: tuple[float | Near, Event], running: tuple[str, ...] = (ALPHA, DELTA), minutes: float = 17
) -> Scenario:
    """What happens, so many minutes in whatever weather it made, and then a few fine ones."""
    return Scenario((*acts, (minutes * 60, Runs(ECHO))), running, calm=3.0)


SILENCE = story((60, FallsSilent(ALPHA)), (0, FallsSilent(DELTA)), minutes=40)
NOTHING_EVER_HEARD = story(running=(), minutes=25)
DEATH_BEFORE_SENDING = story((60, Pings(DELTA, "fail")), (5, Dies(Point.BEFORE_SEND, 0, 3.0)), minutes=5)
DEATHS_AFTER_COMMITS = [
    story((60, Pings(DELTA, "fail")), (9, Dies(Point.AFTER_COMMIT, skip)), minutes=3) for skip in range(12)
]
BROKEN_CONTACT = story((60, GoesBad("third/1", Ill.BROKEN, 60)), (0, Pings(DELTA, "fail")), minutes=12)
RATE_LIMIT = story((60, GoesBad("third/1", Ill.LIMITED, 5, 60)), (0, Pings(DELTA, "fail")), minutes=12)
ONE_BROKEN_ONE_WELL = story(
    (60, GoesBad("first/1", Ill.BROKEN, 30)), (0, Pings(ALPHA, "fail")), (0, Pings(DELTA, "fail")), minutes=8
)
DEAD_CONTACT = story((400, GoesBad("first/1", Ill.GONE, 60)), (0, Pings(CHARLIE, "fail")), minutes=14)
# BRAVO falls silent at 17 minutes, CHARLIE at 66, and ALPHA, which is worse, at the time of its last run and 11.
WORSE = story(
    (60, FallsSilent(BRAVO)),
    (17 * 60, Answers("acknowledge", minutes=240)),
    (60, FallsSilent(ALPHA)),
    running=(ALPHA, BRAVO, DELTA),
    minutes=40,
)
JOINER = story(
    (60, FallsSilent(ALPHA)),
    (12 * 60, Answers("acknowledge", minutes=240)),
    running=(ALPHA, DELTA),
    minutes=40,
)
RETURN = story(
    (400, Pings(CHARLIE, "fail")),
    (60, Pings(CHARLIE)),
    (60, Pings(CHARLIE, "fail")),
    running=(DELTA,),
    minutes=12,
)
RECOVERY = story((400, Pings(CHARLIE, "fail")), (60, Pings(CHARLIE)), running=(DELTA,), minutes=12)
QUIET = story(
    (60, Pings(ALPHA, "fail")),
    (0, Pings(DELTA, "fail")),
    (30, Answers("snooze", 0, minutes=2)),
    (0, Answers("acknowledge", 1, minutes=5)),
    minutes=8,
)
MAINTENANCE = story((60, Maintains("eu", 30)), (0, FallsSilent(DELTA)), minutes=45)
SILENCED = story((60, Maintains("eu", 30, "silence")), (0, FallsSilent(DELTA)), minutes=45)
RECURRING = story((60, Maintains("eu", 30, "weekly")), (0, FallsSilent(DELTA)), minutes=45)
GIVEN_BACK = story(
    (60, Pings(ALPHA, "fail")),
    (30, Answers("acknowledge", minutes=120)),
    (60, Answers("take over", minutes=240, by="second")),
    (60, Answers("withdraw")),
    minutes=12,
)
MERGED = story(
    (60, Pings(ALPHA, "fail")),
    (5, Pings(BRAVO, "fail")),
    (30, Merges()),
    running=(DELTA,),
    minutes=12,
)
OLD_BUTTON = story(
    (60, Pings(ALPHA, "fail")),
    (30, Answers("acknowledge", minutes=2)),
    (150, Answers("acknowledge", minutes=120, late=1)),
    minutes=4,
)
PAUSE = story((60, Edits("pause", DELTA)), (0, FallsSilent(DELTA)), (60, Edits("resume", DELTA)), minutes=25)
RESTART = story((60, FallsSilent(DELTA)), (60, Restarts()), minutes=25)
DOWNTIME = story((60, FallsSilent(DELTA)), (60, Dies(None, None, 1200.0)), minutes=25)
REPAIR_OVERRUNS = story((60, Pings(ECHO, "fail")), (60, Pings(ECHO, "start")), minutes=7)
REPAIR_MOVES_AGAIN = Scenario(
    (
        (60, Pings(JULIET, "fail")),
        (90, Reports(JULIET, None, moves=True)),
        (150, Reports(JULIET, None, moves=True)),
    ),
    (),
    "exacting",
)
SILENCE_OF_ALL = Scenario((), (), "chained", calm=13.0)
REPAIR_WITHOUT_A_WORD = Scenario(((60, Pings("papa-port", "start")),), (), "exacting")

# FIRST is paged for ALPHA, which is critical: by a provider that reports, and a minute later by another one.
STEPS = Scenario(((60, Pings(ALPHA, "fail")), (240, Runs(ECHO))), (DELTA,), "stepped")
LOST_REPORT = Scenario(
    ((60, GoesBad("third/1", Slip.LOST, 60)), (0, Pings(DELTA, "fail")), (200, Runs(ECHO))), (), "stepped"
)
# SECOND and THIRD sleep from 4 and 8 minutes on.
NIGHT = Scenario(((600, Pings(ALPHA, "fail")), (200, Runs(ECHO))), (DELTA,), "stepped", calm=6.0)
ANSWERED_IN_TIME = Scenario(
    ((60, Pings(ALPHA, "fail")), (25, Answers("acknowledge", minutes=30)), (200, Runs(ECHO))),
    (DELTA,),
    "stepped",
)

# ALPHA, ECHO and GOLF page by a round of three, XRAY and DELTA by a policy whose warnings wait from 3:00 until 3:12.
ROUND = Scenario(
    ((60, Pings(ALPHA, "fail")), (30, Pings(ECHO, "fail")), (20, Pings(GOLF, "fail")), (420, Runs(BRAVO))),
    (),
    "turned",
)
CLOSED = Scenario(((60, Pings(XRAY, "fail")), (5, Pings(DELTA, "fail"))), (ALPHA,), "turned", calm=26.0)
UNREACHED = Scenario(((60, Pings(FOXTROT, "fail")),), (), "turned", calm=8.0)
HANDED_ON = story(
    (60, Pings(ALPHA, "fail")),
    (30, Answers("acknowledge", minutes=120)),
    (60, Answers("reassign")),
    minutes=12,
)
TAKEN_APART = story((60, FallsSilent(ALPHA)), (25 * 60, Splits()), running=(ALPHA, DELTA), minutes=12)
UNDELIVERED = Scenario(
    ((60, GoesBad("third/1", Slip.UNDELIVERED, 60)), (0, Pings(DELTA, "fail")), (200, Runs(ECHO))),
    (),
    "stepped",
)
# In the evening's rotation nobody is on call before 9 minutes, and the primary one hands over at 20.
EMPTY_SCHEDULE = Scenario(((60, Pings(DELTA, "fail")), (120, Runs(ECHO))), (), "turns")
HANDOVER = Scenario(((25 * 60, Pings(ALPHA, "fail")), (120, Runs(ECHO))), (ALPHA, DELTA), "turns")
ON_LEAVE = Scenario(
    ((60, Restaffs("leave")), (0, Pings(ALPHA, "fail")), (120, Runs(ECHO))), (DELTA,), "turns"
)
PRESSED_TWICE = story((60, Pings(ALPHA, "fail")), (30, Presses()), (60, Presses()), minutes=3)
PRESSED_LATE = story(
    (60, Pings(ALPHA, "fail")), (30, Pings(ALPHA)), (240, Presses()), running=(DELTA,), minutes=3
)
MANY_AT_ONCE = story(
    (60, Pings(ALPHA, "fail")), (0, Pings(BRAVO, "fail")), (0, Pings(CHARLIE, "fail")), minutes=12
)
BLIND = story((60, Dies(None, None, 900.0)), minutes=17)
FIRST_TASK_FAILS = [
    story((60, Pings(DELTA, "fail")), (9, Dies(Point.BEFORE_COMMIT, skip)), minutes=5) for skip in range(6)
]
# DELTA is a warning, and waits for 3:12. Somebody wants it paged before, and in that second hours are edited.
WISH_AND_EDIT: tuple[Event, Event] = Answers("page next"), Restaffs("hours", 7)
# Which transaction comes first is by the seed.
WANTED_AND_EDITED = [
    Scenario(
        ((60, Pings(DELTA, "fail")), (30, first), (0, then), (60, Runs(ALPHA))), (ALPHA,), "turned", seed
    )
    for seed in range(2)
    for first, then in permutations(WISH_AND_EDIT)
]
# THIRD sleeps until 3:30, and DELTA's policy has working hours until 3:06.
WANTED_FROM_A_SLEEPER = Scenario(
    (
        (540, Restaffs("hours", 4)),
        (5, Pings(DELTA, "fail")),
        (30, Answers("page next")),
        (1000, Runs(ALPHA)),
    ),
    (ALPHA,),
    "stepped",
    calm=8.0,
)
HANDED_BACK = Scenario(
    (
        (60, Pings(DELTA, "fail")),
        (30, Answers("reassign")),
        (30, Answers("acknowledge", minutes=2)),
        (150, Answers("reassign")),
        (60, Runs(ALPHA)),
    ),
    (ALPHA,),
    "turned",
)

# Nobody hears GOLF while it is due, and the lost ping comes later.
UNHEARD = story(
    (300, Dies(None, None, 240.0)),
    (30, Pings(GOLF)),
    (240, ComesLater(GOLF)),
    (5, ComesLater(GOLF)),
    running=(ALPHA,),
    minutes=4,
)
NOBODY_WAS_AWAY = story((300, Pings(GOLF, ago=240.0)), running=(ALPHA,), minutes=4)
KNOWN_SINCE = story(
    (300, Dies(None, None, 60.0)),
    (30, Pings(GOLF, "fail")),
    (5, Pings(FOXTROT, "fail")),
    (60, Pings(FOXTROT)),
    (5, ComesLater(FOXTROT)),
    running=(ALPHA,),
    minutes=4,
)
# FOXTROT failed before, and is due each 8 minutes.
DEAD_SINCE = story(
    (60, Pings(FOXTROT, "fail")),
    (30, Dies(None, None, 60.0)),
    (30, Pings(FOXTROT)),
    (700, ComesLater(FOXTROT)),
    running=(ALPHA,),
    minutes=4,
)

STORIES: dict[Mutant, list[Scenario]] = {
    mutants.marked_before_sending: [DEATH_BEFORE_SENDING],
    mutants.the_turn_never_advances: [ROUND],
    mutants.the_turn_is_forgotten: [ROUND],
    mutants.critical_incidents_wait_for_working_hours: [CLOSED],
    mutants.what_waits_for_working_hours_is_muted: [CLOSED],
    mutants.warnings_do_not_wait: [CLOSED],
    mutants.the_catch_all_is_not_paged: [UNREACHED],
    mutants.dropped_after_three_tries: [BROKEN_CONTACT],
    mutants.dropped_by_a_rate_limit: [RATE_LIMIT],
    mutants.a_server_error_counts_as_sent: [BROKEN_CONTACT],
    mutants.one_failure_cancels_the_others: [ONE_BROKEN_ONE_WELL],
    mutants.the_policy_ends: [SILENCE],
    mutants.an_acknowledged_incident_swallows_what_is_worse: [WORSE],
    mutants.a_recovery_is_told_at_once: [RETURN],
    mutants.what_returns_does_not_continue: [RETURN],
    mutants.what_recovers_never_ends: [RECOVERY],
    mutants.nobody_is_told_who_joins: [JOINER],
    mutants.what_is_quiet_is_never_looked_at_again: [QUIET],
    mutants.maintenance_consumes_the_edge: [RECURRING, MAINTENANCE],
    mutants.unmuting_consumes_the_edge: [SILENCED],
    mutants.a_withdrawn_answer_leaves_no_next_action: [GIVEN_BACK],
    mutants.a_merge_drops_a_symptom: [MERGED],
    mutants.what_was_paused_is_disarmed: [PAUSE],
    mutants.what_was_never_pinged_never_alarms: [NOTHING_EVER_HEARD],
    mutants.a_restart_disarms: [RESTART],
    mutants.an_outage_erases_missed_deadlines: [DOWNTIME],
    mutants.runs_are_followed_only_while_all_is_well: [REPAIR_OVERRUNS, REPAIR_MOVES_AGAIN],
    mutants.a_run_that_moves_again_makes_all_well: [REPAIR_MOVES_AGAIN],
    mutants.children_page_by_themselves: [SILENCE_OF_ALL],
    mutants.children_wait_whoever_hears_of_their_parents: [SILENCE_OF_ALL],
    mutants.a_run_that_never_reports_is_waited_for: [REPAIR_WITHOUT_A_WORD],
    mutants.an_old_answer_silences_the_new_occurrence: [OLD_BUTTON],
    mutants.pages_live_in_memory: DEATHS_AFTER_COMMITS,
    mutants.silence_is_decided_but_not_raised: [SILENCE],
    mutants.a_dead_contact_is_tried_for_ever: [DEAD_CONTACT],
    mutants.an_unanswered_page_goes_nowhere: [STEPS],
    mutants.a_lost_receipt_counts_as_delivered: [LOST_REPORT],
    mutants.quiet_hours_hold_everything: [NIGHT],
    mutants.a_later_contact_is_paged_although_somebody_answered: [ANSWERED_IN_TIME],
    omissions.a_limit_for_each_person_drops_the_rest: [MANY_AT_ONCE],
    omissions.undelivered_counts_as_sent: [UNDELIVERED],
    omissions.an_empty_schedule_waits_its_whole_delay: [EMPTY_SCHEDULE],
    omissions.a_failed_first_task_is_seen_by_nobody: FIRST_TASK_FAILS,
    omissions.what_could_not_be_heard_counts_as_silence: [BLIND],
    omissions.whoever_is_handed_an_incident_is_not_paged: [HANDED_ON],
    omissions.a_split_leaves_no_next_action: [TAKEN_APART],
    omissions.who_is_on_call_is_remembered: [HANDOVER],
    omissions.a_leave_is_forgotten: [ON_LEAVE],
    omissions.an_edit_takes_back_what_somebody_wants_now: WANTED_AND_EDITED,
    omissions.what_somebody_wants_waits_for_work_once_they_wake: [WANTED_FROM_A_SLEEPER],
    omissions.what_is_due_counts_as_paged: WANTED_AND_EDITED,
    omissions.whoever_had_it_is_not_paged_again: [HANDED_BACK],
    belated.what_comes_late_counts_from_its_arrival: [UNHEARD],
    belated.whoever_names_a_time_is_believed: [NOBODY_WAS_AWAY],
    belated.what_is_sent_again_is_another_run: [UNHEARD],
    belated.an_old_ping_overrules_what_is_known_since: [KNOWN_SINCE],
    belated.an_old_success_revives_what_has_died_since: [DEAD_SINCE],
    omissions.an_answer_given_twice_holds_longer: [PRESSED_TWICE],
    omissions.a_late_answer_revives_what_is_over: [PRESSED_LATE],
}
"""Which stories must notice which mutant."""
