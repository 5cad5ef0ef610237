"""What an announcement concerns, as a form has it: lines, and back."""

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from heartbeat.http.console.announcements import fields as announcement_fields
from heartbeat.status.announcement import Affected
from heartbeat.status.health import Health

US = Affected("CPU allowance", Health.DELAYED, ("us",))
EU = Affected("CPU allowance", Health.STOPPED, ("eu",))
MAIL = Affected("Mail", Health.PARTLY)

PARTS = st.builds(
    Affected,
    st.sampled_from(["CPU allowance", "Mail", "Web"]),
    st.sampled_from([Health.DELAYED, Health.PARTLY, Health.STOPPED, Health.NORMAL]),
    st.lists(st.sampled_from(["us", "eu"]), unique=True).map(tuple),
)


def sent(*rows: tuple[str, str, str], **more: str) -> FormData:
    """A form as a browser sends it."""
    fields = [pair for row in rows for pair in zip(("component", "region", "health"), row, strict=True)]
    return FormData([*fields, *more.items()])


@given(st.lists(PARTS, max_size=8))
def test_what_a_form_shows_comes_back_as_it_was(affected: list[Affected]) -> None:
    shown = [(one.component, one.region, one.health.name) for one in announcement_fields.lines(affected)]
    chosen = announcement_fields.typed(sent(*shown), ())
    assert announcement_fields.mark(chosen) == announcement_fields.mark(affected)
    assert not announcement_fields.touched(sent(*shown, shown=announcement_fields.mark(affected)), chosen)


def test_each_component_and_region_has_its_own_health() -> None:
    form = sent(
        ("CPU allowance", "us", "DELAYED"),
        ("CPU allowance", "eu", "STOPPED"),
        ("Mail", "", "PARTLY"),
        ("", "", ""),
    )
    assert announcement_fields.typed(form, ()) == (US, EU, MAIL)


def test_regions_that_do_alike_are_told_together() -> None:
    form = sent(("Mail", "us", "DELAYED"), ("Mail", "eu", "DELAYED"), ("Mail", "us", "DELAYED"))
    assert announcement_fields.typed(form, ()) == (Affected("Mail", Health.DELAYED, ("us", "eu")),)


def test_a_form_without_lines_changes_nothing() -> None:
    many = tuple(Affected(f"Part {number}", Health.DELAYED) for number in range(announcement_fields.MOST + 1))
    assert announcement_fields.lines(many) == ()
    assert announcement_fields.typed(sent(), many) == many
    assert not announcement_fields.touched(sent(), ())


def test_somebody_has_chosen_where_the_form_says_otherwise_than_it_had_shown() -> None:
    mark = announcement_fields.mark([US])
    for rows in (
        [("CPU allowance", "us", "STOPPED")],
        [("", "us", "DELAYED")],
        [("CPU allowance", "", "DELAYED")],
    ):
        form = sent(*rows, shown=mark)
        assert announcement_fields.touched(form, announcement_fields.typed(form, ()))


def test_what_no_form_of_ours_would_send_is_delayed_everywhere() -> None:
    form = FormData([("component", "Mail"), ("health", "UNKNOWN"), ("component", "Web")])
    assert announcement_fields.typed(form, ()) == (
        Affected("Mail", Health.DELAYED),
        Affected("Web", Health.DELAYED),
    )
