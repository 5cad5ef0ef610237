"""Something that goes on beside a test."""

import threading
from collections.abc import Callable
from typing import Self


class Meanwhile:
    """Work in a thread of its own while a `with` lasts. It looks now and then whether that is `over`."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.over = threading.Event()
        self._thread = threading.Thread(target=work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()
