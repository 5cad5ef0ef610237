"""The console: the views of people who sign in. Each room says which role each of its views needs."""

from fastapi import APIRouter

from heartbeat.http.console import stream
from heartbeat.http.console.account import invitation, oidc, second_factor, sign_in, users
from heartbeat.http.console.account import keys as key_pages
from heartbeat.http.console.account import own as own_account
from heartbeat.http.console.announcements import pages as announcement_pages
from heartbeat.http.console.audit import pages as audit_pages
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.checks import form as check_form
from heartbeat.http.console.checks import list as check_list
from heartbeat.http.console.checks import page as check_page
from heartbeat.http.console.checks import rules as check_rules
from heartbeat.http.console.checks import unexpected as unexpected_pings
from heartbeat.http.console.checks import unusual as unusual_runs
from heartbeat.http.console.incidents import handing as incident_handing
from heartbeat.http.console.incidents import many as many_incidents
from heartbeat.http.console.incidents import pages as incident_pages
from heartbeat.http.console.incidents import regroup as incident_regroup
from heartbeat.http.console.maintenance import form as maintenance_form
from heartbeat.http.console.maintenance import pages as maintenance_pages
from heartbeat.http.console.on_call import (
    calendars,
    catch_all_form,
    channel_form,
    codes,
    devices,
    person_form,
    policy_form,
    rotation_form,
    rotations,
    team_form,
)
from heartbeat.http.console.on_call import pages as on_call_pages
from heartbeat.http.console.on_call import report as page_report
from heartbeat.http.console.request import signed_in
from heartbeat.http.context import Context
from heartbeat.http.pages import render

ROOMS = (
    check_list,
    bulk,
    check_form,
    check_page,
    check_rules,
    unexpected_pings,
    unusual_runs,
    incident_pages,
    incident_handing,
    incident_regroup,
    many_incidents,
    maintenance_pages,
    maintenance_form,
    on_call_pages,
    codes,
    devices,
    calendars,
    person_form,
    channel_form,
    team_form,
    policy_form,
    catch_all_form,
    rotations,
    rotation_form,
    page_report,
    announcement_pages,
    stream,
    own_account,
    second_factor,
    users,
    key_pages,
    audit_pages,
)


def router(context: Context) -> APIRouter:
    """Return the routes of the console."""
    routes = APIRouter()
    for room in ROOMS:
        for path, (role, view) in room.READING.items():
            routes.add_route(path, signed_in(context, view, role), methods=["GET"], include_in_schema=False)
        for path, (role, view) in room.ACTING.items():
            routes.add_route(path, signed_in(context, view, role), methods=["POST"], include_in_schema=False)
    routes.add_route("/static/{name}", render.static, methods=["GET"], include_in_schema=False)
    routes.include_router(sign_in.router(context))
    routes.include_router(invitation.router(context))
    routes.include_router(oidc.router(context))
    return routes
