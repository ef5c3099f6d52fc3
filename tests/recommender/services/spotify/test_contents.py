"""Which tracks of a playlist do not play, whatever way Spotify has of saying so."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.spotify.state import SILENT
from recommender.services.spotify.contents import Contents, Entry, unplayed
from tests.support.spotify.spotify_world import uris


def read_back(written: Sequence[str], silenced: dict[str, str]) -> Contents:
    entries = []
    for uri in written:
        how = silenced.get(uri)
        if how == "null":
            entries.append(Entry(None, is_playable=False))
        elif how != "missing":
            entries.append(Entry(uri, is_playable=how is None))
    return Contents("s", tuple(entries))


@given(
    st.integers(0, 30).map(uris),
    st.dictionaries(st.sampled_from(uris(40)), st.sampled_from(SILENT)),
)
def test_just_the_silent_tracks_are_found(
    written: tuple[str, ...], silenced: dict[str, str]
) -> None:
    assert unplayed(written, read_back(written, silenced)) == set(written) & set(silenced)


def test_another_edition_that_plays_is_as_good() -> None:
    found = Contents("s", (Entry("spotify:track:other", True), Entry(None, False)))
    assert unplayed(uris(2), found) == {uris(2)[1]}
