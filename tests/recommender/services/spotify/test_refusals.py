"""What Spotify's refusals mean."""

import math

from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import RecommenderError, SpotifyBusy
from recommender.services.spotify.refusals import (
    LONG_WAIT_S,
    LONGEST_WAIT_S,
    api_refusal,
    token_refusal,
)

HEADERS = st.dictionaries(
    st.just("Retry-After"),
    st.one_of(
        st.text(), st.integers().map(str), st.floats().map(str), st.just("Fri, 20 Nov 2026")
    ),
)


@given(
    status=st.integers(400, 599),
    reason=st.none() | st.just("QUOTA_EXCEEDED") | st.text(),
    headers=HEADERS,
)
def test_every_refusal_has_an_error_with_a_wait_that_ends(
    status: int, reason: str | None, headers: dict[str, str]
) -> None:
    for refusal in (api_refusal, token_refusal):
        error = refusal(status, reason, "message", headers)
        assert isinstance(error, RecommenderError)
        assert isinstance(error, SpotifyBusy) == (status == 429 or status >= 500)
        if isinstance(error, SpotifyBusy):
            assert 0 < error.retry_after_s < math.inf


@given(st.floats(min_value=0.001, max_value=1e6))
def test_a_long_wait_is_no_matter_of_seconds(wait_s: float) -> None:
    error = api_refusal(429, None, "message", {"Retry-After": str(wait_s)})
    assert isinstance(error, SpotifyBusy)
    assert type(error).__name__ == ("QuotaExceeded" if wait_s > LONG_WAIT_S else "RateLimited")
    assert error.retry_after_s == min(wait_s, LONGEST_WAIT_S)
