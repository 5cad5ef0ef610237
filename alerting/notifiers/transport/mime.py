"""The form of a mail on the wire. Pure.

Every header is written here as it goes out. The library's own messages read encoded words in the text of a header, and
so could make a new header of them. They also lose spaces and quotes where they fold.

Sources: RFC 5322 (lines and folds), RFC 2047 (encoded words, and where they may stand), RFC 2369 and RFC 8058
(List-Unsubscribe).
"""

import re
from email.header import Header
from email.headerregistry import Address
from email.policy import SMTP, EmailPolicy

_LINE = 76
"""Characters of a line that holds encoded words, at most."""
_LONGEST = 900
"""Characters of a name that is quoted in one piece. A line has 998 at most."""
_PLAIN = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_WRITTEN = re.compile(r"[ -~]*(?:\r\n [!-~][ -~]*)*")


def text(name: str, words: str) -> str:
    """Return the value of the header `name` that is read as these words, in one line. Half characters become "?"."""
    line = _one_line(words)
    fits = len(f"{name}: {line}") <= _LINE
    return line if fits and _is_literal(line) else _encoded(name, line)


def mailbox(name: str, address: Address) -> str:
    """Return the value of the header `name` that is read as this address and its display name."""
    line, where = _one_line(address.display_name).strip(), address.addr_spec
    if not line:
        return where
    if not _is_literal(line) or len(line) > _LONGEST:
        phrase = _encoded(name, line)
    elif _ATOMS.fullmatch(line):
        phrase = line
    else:
        # A quoted name is never folded: some readers lose its quotes, and see an address at each comma.
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", line) + '"'
    fits = len(f"{name}: {phrase} <{where}>") <= _LINE
    return f"{phrase} <{where}>" if fits else f"{phrase}\r\n <{where}>"


def _one_line(words: str) -> str:
    return " ".join(words.expandtabs(1).splitlines()).encode("utf-8", "replace").decode()


def _is_literal(line: str) -> bool:
    """Return whether every reader reads this line as it stands."""
    return _PLAIN.fullmatch(line) is not None and "=?" not in line


def _encoded(name: str, line: str) -> str:
    """Return a line as encoded words from its first to its last character."""
    # Two characters less, because the library counts a line without its space.
    return Header(line, "utf-8", maxlinelen=_LINE - 2, header_name=name).encode(linesep="\r\n")


class _AsWritten(EmailPolicy):
    """Stores and writes each header as it is given."""

    def header_store_parse(self, name: str, value: str) -> tuple[str, str]:
        if not _WRITTEN.fullmatch(value):
            raise ValueError(f"{name} must be ASCII, in lines that begin with a space")
        return name, value

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - the library's signature
        return value

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


# Seven bits pass through every server, with no extension to ask for.
POLICY = _AsWritten(linesep=SMTP.linesep, cte_type="7bit")
"""The policy of every mail."""
