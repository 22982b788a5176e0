"""The first owner, signing in and out, passwords, and the people of the farm.

Theory of operation. A farm without people can only be set up, on the computer itself, by whoever
can read the key in its terminal. From then on that page is closed. Names and passwords that do not
fit get one and the same sentence, after the same time. After signing in the browser has a new
value; the old one was never worth anything.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, BadInput
from agri.names import clean, same
from agri.people import Person, Role
from agri.web.pages import keep_cookie, page, when
from agri.web.passwords import setup_key
from agri.web.visit import (
    LANGUAGE_COOKIE,
    LONGEST_TOLD,
    Routes,
    Turned,
    Visit,
    cookie_name,
    visit_of,
    write_down,
)
from agri.words import LANGUAGES, Message

YEAR_S = 365 * 86_400


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=303)


def _local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _new_password(visit: Visit) -> str:
    """Return the hash of a password typed twice."""
    if visit.form.get("password", "") != visit.form.get("again", ""):
        raise BadInput("error.passwords_differ")
    return visit.desk.passwords.hash_of(visit.form.get("password", ""))


def tried(visit: Visit, name: str) -> str:
    """Return under which name tries are counted.

    Those made on the computer itself are counted on their own, or a stranger on the Wi-Fi could
    keep the owner out of it by trying without end.
    """
    return f"{same(name)} {'here' if _local(visit.address) else 'elsewhere'}"


def patient(visit: Visit, name: str) -> None:
    """Count a try of a password, before it is looked at.

    Raises
    ------
    Turned
        When there were too many: then it is not looked at.
    """
    wait_s = visit.desk.patience.try_now(tried(visit, name), visit.address)
    if wait_s > 0.0:
        raise Turned(429, "page.web_wait", seconds=int(wait_s) + 1)


def _signed_in(request: Request, visit: Visit, person: Person) -> Response:
    response = _to("/")
    visit.desk.sessions.end(request.cookies.get(cookie_name(request), ""))
    keep_cookie(request, response, visit.desk.sessions.begin(person), signed_in=True)
    keep_cookie(request, response, "", signed_in=False)
    return response


# ------------------------------------------------------------------ the first owner


def setup_page(request: Request) -> Response:
    """Show the form that sets the farm up, on the computer itself, while there is nobody."""
    visit = visit_of(request)
    if visit.desk.farm.people.all():
        return _to("/sign-in")
    if not _local(visit.address):
        raise Turned(403, "page.web_setup_elsewhere")
    key = request.query_params.get("key", "")[:40]
    return page(request, visit, "setup", key=key, name="", wrong="")


def setup(request: Request) -> Response:
    """Enter the farm's owner."""
    visit = visit_of(request)
    if not _local(visit.address):
        raise Turned(403, "page.web_setup_elsewhere")
    patient(visit, "setup")
    key = visit.form.get("key", "").strip().lower()
    name = visit.form.get("name", "")
    try:
        if not hmac.compare_digest(key.encode(), visit.desk.setup_key.encode()):
            raise BadInput("error.setup_key")
        owner = Person(name=name, role=Role.OWNER, password_hash=_new_password(visit),
                       created_utc=visit.desk.now())  # fmt: skip
        write_down(visit, "owner_set", owner.name)
        stored = visit.desk.farm.people.add_first(owner)
    except BadInput as error:
        wrong = error.text(visit.language)
        return page(request, visit, "setup", status=400, key=key[:40], name=name[:80], wrong=wrong)
    visit.desk.patience.forgive(tried(visit, "setup"), visit.address)
    return _signed_in(request, visit, stored)


# ------------------------------------------------------------------ signing in and out


def sign_in_page(request: Request) -> Response:
    """Show the form to sign in with."""
    visit = visit_of(request)
    if not visit.desk.farm.people.all():
        return _to("/setup")
    return page(request, visit, "sign_in", name="", wrong="")


def sign_in(request: Request) -> Response:
    """Look at a name and a password, and begin a session."""
    visit = visit_of(request)
    name = clean(visit.form.get("name", ""))[:LONGEST_TOLD]
    patient(visit, name)
    person = visit.desk.farm.people.named(name)
    kept = person.password_hash if person else None
    right = visit.desk.passwords.is_right(visit.form.get("password", ""), kept)
    if person is None or not right:
        write_down(visit, "sign_in_failed", name)
        wrong = Message.of("error.sign_in").text(visit.language)
        return page(request, visit, "sign_in", status=403, name=name[:80], wrong=wrong)
    visit.desk.patience.forgive(tried(visit, name), visit.address)
    visit.person = person
    write_down(visit, "signed_in", visit.address)
    return _signed_in(request, visit, person)


def sign_out(request: Request) -> Response:
    """End this browser's session."""
    visit = visit_of(request)
    visit.desk.sessions.end(visit.cookie)
    response = _to("/sign-in")
    keep_cookie(request, response, "", signed_in=True)
    return response


