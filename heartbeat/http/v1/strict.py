"""What nobody asked for is refused: a parameter that is misspelt must not be a filter that is left out."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from heartbeat.definitions.document import SHOWN, suggestion
from heartbeat.http.problem import Unacceptable


async def only_known(request: Request) -> None:
    """Every parameter of the query must be one that the route takes. Raises `Unacceptable`."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = _parameters(route)
    for name in request.query_params:
        if name not in known:
            shown = name[:SHOWN] if name.isprintable() else repr(name[:SHOWN])
            raise Unacceptable(f"{shown}: is not known here; {suggestion(name, known)}")


def _parameters(route: APIRoute) -> frozenset[str]:
    found: set[str] = set()
    left: list[Dependant] = [route.dependant]
    while left:
        one = left.pop()
        found |= {param.alias for param in one.query_params}
        left += one.dependencies
    return frozenset(found)
