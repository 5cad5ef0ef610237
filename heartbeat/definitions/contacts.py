"""Contacts of people and settings of notifiers, judged by the rules of each notifier.

Settings and addresses are kept as written. Their references are resolved only to see that the notifier takes the
value. No sentence shows the value.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import httpx

from alerting.notifiers.contract import Notifier
from alerting.person import Contact
from heartbeat import secret
from heartbeat.definitions import entry
from heartbeat.definitions.document import Node, suggestion

IN_CLEAR = "is a secret; write it as ${NAME} or ${file:PATH}."

AFTER = "after"
"""The field of a contact beside its notifier: the time after which it is paged too."""

_SETTING = entry.paragraphs(entry.MAX_ADDRESS)
_REFERENCE = re.compile(secret.PATTERN)


class NotifierReader:
    """The installed notifiers, with the settings of the file.

    `in_clear` allows secrets in clear. The file, which others read, has references only.
    """

    def __init__(
        self, kinds: Mapping[str, type[Notifier]], fill_in: Callable[[str], str], in_clear: bool = False
    ) -> None:
        self._kinds = kinds
        self._in_clear = in_clear
        self._fill_in = fill_in
        # A notifier is built only to be judged. Nothing is ever sent through this.
        self._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
        self._lacking: dict[str, str | None] = {}

    def settings(self, entries: Mapping[str, Node]) -> dict[str, dict[str, str]]:
        """Return the settings of each notifier, as written."""
        return {
            kind: self._settings(kind, node)
            for kind, node in entries.items()
            if self._is_installed(kind, node)
        }

    def contact(self, node: Node) -> Contact | None:
        """Return a contact as written, or None if it has a problem."""
        ways = {name: at for name, at in node.fields().items() if name != AFTER} if _is_mapping(node) else {}
        if len(ways) != 1:
            node.report("must be one notifier and its address, such as {email: anna@example.com}.")
            return None
        ((kind, at),) = ways.items()
        after = node.read(AFTER, entry.between(entry.AFTER), None)
        address = at.as_(entry.line(entry.MAX_ADDRESS), None) if self._is_installed(kind, at) else None
        if address is None:
            return None
        if getattr(self._kinds[kind], "by_device", False):
            at.report(_sentence(self._kinds[kind].wrong_address(address) or ""))
        elif self._kinds[kind].secret_address and not (self._in_clear or secret.is_reference(address)):
            at.report(IN_CLEAR)
        elif (filled := at.as_(self._fill_in, None)) is not None:
            self._judge(kind, at, address, filled)
        return Contact(kind, address, after)

    def _is_installed(self, kind: str, node: Node) -> bool:
        if kind not in self._kinds:
            node.report(f"there is no notifier {kind[:40]!r}; {suggestion(kind, self._kinds)}")
        return kind in self._kinds

    def _settings(self, kind: str, node: Node) -> dict[str, str]:
        self._lacking[kind] = None
        settings = {name: setting.as_(_SETTING, "") for name, setting in node.fields().items()}
        filled = {
            name: self._filled(kind, name, setting, settings[name]) for name, setting in node.fields().items()
        }
        names_fit = [entry.right(setting, name, entry.label) for name, setting in node.fields().items()]
        usable = {name: text for name, text in filled.items() if text is not None}
        if all(names_fit) and len(usable) == len(filled) and (fault := self._fault(kind, usable)):
            node.report(self._discreet(fault, settings.values()))
        return settings

    def _filled(self, kind: str, name: str, node: Node, text: str) -> str | None:
        in_clear = self._in_clear or secret.is_reference(text)
        if name in self._kinds[kind].secret_settings and not in_clear:
            node.report(IN_CLEAR)
            return None
        return node.as_(self._fill_in, None)

    def _judge(self, kind: str, node: Node, address: str, filled: str) -> None:
        """Let the notifier judge an address as written and as resolved."""
        address_fault = self._kinds[kind].wrong_address
        if fault := _verdict(lambda: address_fault(address) or address_fault(filled)):
            node.report(self._discreet(fault, [address]))
        if kind not in self._lacking:
            self._lacking[kind] = self._fault(kind, {})
        if lacking := self._lacking[kind]:
            node.report(f"needs its settings under notifiers.{kind}: {_sentence(lacking)}")

    def _fault(self, kind: str, settings: Mapping[str, str]) -> str | None:
        """Return the notifier's complaint about these settings."""

        def build() -> None:
            self._kinds[kind].configured(settings, self._http)

        return _verdict(build)

    def _discreet(self, sentence: str, written: Iterable[str]) -> str:
        """Return a sentence with every secret put back to its reference."""
        for reference in {reference for text in written for reference in _REFERENCE.findall(text)}:
            sentence = sentence.replace(self._fill_in(reference), reference)
        return _sentence(sentence)


def _is_mapping(node: Node) -> bool:
    return isinstance(node.value, dict)


def _verdict(ask: Callable[[], str | None]) -> str | None:
    """Return a notifier's complaint, returned or raised."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - A plugin is foreign code: it can raise anything.
        return str(error) or type(error).__name__


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
