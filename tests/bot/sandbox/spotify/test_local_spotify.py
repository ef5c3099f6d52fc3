"""The local Spotify is as strict as the real one, and its answers have the contract's fields."""

import base64
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bot.sandbox.spotify.faults import SWITCHES
from bot.sandbox.spotify.login import is_redirect_allowed
from tests.support.spotify.spotify_world import REDIRECT_URI, World, agree, track_uri, uris

ALL_SCOPES = (
    "playlist-read-private playlist-modify-private playlist-modify-public ugc-image-upload"
)
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # of RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


OWN_APP = "0123456789abcdef" * 2


class Caller:
    """Calls the local Web API as an app with some scopes."""

    def __init__(self, world: World, scope: str = ALL_SCOPES, name: str = "Robin") -> None:
        self._world = world
        code = agree(authorize_url(world, scope=scope), name)["code"]
        self.token = token_request(world, code=code).json()["access_token"]

    def __call__(
        self, method: str, path: str, timeout: float = 5, **how: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self._world.app.api_url}{path}"
        return requests.request(method, address, headers=headers, timeout=timeout, **how)

    def create(self, **fields: Any) -> str:
        made = self("POST", "/me/playlists", json={"name": "n", "public": False} | fields)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def authorize_url(world: World, **changes: str | None) -> str:
    asked = {
        "client_id": "mirrortape-demo",
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": ALL_SCOPES,
        "state": "state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    kept = {key: value for key, value in asked.items() if value is not None}
    request = requests.Request("GET", f"{world.app.accounts_url}/authorize", params=kept)
    return str(request.prepare().url)


def token_request(world: World, **changes: str) -> requests.Response:
    form = {
        "client_id": "mirrortape-demo",
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    } | changes
    return requests.post(f"{world.app.accounts_url}/api/token", data=form, timeout=5)


def refusal(response: requests.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error["status"] == response.status_code
    return error["status"], error["message"]


# -- consent --


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"client_id": "another"}, "Invalid client"),
        ({"client_id": None}, "Invalid client"),
        ({"redirect_uri": "http://localhost:8765/callback"}, "Insecure redirect URI"),
        ({"redirect_uri": "http://example.org/callback"}, "Insecure redirect URI"),
        ({"redirect_uri": None}, "Insecure redirect URI"),
    ],
)
def test_a_wrong_app_or_address_sends_nobody_anywhere(
    world: World, changes: dict[str, str | None], says: str
) -> None:
    page = requests.get(authorize_url(world, **changes), allow_redirects=False, timeout=5)
    assert page.status_code == 400
    assert says in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "read-everything"}, "invalid_scope"),
    ],
)
def test_a_request_that_cannot_be_granted_goes_back_as_an_error(
    world: World, changes: dict[str, str | None], error: str
) -> None:
    page = requests.get(authorize_url(world, **changes), allow_redirects=False, timeout=5)
    assert page.status_code == 303
    assert page.headers["Location"] == f"{REDIRECT_URI}?error={error}&state=state"


