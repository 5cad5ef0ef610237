"""Secrets by reference: `${NAME}` is an environment variable, `${file:PATH}` the content of a file.

The configuration and the database hold only references. The secrets are filled in at the last moment, where they are
used. The environment and the reader of files, by default `read_file`, are arguments.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
PATTERN = rf"\$\{{(?:{_NAME}|file:[^{{}}]+)\}}"
"""One reference as a regular expression, also for JSON Schema."""

_REFERENCE = re.compile(PATTERN)
# Everything that begins like a reference. Text that only resembles one is a mistake, never a literal.
_OPENED = re.compile(rf"{PATTERN}|\$\{{")


def read_file(path: Path) -> str:
    """Return the text of a file with a secret: UTF-8, whatever the locale is. The mark of some editors is left out."""
    return path.read_text(encoding="utf-8-sig")


class Absent(ValueError):
    """The secret behind a reference is not here. Its one sentence names the reference."""

    def __init__(self, reference: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reference = reference


def is_reference(text: str) -> bool:
    """Return True if the whole text is one reference, which anybody may see."""
    return _REFERENCE.fullmatch(text) is not None


def fill_in(
    text: str, env: Mapping[str, str], read: Callable[[Path], str], whose: str = "the environment"
) -> str:
    """Return the text with every reference replaced by its secret, without a line end after it.

    Raises `Absent` if a variable is unset or empty, or a file is unreadable or empty, and ValueError if `${` does not
    begin a reference. The one sentence names the reference, never a secret. `whose` says whose environment `env` is.
    """
    return _OPENED.sub(lambda match: _secret(match[0], env, read, whose), text)


def _secret(reference: str, env: Mapping[str, str], read: Callable[[Path], str], whose: str) -> str:
    if reference == "${":
        raise ValueError("'${' begins no reference; write ${NAME} or ${file:PATH}.")
    inside = reference[2:-1]
    if inside.startswith("file:"):
        return _content(reference, Path(inside.removeprefix("file:")), read)
    if inside not in env:
        raise Absent(reference, f"{reference} is not set in {whose}; set it there or write ${{file:PATH}}.")
    value = _without_line_end(env[inside])
    if not value:
        raise Absent(reference, f"{reference} is set in {whose}, but empty; give it its value.")
    return value


def _content(reference: str, path: Path, read: Callable[[Path], str]) -> str:
    try:
        content = _without_line_end(read(path))
    except UnicodeDecodeError:
        raise Absent(reference, f"{reference} cannot be read: it is not text in UTF-8.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise Absent(reference, f"{reference} cannot be read: {why}.") from None
    if not content:
        raise Absent(reference, f"{reference} is an empty file; write the secret into it.")
    return content


def _without_line_end(text: str) -> str:
    """Return a secret without the line end that programs which write files put after it."""
    return text.removesuffix("\n").removesuffix("\r")
