"""A notifier from outside the house, as small as one can be: it appends each title to a file."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Unreachable


class CarrierPigeon:
    """Flies to the file that the address names."""

    kind: ClassVar[str] = "carrier-pigeon"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """A pigeon knows no settings. Raises ValueError for any."""
        if settings:
            raise ValueError(f"{min(settings)} is not a setting of a pigeon")
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """The address is a path."""
        return None if address else "the address must be the path of a file"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Append the title as one line. Unreachable where the file cannot be written."""
        try:
            # A disk can be slow, and the loop is everybody's: hence the thread.
            await asyncio.to_thread(_append, Path(contact.address), notice.title + "\n")
        except OSError:
            return Unreachable("the pigeon came back with its letter")
        return Accepted("landed")


def _append(roof: Path, letter: str) -> None:
    with roof.open("a", encoding="utf-8") as letters:
        letters.write(letter)
