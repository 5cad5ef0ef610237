"""The types of an ASGI application, for routes outside of the web framework."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ACTOR: Final = "actor"
"""The key in the `state` of a request for its caller, if that is known by an API key before the body is read."""
