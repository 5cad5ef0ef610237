"""The one thread that writes a SQLite file. Whoever comes `first` waits for the running work alone."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Queue = deque[tuple["Future[Any]", Callable[[], Any]]]


class WritingThread(ThreadPoolExecutor):
    """Does one work after another. What is submitted to `first` goes before everything that waits."""

    def __init__(self, name: str) -> None:
        super().__init__(1, name)
        self._first: _Queue = deque()
        self._others: _Queue = deque()
        self.first = _First(self)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        return self._put(self._others, partial(fn, *args, **kwargs))

    def submit_first(self, work: Callable[[], T]) -> "Future[T]":
        """Do the same as `submit`, ahead of everything else."""
        return self._put(self._first, work)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for future, _ in [*self._first, *self._others]:
                future.cancel()
        super().shutdown(wait)

    def _put(self, queue: _Queue, work: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        queue.append((future, work))
        super().submit(self._next)
        return future

    def _next(self) -> None:
        future, work = (self._first or self._others).popleft()
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # as in any executor: it is for whoever waits for the result
            future.set_exception(error)


class _First(Executor):
    """The head of the line before a thread."""

    def __init__(self, thread: WritingThread) -> None:
        self._thread = thread

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        return self._thread.submit_first(partial(fn, *args, **kwargs))
