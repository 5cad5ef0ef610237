"""How people can be reached: contacts and notifiers' settings, judged by what each notifier says of itself.

Settings and addresses are kept as they are written. Their references are filled in only to see that they can
be, and that the notifier takes what comes out; no sentence shows what that is.
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

_SETTING = entry.paragraphs(entry.MAX_ADDRESS)
_REFERENCE = re.compile(secret.PATTERN)


class Reach:
    """The notifiers that are installed, with the settings that the file gives them.

    `in_clear` is whether secrets may be given in clear: not in the file, which others read.
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
        """The settings of each notifier, as written."""
        return {kind: self._settings(kind, node) for kind, node in entries.items() if self._known(kind, node)}

    def contact(self, node: Node) -> Contact | None:
        """One way to reach somebody, as written; None where it is wrong."""
        if not isinstance(node.value, dict) or len(node.value) != 1:
            node.wrong("must be one notifier and its address, such as {email: anna@example.com}.")
            return None
        ((kind, at),) = node.value.items()
        address = at.as_(entry.line(entry.MAX_ADDRESS), None) if self._known(kind, at) else None
        if address is None:
            return None
        if self._kinds[kind].secret_address and not (self._in_clear or secret.is_reference(address)):
            at.wrong(IN_CLEAR)
        elif (filled := at.as_(self._fill_in, None)) is not None:
            self._judge(kind, at, address, filled)
        return Contact(kind, address)

    def _known(self, kind: str, node: Node) -> bool:
        if kind not in self._kinds:
            node.wrong(f"there is no notifier {kind[:40]!r}; {suggestion(kind, self._kinds)}")
        return kind in self._kinds

    def _settings(self, kind: str, node: Node) -> dict[str, str]:
        self._lacking[kind] = None
        found = {name: one.as_(_SETTING, "") for name, one in node.fields().items()}
        filled = {name: self._filled(kind, name, one, found[name]) for name, one in node.fields().items()}
        named = [entry.right(one, name, entry.label) for name, one in node.fields().items()]
        given = {name: text for name, text in filled.items() if text is not None}
        if all(named) and len(given) == len(filled) and (fault := self._fault(kind, given)):
            node.wrong(self._discreet(fault, found.values()))
        return found

    def _filled(self, kind: str, name: str, node: Node, text: str) -> str | None:
        in_clear = self._in_clear or secret.is_reference(text)
        if name in self._kinds[kind].secret_settings and not in_clear:
            node.wrong(IN_CLEAR)
            return None
        return node.as_(self._fill_in, None)

    def _judge(self, kind: str, node: Node, address: str, filled: str) -> None:
        """The notifier judges an address as it is written and as it will be used."""
        wrong = self._kinds[kind].wrong_address
        if fault := _asked(lambda: wrong(address) or wrong(filled)):
            node.wrong(self._discreet(fault, [address]))
        if kind not in self._lacking:
            self._lacking[kind] = self._fault(kind, {})
        if lacking := self._lacking[kind]:
            node.wrong(f"needs its settings under notifiers.{kind}: {_sentence(lacking)}")

    def _fault(self, kind: str, settings: Mapping[str, str]) -> str | None:
        """What the notifier says against these settings."""

        def build() -> None:
            self._kinds[kind].configured(settings, self._http)

        return _asked(build)

    def _discreet(self, words: str, written: Iterable[str]) -> str:
        """A sentence in which any secret is put back to its reference."""
        for reference in {found for text in written for found in _REFERENCE.findall(text)}:
            words = words.replace(self._fill_in(reference), reference)
        return _sentence(words)


def _asked(ask: Callable[[], str | None]) -> str | None:
    """What a notifier says, also by raising."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - A plugin is foreign code: it can raise anything.
        return str(error) or type(error).__name__


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."
