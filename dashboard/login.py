"""The door of the page, as `panel serve --auth-module` takes it: nothing behind it is shown without a login.

A cookie is sent by no other site's page and read by no script; a form that another site's page sends is refused.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Final
from urllib.parse import urlparse, urlsplit

from bokeh.server.util import check_allowlist
from tornado.escape import xhtml_escape
from tornado.web import RequestHandler

from dashboard.accounts import COOKIE, COOKIE_HOURS, TRIES, TRIES_SECONDS, Visitor, accounts
from dashboard.look import BACK, EDGE, FONT, LOSS, PANEL, QUIET, TEXT

login_url: Final = "/login"
logout_url: Final = "/logout"
LONGEST: Final = 200
log = logging.getLogger("dashboard.login")

PAGE: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in - Scalp</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: {BACK}; color: {TEXT};
  font: 15px/1.4 {FONT}; color-scheme: dark; }}
form {{ width: min(320px, 100vw - 32px); box-sizing: border-box; display: grid; gap: 14px; padding: 26px;
  background: {PANEL}; border: 1px solid {EDGE}; border-radius: 8px; }}
h1 {{ margin: 0; font-size: 15px; letter-spacing: .14em; }} label {{ display: grid; gap: 4px; color: {QUIET}; }}
input, button {{ font: inherit; color: {TEXT}; background: {BACK}; border: 1px solid {EDGE}; border-radius: 4px;
  padding: 9px 10px; }}
button {{ background: #2456a6; border-color: #2456a6; font-weight: 600; cursor: pointer; }}
p {{ margin: 0; color: {LOSS}; }} p:empty {{ display: none; }} small {{ color: {QUIET}; }}
</style></head><body><form method="post"><h1>SCALP</h1>
<label>Account <input name="name" autocomplete="username" value="%(name)s" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required autofocus></label>
<p role="alert">%(why)s</p><button>Log in</button>
<small>operator steers, viewer looks on. The passwords were told where the page was first started.</small>
</form></body></html>
"""


def get_user(handler: RequestHandler) -> str | None:
    """The account of a request, None without a valid cookie: then Bokeh refuses page, data and socket."""
    visitor = accounts().visitor(handler.get_cookie(COOKIE))
    return None if visitor is None else visitor.name


class LoginHandler(RequestHandler):
    """The form, and what comes of it."""

    def set_default_headers(self) -> None:
        """Nothing keeps the page, nothing frames it, nothing runs on it."""
        self.set_header("Cache-Control", "no-store")
        own = "style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        self.set_header("Content-Security-Policy", f"default-src 'none'; {own}")

    def get(self) -> None:
        """The form."""
        self._show("operator", "")

    async def post(self) -> None:
        """Lets the visitor in, or says why not."""
        if not self._from_here():
            self._refuse(HTTPStatus.FORBIDDEN, "", "This form was sent by another site's page.")
            return
        name, password = (self.get_body_argument(key, "")[:LONGEST] for key in ("name", "password"))
        found = await asyncio.get_running_loop().run_in_executor(None, accounts().enter, name, password)
        if isinstance(found, Visitor):
            hours = COOKIE_HOURS / 24
            said = accounts().cookie(found)
            self.set_cookie(COOKIE, said, expires_days=hours, httponly=True, samesite="Strict", path="/")
            log.info("%s logged in from %s", found.name, self.request.remote_ip)
            self.redirect(_within(self.get_query_argument("next", "/")))
            return
        log.warning("a login as %r from %s was refused", name, self.request.remote_ip)
        if found:
            why = f"{TRIES} wrong tries in {TRIES_SECONDS:.0f} s: locked for {found:.0f} s more."
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, name, why)
        else:
            self._refuse(HTTPStatus.UNAUTHORIZED, name, "Wrong account or password.")

    def _refuse(self, status: HTTPStatus, name: str, why: str) -> None:
        self.set_status(status)
        self._show(name, why)

    def _show(self, name: str, why: str) -> None:
        self.finish(PAGE % {"name": xhtml_escape(name), "why": xhtml_escape(why)})

    def _from_here(self) -> bool:
        """Whether the form was sent by a page of an allowed address; a browser always says so."""
        origin = urlparse(self.request.headers.get("Origin", "")).netloc.lower()
        return check_allowlist(origin, list(self.application.websocket_origins))  # type: ignore[attr-defined]  # it is Bokeh's application


class LogoutHandler(RequestHandler):
    """Ends a login in all its tabs; a link on another site's page does not, as it brings no cookie."""

    def get(self) -> None:
        """Goes to the form."""
        accounts().leave(self.get_cookie(COOKIE))
        self.clear_cookie(COOKIE, path="/")
        self.redirect(login_url)


def _within(path: str) -> str:
    """The path where it leads into this server, else its root: a login never leads elsewhere."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    return path if inside and path.isprintable() else "/"
