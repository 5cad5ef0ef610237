"""Everything that a configuration is read from, beside its text: variables, files with secrets, and pictures. Pure.

The same text with the same sources, read by the same program, means the same, so it need not be read again.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

VARIABLES, SECRETS, PICTURES = "variables", "secrets", "pictures"

Names = Mapping[str, Sequence[str]]
"""The names of the sources, by kind: variables of the environment, and paths."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one configuration: their names, and a hash of all they held that tells nobody any of it."""

    names: Names
    mark: str


class Reader(Mapping[str, str]):
    """An environment whose files can be read too. It notes what it was asked for."""

    def __init__(
        self, env: Mapping[str, str], read: Callable[[Path], str], look: Callable[[Path], bytes]
    ) -> None:
        self._env, self._read, self._look = env, read, look
        self._asked: dict[str, set[str]] = {VARIABLES: set(), SECRETS: set(), PICTURES: set()}

    def __getitem__(self, name: str) -> str:
        self._asked[VARIABLES].add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)

    def read(self, path: Path) -> str:
        """Return the text of a file with a secret."""
        self._asked[SECRETS].add(str(path))
        return self._read(path)

    def look(self, path: Path) -> bytes:
        """Return the content of a picture."""
        self._asked[PICTURES].add(str(path))
        return self._look(path)

    def sources(self, text: str, program: str, key: str) -> Sources:
        """Return the sources of a text that was read from here. `key` is secret."""
        names = {kind: sorted(asked) for kind, asked in self._asked.items()}
        return Sources(names, self.mark(text, names, program, key))

    def mark(self, text: str, names: Names, program: str, key: str) -> str:
        """Return the mark of a text with the sources of these names, as they are now."""
        seen = {
            "program": program,
            "text": _hash(text.encode("utf-8", "surrogatepass")),
            VARIABLES: [(name, self._env.get(name)) for name in names[VARIABLES]],
            SECRETS: [(path, self._secret(path)) for path in names[SECRETS]],
            PICTURES: [(path, self._picture(path)) for path in names[PICTURES]],
        }
        return hmac.new(key.encode(), json.dumps(seen).encode(), sha256).hexdigest()

    def _secret(self, path: str) -> str | None:
        try:
            return self._read(Path(path))
        except (OSError, ValueError):
            return None

    def _picture(self, path: str) -> str | None:
        try:
            return _hash(self._look(Path(path)))
        except (OSError, ValueError):
            return None


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
