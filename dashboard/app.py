"""What `panel serve` runs for each visitor: the page, on the one store of the process."""

from typing import Final

import panel as pn
from bokeh.application.application import SessionContext

from dashboard.accounts import COOKIE, accounts
from dashboard.look import PAGE_CSS
from dashboard.session import Session
from dashboard.store import shared
from dashboard.work import here

HEAD: Final = """
{% block postamble %}<meta name="viewport" content="width=device-width, initial-scale=1">{% endblock %}
"""


def serve() -> None:
    """Gives the visitor a page, which follows the store from its arrival in the browser until the visitor leaves."""
    pn.extension(raw_css=[PAGE_CSS], theme="dark")
    cookie = pn.state.cookies.get(COOKIE)
    session = Session(shared(), lambda: accounts().visitor(cookie))

    def leave(session_context: SessionContext) -> None:  # noqa: ARG001 - Bokeh prescribes the argument and its name
        session.leave()

    pn.state.onload(session.follow)
    pn.state.on_session_destroyed(leave)
    if pn.state.location is not None:
        pn.state.location.sync(session.frame, {"active": "tab"})
    session.view.servable(title="Scalp")
    here().template = HEAD  # type: ignore[assignment]  # Bokeh's setter takes text too


serve()
