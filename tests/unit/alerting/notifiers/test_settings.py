"""Checks of addresses and settings before anything is sent."""

import pytest

from alerting.notifiers.registry import BUILT_IN
from alerting.notifiers.settings import refuse_unknown, web_address

KEY = "0123456789abcdef0123456789ABCDEF"
KINDS = {notifier.kind: notifier for notifier in BUILT_IN}


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("alertmanager", "http://alertmanager-0:9093 http://user:pass@alertmanager-1:9093/prefix"),
        ("alertmanager", "https://${USER}:${PASSWORD}@alertmanager.example.com"),
        ("apprise", "pover://${USER}@${TOKEN}"),
        ("console", "terminal"),
        ("webhook", "https://hooks.example.com/a"),
        ("webhook", "http://[::1]:8080/a?b=c"),
        ("webhook", "${HOOK}"),
        ("webhook", "https://hooks.example.com/${file:/run/secrets/hook}"),
        ("email", "anna@example.com"),
        ("email", "first.last+tag@mail.example.co.uk"),
        ("email", "root@localhost"),
        ("email", "${MAIL}"),
        ("ntfy", "https://ntfy.sh/ops-pages"),
        ("ntfy", "https://user:pass@ntfy.example.com:8443/ops_pages"),
        ("ntfy", "https://ntfy.sh/${TOPIC}"),
        ("slack", "https://hooks.slack.com/services/T0/B0/x"),
        ("slack", "${SLACK}"),
        ("discord", "https://discord.com/api/webhooks/1/x?thread_id=2"),
        ("discord", "${DISCORD}"),
        (
            "teams",
            "https://x.api.powerplatform.com/powerautomate/automations/direct/workflows/1/triggers/manual",
        ),
        ("matrix", "!AbCdEf:example.com"),
        ("matrix", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
        ("opsgenie", "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab"),
        ("mattermost", "https://mattermost.example.com/hooks/wc3p8rk5wjyjik4b1q9qxg9uto"),
        ("mattermost", "wc3p8rk5wjyjik4b1q9qxg9uto"),
        ("signal", "+4915112345678"),
        ("signal", "group.bXlncm91cC1vZi1vcHM="),
        ("signal", "${NUMBER}"),
        ("teams", "${file:/run/secrets/teams}"),
        ("pagerduty", KEY),
        ("pagerduty", "${file:/run/secrets/pagerduty}"),
    ],
)
def test_a_right_address_is_right(kind: str, address: str) -> None:
    assert KINDS[kind].wrong_address(address) is None


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("alertmanager", " "),
        ("alertmanager", "http://alertmanager-0:9093 alertmanager-1:9093"),
        ("apprise", "pushover"),
        ("apprise", "://"),
        ("console", " "),
        ("webhook", "hooks.example.com/a"),
        ("webhook", "htps://hooks.example.com/${HOOK}"),
        ("webhook", "https://"),
        ("webhook", "https://a\n.example.com"),
        ("email", "anna"),
        ("email", "Anna <anna@example.com>"),
        ("email", "anna@example.com, bert@example.com"),
        ("email", "anna@example.com\nBcc: bert@example.com"),
        ("email", "anna@example.com\n"),
        ("email", ".anna@example.com"),
        ("email", "änna@example.com"),
        ("email", "anna@"),
        ("ntfy", "https://ntfy.sh"),
        ("ntfy", "https://ntfy.sh/"),
        ("ntfy", "https://ntfy.sh/a/b"),
        ("ntfy", "https://ntfy.sh/ops pages"),
        ("ntfy", "https://ntfy.sh/ops?auth=x"),
        ("ntfy", "ops-pages"),
        ("slack", "#ops"),
        ("discord", "#ops"),
        ("teams", "ops@example.com"),
        ("matrix", "#ops:example.com"),
        ("matrix", "@anna:example.com"),
        ("matrix", "!ops room"),
        ("mattermost", "town-square"),
        ("opsgenie", KEY),
        ("signal", "0151 12345678"),
        ("signal", "group.x"),
        ("pagerduty", KEY + "0"),
        ("pagerduty", "${HALF}" + KEY[:16]),
    ],
)
def test_a_wrong_address_is_told_in_one_sentence(kind: str, address: str) -> None:
    wrong = KINDS[kind].wrong_address(address)
    assert wrong is not None
    assert wrong.startswith("the address must be ")


def test_a_url_in_the_configuration_may_hold_placeholders() -> None:
    assert str(web_address("https://x.test/${A}/${B}")) == "https://x.test/0/0"


def test_a_typing_error_in_a_settings_name_is_refused() -> None:
    with pytest.raises(ValueError, match="tokn is not a setting here; the settings are: token, url"):
        refuse_unknown({"tokn": "x"}, ["url", "token"])
