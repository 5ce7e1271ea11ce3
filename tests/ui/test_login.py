"""Without a login nothing is shown, asked or told; with one the page opens, until it is ended or tried too often."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from dashboard.accounts import COOKIE, Visitor
from flows.records.database import ensure, open_database
from tests.ui import running
from tests.ui.running import PageServer

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """A page on an empty database."""
    folder = tmp_path_factory.mktemp("login")
    database = open_database(f"sqlite:///{folder / 'records.db'}", create=True)
    ensure(database)
    database.dispose()
    page = PageServer(folder, f"sqlite:///{folder / 'records.db'}").ready()
    yield page
    page.end()


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def answer(url: str, **headers: str) -> tuple[int, str]:
    """Status of an answer, and where it leads."""
    opener = urllib.request.build_opener(Stay)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as said:
            return said.status, ""
    except urllib.error.HTTPError as said:
        with said:
            return said.code, said.headers.get("Location", "")


def socket(server: PageServer, origin: str, cookie: str) -> int:
    """Status with which the page's socket answers, 101 where it opens."""
    asked = {"Origin": origin, "Cookie": f"{COOKIE}={cookie}", "Upgrade": "websocket", "Connection": "Upgrade"}
    asked |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=10)) as line:
        line.request("GET", "/app/ws", headers=asked)
        return line.getresponse().status


def valid() -> str:
    return running.login().accounts.cookie(Visitor("operator"))


@pytest.mark.parametrize("path", ["/", "/app", "/app/autoload.js?bokeh-autoload-element=1", "/app/metadata"])
@pytest.mark.parametrize("cookie", ["", "operator", "2|1:0|10:1|11:scalp_login|8:b3BlcmF0b3I=|00"])
def test_without_a_login_no_address_shows_anything(server: PageServer, path: str, cookie: str) -> None:
    root = server.url.removesuffix("/app")
    code, place = answer(root + path, Cookie=f"{COOKIE}={cookie}")
    assert (code, place.partition("?")[0].lstrip(".")) == (HTTPStatus.FOUND, "/login")


def test_the_socket_opens_with_a_login_from_our_own_page_only(server: PageServer) -> None:
    own, root = valid(), server.url.removesuffix("/app")
    assert socket(server, root, own) == HTTPStatus.SWITCHING_PROTOCOLS
    assert socket(server, root, "") == HTTPStatus.FORBIDDEN
    assert socket(server, "http://elsewhere.example", own) == HTTPStatus.FORBIDDEN
    assert socket(server, root.replace("127.0.0.1", "localhost"), own) == HTTPStatus.FORBIDDEN


def test_a_form_of_another_sites_page_is_refused(server: PageServer) -> None:
    root = server.url.removesuffix("/app")
    form = f"name=operator&password={running.login().words['operator']}".encode()
    for origin in ("http://elsewhere.example", "null"):
        asked = urllib.request.Request(f"{root}/login", data=form, headers={"Origin": origin})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        with refused.value as said:
            assert said.code == HTTPStatus.FORBIDDEN
            assert "Set-Cookie" not in said.headers


@pytest.mark.visitor(None)
def test_who_logs_in_sees_the_page_asked_for_and_who_logs_out_no_longer(page: Page, server: PageServer) -> None:
    page.goto(f"{server.url}?tab=history")
    page.get_by_label("Account").fill("viewer")
    page.get_by_label("Password").fill(running.login().words["viewer"])
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#state")).to_have_text("NO RUN YET", timeout=20_000)
    expect(page.get_by_role("tab", name="Scalp History")).to_have_attribute("aria-selected", "true")
    [kept] = [one for one in page.context.cookies() if one["name"] == COOKIE]
    assert (kept["httpOnly"], kept["sameSite"]) == (True, "Strict")
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert answer(server.url, Cookie=f"{COOKIE}={kept['value']}")[0] == HTTPStatus.FOUND


@pytest.mark.visitor(None)
def test_a_login_leads_to_this_server_only(page: Page, server: PageServer) -> None:
    for place in ("//elsewhere.example/", "http://elsewhere.example/", "/%5Celsewhere.example"):
        page.goto(f"{server.url.removesuffix('/app')}/login?next={place}")
        page.get_by_label("Account").fill("viewer")
        page.get_by_label("Password").fill(running.login().words["viewer"])
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#state")).to_have_text("NO RUN YET", timeout=20_000)


@pytest.mark.visitor(None)
def test_five_wrong_passwords_lock_an_account_for_the_right_one_too(bereft_page: Page, server: PageServer) -> None:
    page = bereft_page  # the browser tells its console of each refusal
    page.goto(server.url)
    for word in (*["wrong"] * 5, running.login().words["operator"]):
        page.get_by_label("Account").fill("operator")
        page.get_by_label("Password").fill(word)
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("5 wrong tries in 60 s: locked for")