@pytest.mark.parametrize(
    ("uri", "is_allowed"),
    [
        ("https://bot.example.org/callback", True),
        ("http://127.0.0.1:8765/callback", True),
        ("http://[::1]:8765/callback", True),
        ("https://localhost/callback", False),
        ("http://192.168.1.2/callback", False),
        ("http://[broken/callback", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_redirects_go_to_https_or_a_loopback_address(uri: str, is_allowed: bool) -> None:
    assert is_redirect_allowed(uri) is is_allowed


def test_the_consent_page_says_what_is_asked_for_and_escapes_names(world: World) -> None:
    agree(authorize_url(world), '"><script>alert(1)</script>')
    page = requests.get(authorize_url(world), timeout=5).text
    assert "Create and change your private playlists" in page
    assert "<script" not in page
    assert '"><script>alert(1)</script>' in unescape(page)  # offered again, as text


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_name_that_is_none_is_asked_for_again(world: World, name: str) -> None:
    page = requests.get(authorize_url(world), timeout=5).text
    action = unescape(re.search(r'action="([^"]+)"', page)[1])
    form = {"answer": "agree", "name": name}
    again = requests.post(action, data=form, allow_redirects=False, timeout=5)
    assert again.status_code == 400
    assert "1 to 40 characters" in again.text


def test_the_same_name_is_the_same_account(world: World) -> None:
    first, second, third = (Caller(world, name=n)("GET", "/me") for n in ("Robin", "robin", "Al"))
    assert first.json() == second.json()
    assert first.json()["account_id"] != third.json()["account_id"]


# -- tokens --


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:1/other"}, "invalid_grant"),
        ({"code": "made up"}, "invalid_grant"),
        ({"client_id": OWN_APP}, "invalid_grant"),  # somebody's own app, yet not this code's
        ({"client_id": "another"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_bound_to_its_app_address_and_verifier(
    world: World, changes: dict[str, str], error: str
) -> None:
    code = agree(authorize_url(world))["code"]
    response = token_request(world, **({"code": code} | changes))
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert response.json()["error_description"]


def test_a_code_ends_after_ten_minutes(world: World) -> None:
    code = agree(authorize_url(world))["code"]
    world.clock.advance(minutes=10)
    assert token_request(world, code=code).json()["error"] == "invalid_grant"


def test_a_refresh_token_works_once_and_ends_half_a_year_after_consent(world: World) -> None:
    code = agree(authorize_url(world))["code"]
    token = token_request(world, code=code).json()["refresh_token"]
    for _ in range(2):
        world.clock.advance(days=90)
        fresh = token_request(world, grant_type="refresh_token", refresh_token=token)
        assert fresh.status_code == 200
        again = token_request(world, grant_type="refresh_token", refresh_token=token)
        assert again.json()["error"] == "invalid_grant"
        token = fresh.json()["refresh_token"]
    world.clock.advance(days=3)
    dead = token_request(world, grant_type="refresh_token", refresh_token=token)
    assert dead.json()["error"] == "invalid_grant"


def test_a_refresh_token_is_good_for_its_own_app_alone(world: World) -> None:
    code = agree(authorize_url(world, client_id=OWN_APP))["code"]
    tokens = token_request(world, code=code, client_id=OWN_APP).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert token_request(world, **form).json()["error"] == "invalid_grant"


def test_a_phone_is_shown_the_address_that_it_cannot_open(world: World) -> None:
    page = requests.get(authorize_url(world), timeout=5).text
    assert "phone" not in page
    world.local._state.offers_phone = True
    page = requests.get(authorize_url(world), timeout=5).text
    action = unescape(re.search(r'action="([^"]+)"', page)[1])
    form = {"answer": "phone", "name": "Robin"}
    shown = requests.post(action, data=form, allow_redirects=False, timeout=5)
    address = unescape(re.search(r'class="address"[^>]*>([^<]+)<', shown.text)[1])
    assert address.startswith(f"{REDIRECT_URI}?code=")
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert token_request(world, code=code).status_code == 200


def test_requests_need_a_valid_token(world: World) -> None:
    call = Caller(world)
    address = f"{world.app.api_url}/me"
    assert refusal(requests.get(address, timeout=5)) == (401, "No token provided")
    basic = requests.get(address, auth=("a", "b"), timeout=5)
    assert refusal(basic) == (400, "Only valid bearer authentication supported")
    world.clock.advance(hours=1)
    assert refusal(call("GET", "/me")) == (401, "The access token expired")
    world.local.revoke()
    assert refusal(call("GET", "/me")) == (401, "Invalid access token")


def test_each_route_needs_its_scope(world: World) -> None:
    call = Caller(world, scope="playlist-modify-private")
    own = call.create()
    forbidden = (403, "Insufficient client scope")
    assert refusal(call("GET", "/me/playlists")) == forbidden
    assert refusal(call("POST", "/me/playlists", json={"name": "n"})) == forbidden  # public
    assert refusal(call("PUT", f"/playlists/{own}/images", data=b"")) == forbidden
    reader = Caller(world, scope="playlist-read-private")
    assert refusal(reader("PUT", f"/playlists/{own}", json={"name": "x"})) == forbidden


# -- playlists --


def test_a_snapshot_changes_with_every_change(world: World) -> None:
    call = Caller(world)
    own = call.create()
    path = f"/playlists/{own}"
    seen = [call("GET", path).json()["snapshot_id"]]
    added = call("POST", f"{path}/items", json={"uris": list(uris(5))})
    assert added.status_code == 201
    put = call("PUT", f"{path}/items", json={"uris": list(uris(3))})
    moved = call("PUT", f"{path}/items", json={"range_start": 0, "insert_before": 3})
    gone = call("DELETE", f"{path}/items", json={"items": [{"uri": track_uri(1)}]})
    seen += [answer.json()["snapshot_id"] for answer in (added, put, moved, gone)]
    assert call("PUT", path, json={"name": "new"}).content == b""
    seen.append(call("GET", path).json()["snapshot_id"])
    assert len(set(seen)) == len(seen)
    assert world.written(own) == (track_uri(2), track_uri(0))
    assert world.playlist(own).name == "new"


@pytest.mark.parametrize(
    ("start", "before", "length", "order"),
    [
        (0, 3, 1, "1203"),
        (2, 0, 2, "2301"),
        (0, 4, 2, "2301"),
        (1, 2, 2, "0123"),
        (3, 1, 1, "0312"),
    ],
)
def test_items_are_moved_as_the_documentation_says(
    world: World, start: int, before: int, length: int, order: str
) -> None:
    call = Caller(world)
    own = call.create()
    call("PUT", f"/playlists/{own}/items", json={"uris": list(uris(4))})
    how = {"range_start": start, "insert_before": before, "range_length": length}
    call("PUT", f"/playlists/{own}/items", json=how)
    assert "".join(str(int(uri[-1])) for uri in world.written(own)) == order


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"json": {"uris": list(uris(101))}}, "You can add a maximum of 100 tracks per request."),
        ({"json": {"uris": ["spotify:track:short"]}}, "Invalid track uri: spotify:track:short"),
        ({"json": {"uris": [7]}}, "Invalid track uri: 7"),
        ({"json": list(uris(2))}, "Error parsing JSON."),
        ({"data": b"{"}, "Error parsing JSON."),
        ({"json": {}}, "No uris provided"),
    ],
)
def test_items_that_cannot_be_added_are_refused(
    world: World, body: dict[str, Any], says: str
) -> None:
    call = Caller(world)
    own = call.create()
    assert refusal(call("POST", f"/playlists/{own}/items", **body)) == (400, says)
    assert world.written(own) == ()


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"name": 7}, {"name": "n" * 101}, {"description": "two\nlines"}],
)
def test_a_playlist_with_impossible_details_is_not_made(
    world: World, fields: dict[str, Any]
) -> None:
    response = Caller(world)("POST", "/me/playlists", json={"name": "n"} | fields)
    assert response.status_code == 400
    assert world.local.playlists() == []


