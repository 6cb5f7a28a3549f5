"""Control paths of the sandbox, which no vendor has.

Belongs here: health, the record of what destinations received, faults on demand. Does not belong here: anything a
production client may call.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox.faults import FaultPlan
from uam_platform.simulation.sandbox.received import Journal


def routes(journals: Mapping[str, Journal], plan: FaultPlan) -> list[BaseRoute]:
    """Build `/healthz`, `/_received/{destination}` and `/_faults`."""

    def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def received(request: Request) -> Response:
        journal = journals.get(request.path_params["destination"])
        if journal is None:
            return JSONResponse({"error": f"unknown destination; known are {', '.join(journals)}"}, 404)
        return JSONResponse(journal.entries())

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            plan.clear()
        elif request.method == "POST":
            try:
                plan.extend(FaultPlan.from_json((await request.body()).decode()))
            except (ValueError, TypeError) as problem:
                return JSONResponse({"error": str(problem)}, 400)
        return JSONResponse(plan.pending())

    return [
        Route("/healthz", health),
        Route("/_received/{destination}", received),
        Route("/_faults", faults, methods=["GET", "POST", "DELETE"]),
    ]
