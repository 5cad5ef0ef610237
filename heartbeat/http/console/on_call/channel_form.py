"""The form of a channel: a room that several people read."""

from heartbeat import installation
from heartbeat.definitions.edit.people import CHANNEL, is_secret
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm
from heartbeat.http.console.on_call import kinds, person_form
from heartbeat.http.console.on_call.person_fields import ChannelFields

FORM = DefinitionForm(
    kind=CHANNEL,
    folder="/on-call",
    section="channels",
    template="on_call/channel_form.html",
    blank=lambda db, _now: ChannelFields(timezone=installation.timezone(db)),
    typed=ChannelFields.typed,
    filled=lambda channel: ChannelFields.of(channel, is_secret),
    entered=ChannelFields.entered,
    title=lambda channel: channel.name,
    deletion="Nothing is sent there any more, and its contacts are deleted. Past pages stay in the timelines.",
    facts=lambda _db, _request, _filled: {"kinds": kinds.installed()},
    vet=person_form.vet,
)

READING = definition_form.reading(FORM)
ACTING = definition_form.acting(FORM)