def test_strangers_see_public_playlists_and_change_none(world: World) -> None:
    robin, alex = Caller(world, name="Robin"), Caller(world, name="Alex")
    private, public = robin.create(), robin.create(public=True)
    assert refusal(alex("GET", f"/playlists/{private}")) == (404, "Resource not found")
    assert alex("GET", f"/playlists/{public}").status_code == 200
    assert alex("PUT", f"/playlists/{public}", json={"name": "mine"}).status_code == 403
    assert alex("GET", f"/playlists/{public}/items").status_code == 403
    assert alex("GET", "/me/playlists").json()["items"] == []


def test_unknown_playlists_and_ids_are_refused(world: World) -> None:
    call = Caller(world)
    assert refusal(call("GET", f"/playlists/{'0' * 22}")) == (404, "Resource not found")
    assert refusal(call("GET", "/playlists/no-id")) == (400, "Invalid base62 id")


def test_a_deleted_playlist_leaves_the_library_but_answers(world: World) -> None:
    call = Caller(world)
    own = call.create()
    world.local.delete_playlist(own)
    assert call("GET", "/me/playlists").json()["total"] == 0
    assert call("GET", f"/playlists/{own}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/playlists/x/tracks", 403),
        ("POST", "/playlists/x/tracks", 403),
        ("DELETE", "/playlists/x/followers", 403),
        ("POST", "/users/x/playlists", 403),
        ("GET", "/audio-features/x", 403),
        ("GET", "/audio-features", 403),
        ("GET", "/recommendations", 403),
        ("GET", "/nonsense", 404),
        ("DELETE", "/me", 405),
    ],
)
def test_what_new_apps_do_not_get_is_refused(
    world: World, method: str, path: str, status: int
) -> None:
    assert refusal(Caller(world)(method, path))[0] == status


@pytest.mark.parametrize("query", ["limit=0", "limit=51", "limit=x", "offset=-1"])
def test_pages_have_bounds(world: World, query: str) -> None:
    assert Caller(world)("GET", f"/me/playlists?{query}").status_code == 400


def test_a_cover_is_a_small_jpeg(world: World) -> None:
    call = Caller(world)
    own = call.create()
    jpeg = b"\xff\xd8\xff" + bytes(100)
    path = f"/playlists/{own}/images"
    assert call("PUT", path, data=base64.b64encode(jpeg)).status_code == 202
    (image,) = call("GET", path).json()
    shown = requests.get(image["url"], timeout=5)
    assert (shown.content, shown.headers["Content-Type"]) == (jpeg, "image/jpeg")
    assert call("PUT", path, data=b"A" * (256 * 1024 + 1)).status_code == 413
    assert call("PUT", path, data=base64.b64encode(b"PNG")).status_code == 400
    assert call("PUT", path, data=b"?").status_code == 400


# -- faults --


