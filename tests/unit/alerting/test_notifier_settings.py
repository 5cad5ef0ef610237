"""The stored settings of notifiers, and their owners."""

from sqlalchemy import Connection

from alerting import notifier_settings
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from tests.unit.conftest import NOW

ENTERED = Setup({"token": "${TOKEN}"}, Origin.API, NOW, "anna")


def test_a_setup_comes_back_as_it_was_entered(db: Connection) -> None:
    notifier_settings.put(db, "ntfy", Setup({}, Origin.API, NOW, "ben"))
    notifier_settings.put(db, "ntfy", ENTERED)
    assert notifier_settings.load(db) == {"ntfy": ENTERED}
    notifier_settings.remove(db, "ntfy")
    assert notifier_settings.load(db) == {}


def test_an_origin_replaces_its_own_setups_and_takes_over_the_kinds_it_names(db: Connection) -> None:
    notifier_settings.put(db, "ntfy", ENTERED)
    notifier_settings.put(db, "webhook", ENTERED)
    notifier_settings.replace(db, {"email": {"from": "a"}, "webhook": {}}, Origin.FILE)
    assert notifier_settings.load(db) == {
        "email": Setup({"from": "a"}),
        "ntfy": ENTERED,
        "webhook": Setup({}),
    }
    notifier_settings.replace(db, {}, Origin.FILE)
    assert notifier_settings.load(db) == notifier_settings.load(db, Origin.API) == {"ntfy": ENTERED}
