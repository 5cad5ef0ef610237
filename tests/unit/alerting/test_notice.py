"""Notices as a whole."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import notice
from alerting.notice import SMS_LIMIT, TITLE_LIMIT, NoticeKind
from alerting.recap import Recap
from tests.unit.alerting.subjects import AT, FAILED, INCIDENT, failed, one_job, subject


def test_a_page_can_be_acknowledged_and_an_end_cannot() -> None:
    assert notice.compose(subject(), AT).ack_url == "https://h.example/answer/token"
    assert notice.compose(subject(NoticeKind.RECOVERED), AT).ack_url is None


def test_a_short_text_says_what_and_since_when() -> None:
    page = notice.compose(subject(), AT)
    assert page.short == (
        "CRITICAL us-housekeeping: 4 of 11 jobs silent. "
        "daily-cpu-reset: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)"
    )


def test_a_runbook_is_a_link_if_it_is_a_url() -> None:
    def page(runbook: str) -> notice.Notice:
        return notice.compose(one_job(job=failed("backup", facts=replace(FAILED, runbook=runbook))), AT)

    assert page("https://wiki.example/backup").runbook_url == "https://wiki.example/backup"
    assert page("Call the data team").runbook_url is None
    assert page("https://wiki.example/ and call us").runbook_url is None


def test_the_output_of_the_job_whose_last_words_are_told_goes_along() -> None:
    facts = replace(FAILED, output="copying\ndisk full")
    page = notice.compose(one_job(job=failed("backup", facts=facts)), AT)
    assert (page.output_of, page.output) == ("backup", "copying\ndisk full")


@pytest.mark.parametrize("kind", list(NoticeKind)[:4])
def test_titles_and_short_texts_keep_their_limits(kind: NoticeKind) -> None:
    long = replace(INCIDENT, title="a very long name of a host that somebody gave to it " * 5)
    again = subject(kind, incident=long, words="+2 " * 50, step=3, recap=Recap(4, AT - timedelta(hours=1)))
    composed = notice.compose(again, AT)
    assert len(composed.title) <= TITLE_LIMIT
    assert len(composed.short) <= SMS_LIMIT
    assert "\n" not in composed.title
