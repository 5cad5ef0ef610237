"""Unknown query parameters are refused: a misspelt filter must not silently select everything."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from heartbeat.definitions.document import SHOWN, suggestion
from heartbeat.http.problem import Unacceptable


async def only_known(request: Request) -> None:
    """Check that the route knows every query parameter. Raises `Unacceptable`."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    parameters = _parameters(route)
    for name in request.query_params:
        if name not in parameters:
            label = name[:SHOWN] if name.isprintable() else repr(name[:SHOWN])
            raise Unacceptable(f"{label}: is not a known parameter; {suggestion(name, parameters)}")


def _parameters(route: APIRoute) -> frozenset[str]:
    names: set[str] = set()
    dependants: list[Dependant] = [route.dependant]
    while dependants:
        dependant = dependants.pop()
        names |= {param.alias for param in dependant.query_params}
        dependants += dependant.dependencies
    return frozenset(names)
