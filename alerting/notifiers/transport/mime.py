"""How a mail is put on the wire. Pure.

Sources: RFC 5322 (lines), RFC 2047, section 5 (where an encoded word may stand), RFC 2369
and RFC 8058 (List-Unsubscribe).
"""

from email.policy import SMTP, EmailPolicy

_MACHINES = frozenset(
    {"message-id", "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post"}
)


class _OnePiece(EmailPolicy):
    """Folds as its parent does, but leaves whole what machines read: these may hold no encoded word.

    The parent makes one of whatever is longer than a line and has no blank in it, such as a link.
    """

    def fold(self, name: str, value: str) -> str:
        """A header as text."""
        if name.lower() in _MACHINES:
            return f"{name}: {value}{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it is sent."""
        if name.lower() in _MACHINES:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


# Seven bits pass through every server, with no extension to ask for.
POLICY = _OnePiece(linesep=SMTP.linesep, cte_type="7bit")
"""For every mail that is sent."""
