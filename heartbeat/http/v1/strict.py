"""Unknown and repeated query parameters are refused: no filter may be dropped in silence."""

from collections import Counter

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from heartbeat.definitions.document import SHOWN, suggestion
from heartbeat.http.problem import Unacceptable
from heartbeat.safe_text import told


async def only_known(request: Request) -> None:
    """Check that the route knows every query parameter. Raises `Unacceptable`."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    parameters = _parameters(route)
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name in parameters and count > 1:
            raise Unacceptable(f"{name}: is given {count} times; give it once.")
        if name not in parameters:
            label = told(name[:SHOWN])
            raise Unacceptable(f"{label}: is not a known parameter; {suggestion(name, parameters)}")


def _parameters(route: APIRoute) -> frozenset[str]:
    names: set[str] = set()
    dependants: list[Dependant] = [route.dependant]
    while dependants:
        dependant = dependants.pop()
        names |= {param.alias for param in dependant.query_params}
        dependants += dependant.dependencies
    return frozenset(names)
