"""The affected components of an announcement as lines of a form, and back."""

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
    """Return a form as a browser sends it."""
    fields = [pair for row in rows for pair in zip(("component", "region", "health"), row, strict=True)]
    return FormData([*fields, *more.items()])


@given(st.lists(PARTS, max_size=8))
def test_an_untouched_form_changes_nothing(affected: list[Affected]) -> None:
    rows = [(line.component, line.region, line.health.name) for line in announcement_fields.lines(affected)]
    typed = announcement_fields.typed(sent(*rows), ())
    fingerprint = announcement_fields.fingerprint(affected)
    assert announcement_fields.fingerprint(typed) == fingerprint
    assert not announcement_fields.changed(sent(*rows, shown=fingerprint), typed)


def test_each_component_and_region_has_its_own_health() -> None:
    form = sent(
        ("CPU allowance", "us", "DELAYED"),
        ("CPU allowance", "eu", "STOPPED"),
        ("Mail", "", "PARTLY"),
        ("", "", ""),
    )
    assert announcement_fields.typed(form, ()) == (US, EU, MAIL)


def test_regions_with_the_same_health_are_merged() -> None:
    form = sent(("Mail", "us", "DELAYED"), ("Mail", "eu", "DELAYED"), ("Mail", "us", "DELAYED"))
    assert announcement_fields.typed(form, ()) == (Affected("Mail", Health.DELAYED, ("us", "eu")),)


def test_a_form_without_lines_changes_nothing() -> None:
    many = tuple(
        Affected(f"Part {number}", Health.DELAYED) for number in range(announcement_fields.MAX_LINES + 1)
    )
    assert announcement_fields.lines(many) == ()
    assert announcement_fields.typed(sent(), many) == many
    assert not announcement_fields.changed(sent(), ())


def test_a_form_with_other_components_than_it_was_loaded_with_is_changed() -> None:
    fingerprint = announcement_fields.fingerprint([US])
    for rows in (
        [("CPU allowance", "us", "STOPPED")],
        [("", "us", "DELAYED")],
        [("CPU allowance", "", "DELAYED")],
    ):
        form = sent(*rows, shown=fingerprint)
        assert announcement_fields.changed(form, announcement_fields.typed(form, ()))


def test_unknown_or_missing_fields_mean_delayed_everywhere() -> None:
    form = FormData([("component", "Mail"), ("health", "UNKNOWN"), ("component", "Web")])
    assert announcement_fields.typed(form, ()) == (
        Affected("Mail", Health.DELAYED),
        Affected("Web", Health.DELAYED),
    )
