"""What people paste is found among the words around it, and read to its end."""

from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.connect.pasted import read_address, read_client_id, read_digits

OURS = "http://127.0.0.1:8080/callback"
STATE = "Zk3-" + "a_B" * 13
CODE = "AQD" + "x-Y_9" * 40
QUERY = f"code={CODE}&state={STATE}"
WANTED = {"code": CODE, "state": STATE}


@pytest.mark.parametrize(
    "text",
    [
        f"{OURS}?{QUERY}",
        f"  {OURS}?{QUERY}\n",
        f"Here you are: {OURS}?{QUERY} is that right?",
        f"It says:\n{OURS}?{QUERY}\nThanks",
        f"<{OURS}?{QUERY}>",
        f"“{OURS}?{QUERY}”.",
        f"({OURS}?{QUERY})",
        f"127.0.0.1:8080/callback?{QUERY}",
        f"the address is 127.0.0.1:8080/callback?{QUERY}!",
        f"https://127.0.0.1:8080/callback?{QUERY}",
        f"HTTP://127.0.0.1:8080/callback/?{QUERY}",
        f"{OURS}?{QUERY}#_=_",
        f"{OURS}?{QUERY}".replace("&", "&amp;"),
        f"\u200b{OURS}?code={CODE}\u200b&state={STATE}",
        f"callback?{QUERY}",
        f"/callback?{QUERY}",
        f"?{QUERY}",
        QUERY,
        f"I was at https://accounts.spotify.com/authorize and then {OURS}?{QUERY}",
    ],
)
def test_our_address_is_found_in_what_is_around_it(text: str) -> None:
    address = read_address(text, OURS)
    assert address is not None
    assert address.is_ours
    assert address.is_complete
    assert address.query == WANTED


@given(
    st.integers(10, len(f"{OURS}?{QUERY}") - 1), st.sampled_from(["\n", "\r\n", " \n> ", "\n "])
)
def test_an_address_broken_into_lines_is_put_together(at: int, line_break: str) -> None:
    whole = f"{OURS}?{QUERY}"
    address = read_address(f"{whole[:at]}{line_break}{whole[at:]}\nThanks", OURS)
    assert address is not None
    if at < len(OURS) - len("/callback"):
        assert not address.is_ours or address.query == WANTED
    else:
        assert address.query == WANTED


@given(st.text(), st.text())
def test_nothing_that_is_written_stumbles(before: str, after: str) -> None:
    for text in (before, f"{before} {OURS}?{QUERY} {after}", f"http://{before}", f"[{before}]/"):
        read_address(text, OURS)
        read_digits(text)
        read_client_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "I am fine.Thanks",
        "and/or",
        "me@bot.example/x",
        "call me back?",
        "what is the code?",
        "3/4",
    ],
)
def test_words_are_no_address(text: str) -> None:
    assert read_address(text, OURS) is None


@pytest.mark.parametrize(
    ("text", "site"),
    [
        (f"https://accounts.spotify.com/authorize?state={STATE}", "accounts.spotify.com"),
        (f"http://127.0.0.1:9999/callback?{QUERY}", "127.0.0.1:9999"),
        (f"http://evil.example/callback?{QUERY}", "evil.example"),
        (f"http://127.0.0.1:8080@evil.example/callback?{QUERY}", "127.0.0.1:8080@evil.example"),
        (f"http://evil.example/?to={OURS}", "evil.example"),
        (f"http://[::1/callback?{QUERY}", ""),
        ("open.spotify.com/playlist/abc", "open.spotify.com"),
    ],
)
def test_an_address_of_another_site_is_not_ours(text: str, site: str) -> None:
    address = read_address(text, OURS)
    assert address is not None
    assert not address.is_ours
    assert site in address.site


@pytest.mark.parametrize(
    "query", ["", "?", f"?code={CODE}", f"?state={STATE}", f"?code=&state={STATE}", "?code=AQ…"]
)
def test_an_address_that_was_cut_off_is_incomplete(query: str) -> None:
    address = read_address(f"{OURS}{query}", OURS)
    assert address is not None
    assert address.is_ours
    assert not address.is_complete


def test_a_refusal_is_complete_without_a_code() -> None:
    address = read_address(f"{OURS}?error=access_denied&state={STATE}", OURS)
    assert address is not None
    assert address.is_complete


def test_a_state_that_goes_on_is_not_cut_to_the_right_one() -> None:
    address = read_address(f"{OURS}?{QUERY}x", OURS)
    assert address is not None
    assert address.query["state"] == f"{STATE}x"


@pytest.mark.parametrize("text", ["123456", " 123 456 ", "123-456", "123 456.", "१२३४५६"])
def test_six_digits_are_read_as_they_may_be_typed(text: str) -> None:
    assert read_digits(text) == "123456"


def test_digits_keep_their_zeros() -> None:
    assert read_digits("000 042") == "000042"


@pytest.mark.parametrize("text", ["12345", "1234567", "my code: 123456", "12 34 56", "a23456", ""])
def test_other_numbers_are_no_digits_of_ours(text: str) -> None:
    assert read_digits(text) is None


def test_a_client_id_has_32_hexadecimal_characters() -> None:
    assert read_client_id("0123456789ABCDEF" * 2) == "0123456789abcdef" * 2
    for text in ("", "0123456789abcdef" * 2 + "0", "g" * 32, "0" * 31, "0" * 16 + " " + "0" * 15):
        assert read_client_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "a.b/ " * 200 + " " * 3095 + "x",
        "a.b/\n" * 819,
        f"{OURS}?code=\n" * 120 + "x",
        "a.b/" + " \n" * 2045 + "x",
        "&#" * 2048,
        " 123 456" + " " * 4000 + "x",
    ],
)
def test_no_message_is_read_for_long(text: str) -> None:
    began = thread_time()
    read_address(text, OURS)
    read_digits(text)
    read_client_id(text)
    assert thread_time() - began < 0.1


@pytest.mark.parametrize("line_break", [" \n", "\n  \n", " \r\n> \n>  ", "\t\n\t"])
def test_a_line_break_goes_with_the_blanks_and_marks_around_it(line_break: str) -> None:
    address = read_address(f"{OURS}?code={CODE}{line_break}&state={STATE}", OURS)
    assert address is not None
    assert address.query == WANTED