def test_faults_hit_as_often_as_asked_before_or_after_the_work(world: World) -> None:
    call = Caller(world)
    world.local.fail_next(
        "GET", "/me", status=429, retry_after=3, reason="QUOTA_EXCEEDED", times=2
    )
    for _ in range(2):
        hit = call("GET", "/me")
        assert (hit.status_code, hit.headers["Retry-After"]) == (429, "3")
        assert hit.json()["error"]["reason"] == "QUOTA_EXCEEDED"
    assert call("GET", "/me").status_code == 200
    world.local.fail_next("POST", "/me/playlists", status=502, after=True)
    assert call("POST", "/me/playlists", json={"name": "n"}).status_code == 502
    assert len(world.local.playlists()) == 1


# -- pages --


def test_the_panel_shows_what_changed_last_first(world: World) -> None:
    call = Caller(world)
    first, second = call.create(name="first", description="a & b"), call.create(name="second")
    world.clock.advance(minutes=1)
    call("PUT", f"/playlists/{first}/items", json={"uris": [track_uri(3), track_uri(199)]})
    panel = requests.get(f"{world.app.accounts_url}/panel", timeout=5).json()
    assert [entry["id"] for entry in panel["playlists"]] == [first, second]
    entry = panel["playlists"][0]
    assert entry["name"] == "first"
    assert entry["description"] == "a & b"
    assert entry["url"] == f"{world.app.accounts_url}/playlist/{first}"
    assert entry["public"] is False
    assert entry["tracks"][0] == {
        "name": "Song <3>",
        "artist": "Artist 3, Guest & Co",
        "duration_ms": 183_000,
        "url": f"https://open.spotify.com/track/{3:022}",
        "invented": True,
    }
    assert entry["tracks"][1]["artist"] == "not in the catalogue"


def test_a_playlist_page_shows_everything_as_text(world: World) -> None:
    call = Caller(world)
    own = call.create(name="<b>Mood</b>", description='it\'s "calm" & slow')
    call("PUT", f"/playlists/{own}/items", json={"uris": list(uris(20))})
    page = requests.get(f"{world.app.accounts_url}/playlist/{own}", timeout=5)
    assert page.status_code == 200
    assert "<b>" not in page.text
    text = unescape(re.sub(r"<[^>]+>", "", page.text.partition("<body>")[2]))
    assert "<b>Mood</b>" in text
    assert 'it\'s "calm" & slow' in text
    assert "20 tracks, 1 h 3 min" in text
    assert "Song <19>" in text
    assert text.count("(invented)") == 7
    assert "nothing here plays" in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_an_unknown_playlist_page_says_so(world: World) -> None:
    page = requests.get(f"{world.app.accounts_url}/playlist/{'0' * 22}", timeout=5)
    assert page.status_code == 404
    assert "no such playlist" in page.text


# -- switches --


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_fails_while_it_is_on_and_the_panel_says_which_is(
    world: World, switch: str
) -> None:
    call = Caller(world)
    path = f"/playlists/{call.create()}/items"
    panel = f"{world.app.accounts_url}/panel"
    change = f"{world.app.accounts_url}/change/switch"
    assert requests.post(change, json=switch, timeout=5).status_code == 200
    shown = requests.get(panel, timeout=5).json()
    assert (shown["switch"], shown["switches"][switch]) == (switch, SWITCHES[switch].label)
    requests_like_the_bots = (
        ("PUT", path, {"uris": uris(3)}),
        ("POST", "/me/playlists", {"name": "n", "public": False}),
    )
    statuses = []
    for method, to, body in requests_like_the_bots:
        try:
            statuses.append(call(method, to, json=body, timeout=0.5).status_code)
        except requests.Timeout:
            statuses.append(0)
    is_once = ", once" in SWITCHES[switch].label
    assert requests.get(panel, timeout=5).json()["switch"] == ("" if is_once else switch)
    assert statuses != [200, 201] or switch == "silent"
    requests.post(change, json="", timeout=5)
    assert requests.get(panel, timeout=5).json()["switch"] == ""
    assert call("GET", "/me").status_code == 200


def test_only_the_page_itself_turns_switches_and_deletes(world: World) -> None:
    call = Caller(world)
    playlist = call.create()
    for path, body in (("switch", "error"), ("delete", playlist)):
        address = f"{world.app.accounts_url}/change/{path}"
        for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = requests.post(address, json=body, headers=headers, timeout=5)
            assert refused.status_code == 403
        assert requests.post(address, json="no such thing", timeout=5).status_code == 400
        assert requests.post(address, data="no JSON", timeout=5).status_code == 400
    assert call("GET", "/me").status_code == 200
    assert len(world.local.playlists()) == 1
    assert requests.post(address, json=playlist, timeout=5).status_code == 200
    assert world.local.playlists() == []