def choose_language(request: Request, language: str) -> Response:
    """Keep the language chosen and go back to where one was."""
    if language not in LANGUAGES:
        raise Turned(404, "page.web_not_found")
    back = request.query_params.get("back", "/")
    response = _to(back if _own_path(back) else "/")
    response.set_cookie(
        LANGUAGE_COOKIE, language, max_age=YEAR_S, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def _own_path(path: str) -> bool:
    """Return whether a path leads to this server and nowhere else."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path.startswith("/") and not path.startswith("//") and plain


# ------------------------------------------------------------------ people


def people_page(request: Request) -> Response:
    """Show who may sign in."""
    return _people(request, wrong="")


def _people(
    request: Request, *, wrong: str = "", status: int = 200, whose: str = "", made: str = ""
) -> Response:
    visit = visit_of(request)
    people = [
        (one.uid, one.name, one.role.value, when(one.created_utc, visit.language))
        for one in visit.desk.farm.people.all()
    ]
    return page(request, visit, "people", status=status, people=people, wrong=wrong,
                whose=whose, made=made, roles=[role.value for role in Role])  # fmt: skip


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form.get("role", ""))
    except ValueError:
        raise BadInput("error.no_role") from None


def _done(request: Request, what: Callable[[], object]) -> Response:
    """Do something to people, and show them again, with a sentence when it could not be done."""
    try:
        what()
    except AgriError as error:
        return _people(request, wrong=error.text(visit_of(request).language), status=400)
    return _to("/people")


def add_person(request: Request) -> Response:
    """Enter somebody with a first password."""
    visit = visit_of(request)

    def add() -> None:
        person = Person(name=visit.form.get("name", ""), role=_role(visit), password_hash="",
                        created_utc=visit.desk.now())  # fmt: skip
        visit.desk.farm.people.add(replace(person, password_hash=_new_password(visit)))

    return _done(request, add)


def change_role(request: Request, uid: str) -> Response:
    """Give somebody another role, and end their sessions."""
    visit = visit_of(request)

    def change() -> None:
        visit.desk.farm.people.change(uid, role=_role(visit))
        visit.desk.sessions.end_all_of(uid)

    return _done(request, change)


def new_password(request: Request, uid: str) -> Response:
    """Give somebody who forgot theirs a password made of chance, and show it this once."""
    visit = visit_of(request)
    made = setup_key()
    try:
        hashed = visit.desk.passwords.hash_of(made)
        person = visit.desk.farm.people.change(uid, password_hash=hashed)
    except AgriError as error:
        return _people(request, wrong=error.text(visit.language), status=400)
    visit.desk.sessions.end_all_of(uid)
    return _people(request, whose=person.name, made=made)


def remove_person(request: Request, uid: str) -> Response:
    """Take somebody out, and end their sessions."""
    visit = visit_of(request)

    def remove() -> None:
        visit.desk.farm.people.remove(uid)
        visit.desk.sessions.end_all_of(uid)

    return _done(request, remove)


def account_page(request: Request) -> Response:
    """Show the form that changes one's own password."""
    return show_account(request)


def show_account(
    request: Request, *, wrong: str = "", made: str = "", status: int = 200
) -> Response:
    """Show one's account, with what was wrong, or the token just made, which nobody sees again."""
    visit = visit_of(request)
    tokens = [
        (one.uid, one.name, when(one.created_utc, visit.language))
        for one in visit.desk.farm.people.tokens(visit.who.uid)
    ]
    address = f"{str(request.base_url).rstrip('/')}/api/"
    return page(request, visit, "account", status=status, wrong=wrong, made=made, tokens=tokens,
                address=address)  # fmt: skip


def change_password(request: Request) -> Response:
    """Change one's own password; every other browser of the person signs in again."""
    visit = visit_of(request)
    patient(visit, visit.who.name)
    kept = visit.desk.farm.people.with_key(visit.who.uid)
    try:
        if kept is None or not visit.desk.passwords.is_right(
            visit.form.get("old", ""), kept.password_hash
        ):
            raise BadInput("error.old_password")
        person = visit.desk.farm.people.change(kept.uid, password_hash=_new_password(visit))
    except BadInput as error:
        wrong = error.text(visit.language)
        return show_account(request, wrong=wrong, status=400)
    visit.desk.patience.forgive(tried(visit, person.name), visit.address)
    visit.desk.sessions.end_all_of(person.uid)
    return _signed_in(request, visit, person)


ROUTES: Routes = [
    ("GET", "/setup", setup_page),
    ("POST", "/setup", setup),
    ("GET", "/sign-in", sign_in_page),
    ("POST", "/sign-in", sign_in),
    ("POST", "/sign-out", sign_out),
    ("GET", "/language/{language}", choose_language),
    ("GET", "/people", people_page),
    ("POST", "/people", add_person),
    ("POST", "/people/{uid}/role", change_role),
    ("POST", "/people/{uid}/password", new_password),
    ("POST", "/people/{uid}/remove", remove_person),
    ("GET", "/account", account_page),
    ("POST", "/account", change_password),
]
