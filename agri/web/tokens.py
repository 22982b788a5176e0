"""Tokens for programs, made and revoked by the person whose programs they are."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError
from agri.people import ReadToken
from agri.web.read_tokens import digest_of, fresh_token
from agri.web.signing_in import show_account
from agri.web.visit import Routes, visit_of


def make_token(request: Request) -> Response:
    """Make a token and show it, this once."""
    visit = visit_of(request)
    token = fresh_token()
    try:
        visit.desk.farm.people.add_token(
            ReadToken(person_uid=visit.who.uid, name=visit.form.get("name", ""),
                      digest=digest_of(token), created_utc=visit.desk.now())
        )  # fmt: skip
    except AgriError as error:
        return show_account(request, wrong=error.text(visit.language), status=400)
    return show_account(request, made=token)


def remove_token(request: Request, uid: str) -> Response:
    """Revoke one of one's own tokens."""
    visit = visit_of(request)
    visit.desk.farm.people.drop_token(visit.who.uid, uid)
    return RedirectResponse("/account", status_code=303)


ROUTES: Routes = [
    ("POST", "/account/tokens", make_token),
    ("POST", "/account/tokens/{uid}/remove", remove_token),
]
