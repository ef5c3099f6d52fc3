import pytest

from recommender.catalogue.genre_families import families_of, includes, style_of


@pytest.mark.parametrize(
    ("genre", "families"),
    [
        ("big room", {"electronic"}),
        ("Progressive Electro House", {"electronic"}),
        ("latin pop", {"latin", "pop"}),
        ("black-metal", {"metal", "rock"}),
        ("neo soul", {"soul", "r&b"}),
        ("hip-hop", {"hip hop"}),
        ("gangster rap", {"hip hop"}),
        ("indie folk", {"folk", "rock"}),
        ("yodelling", set()),
    ],
)
def test_families_are_known_by_their_words(genre: str, families: set[str]) -> None:
    assert set(families_of(genre)) == families


@pytest.mark.parametrize(
    ("genre", "style"),
    [("dance pop", "pop"), ("electropop", "pop"), ("trap", "hip hop"), ("Chill!", "chill")],
)
def test_a_style_is_where_one_would_file_it(genre: str, style: str) -> None:
    assert style_of(genre) == style


def test_a_family_includes_its_members_under_any_of_its_names() -> None:
    assert includes("edm", "big room")
    assert includes("Electronic", "techno")
    assert includes("rap", "southern hip hop")
    assert includes("big room", "Big-Room")
    assert not includes("big room", "techno")
    assert not includes("rock", "pop")
