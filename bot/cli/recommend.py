"""`mirrortape recommend`: tracks for a mood, without Telegram or Spotify."""

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.catalogue import DataDir, data_folder, open_catalogue
from bot.cli.exits import stop

if TYPE_CHECKING:
    from recommender.catalogue.table import TrackTable
    from recommender.recommend import Recommendation
    from recommender.taste.posterior import Prior
    from recommender.taste.preferences import Preferences
    from recommender.taste.taste import Taste

MAX_LENGTH = 100
"""The most tracks: Spotify's limit for one request."""


def recommend(
    emotion: Annotated[
        str, typer.Option(help="angry, disgust, fear, happy, sad, surprise or neutral.")
    ],
    mode: Annotated[str | None, typer.Option(help="match, lift or calm; usually match.")] = None,
    length: Annotated[
        int | None, typer.Option(help=f"Number of tracks, 1 to {MAX_LENGTH}; usually 20.")
    ] = None,
    explicit: Annotated[
        bool | None,
        typer.Option("--explicit/--no-explicit", help="Whether explicit tracks may be chosen."),
    ] = None,
    popularity: Annotated[
        str | None,
        typer.Option(help="familiar, mixed or deep (little known tracks); usually mixed."),
    ] = None,
    years: Annotated[
        str | None,
        typer.Option(
            help="Years of release: 1990-1999, 1990- or -1999; none whose year is unknown."
        ),
    ] = None,
    ban_artist: Annotated[
        list[str] | None, typer.Option(help="Choose nothing by this artist; repeat for more.")
    ] = None,
    ban_genre: Annotated[
        list[str] | None, typer.Option(help="Choose nothing of this genre; repeat for more.")
    ] = None,
    favourite_artist: Annotated[
        list[str] | None, typer.Option(help="Rather choose this artist; repeat for more.")
    ] = None,
    favourite_genre: Annotated[
        list[str] | None, typer.Option(help="Rather choose this genre; repeat for more.")
    ] = None,
    by_label: Annotated[
        bool,
        typer.Option(
            "--by-label",
            help="Choose only from the category of the emotion, as `catalogue label` gave it.",
        ),
    ] = False,
    user: Annotated[
        int | None, typer.Option(help="Count the votes and settings of this Telegram user.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same tracks; another, others.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Recommend tracks for a mood, without Telegram or Spotify.

    Nothing is stored, and tracks shown before may be repeated. A user's settings apply unless an
    option overrides them; artists and genres in options are added to theirs.
    """
    import numpy as np

    from recommender.errors import BadPreference, TooFewTracks
    from recommender.mood.targets import EMOTIONS, MODES
    from recommender.ranking.categories import categories_of, in_categories
    from recommender.ranking.filters import passes_all, still_plays
    from recommender.recommend import recommend as recommend_tracks

    emotion = _choice("emotion", emotion, EMOTIONS)
    mode = mode if mode is None else _choice("mode", mode, MODES)
    if length is not None and not 1 <= length <= MAX_LENGTH:
        stop(f"a playlist has 1 to {MAX_LENGTH} tracks, not {length}.")
    names = {
        "banned_artists": ban_artist,
        "banned_genres": ban_genre,
        "favourite_artists": favourite_artist,
        "favourite_genres": favourite_genre,
    }
    with open_catalogue(data_dir) as catalogue:
        table = catalogue.load()
        categories = categories_of(emotion, table.labels) if by_label else ()
        taste, prior, stored, gone = _listener(user, data_dir)
        rules = [still_plays(table, gone)]
        if by_label:
            rules.append(in_categories(table, categories))
    try:
        preferences = _changed(
            stored,
            table,
            explicit,
            popularity,
            years,
            {field: tuple(names[field] or ()) for field in names},
        )
        mode = mode or preferences.mode
        recommendation = recommend_tracks(
            table,
            probabilities={emotion: 1.0},
            mode=mode,
            length=length or preferences.length,
            taste=taste,
            prior=prior,
            recent=(),
            rng=np.random.default_rng(seed),
            preferences=preferences,
            is_allowed=passes_all(rules),
            today=date.today(),
        )
    except BadPreference as error:
        stop(f"{error}.")
    except TooFewTracks as error:
        stop(str(error))
    if as_json:
        _print_json(emotion, mode, categories, recommendation)
    else:
        _print_tracks(categories, recommendation)


def _listener(
    user_id: int | None, data_dir: Path | None
) -> "tuple[Taste, Prior, Preferences, frozenset[str]]":
    """Return the stored state.

    It is the user's taste, the prior over all listeners, the user's settings, and the tracks that
    Spotify no longer plays.
    """
    from recommender.listeners.store import MusicStore
    from recommender.storage.database import open_database
    from recommender.taste.pool import USUAL_LISTENER
    from recommender.taste.preferences import USUAL
    from recommender.taste.taste import Taste

    taste, prior, preferences = Taste(), USUAL_LISTENER, USUAL
    gone: frozenset[str] = frozenset()
    is_known = user_id is None
    path = data_folder(data_dir) / "mirrortape.db"
    if path.exists():
        db = open_database(path)
        try:
            store = MusicStore(db)
            prior, gone = store.prior(), store.gone.all()
            if user_id is not None:
                taste, preferences = store.taste(user_id), store.preferences.load(user_id)
                seen = store.last_playlist(user_id) or store.last_reading(user_id)
                is_known = seen is not None or preferences != USUAL
        finally:
            db.close()
    if not is_known:
        stop(f"there are no playlists of user {user_id}, nor settings; leave --user out.")
    return taste, prior, preferences, gone


def _changed(
    stored: "Preferences",
    table: "TrackTable",
    explicit: bool | None,
    popularity: str | None,
    years: str | None,
    names: dict[str, tuple[str, ...]],
) -> "Preferences":
    """Return a listener's settings with the options applied.

    Args:
        stored: The stored settings.
        table: The catalogue, which must have the names.
        explicit: Whether to allow explicit tracks; None for the stored setting.
        popularity: How well known the tracks shall be; None for the stored setting.
        years: Release years as typed; None for the stored setting.
        names: Artists and genres to add, by field of the settings.

    Raises:
        BadPreference: An option is invalid.
    """
    from recommender.catalogue.names import check_artists, check_genres
    from recommender.taste.preferences import parse_years

    changes: dict[str, Any] = {field: getattr(stored, field) + names[field] for field in names}
    if explicit is not None:
        changes["allows_explicit"] = explicit
    if popularity is not None:
        changes["popularity"] = popularity
    if years is not None:
        changes["first_year"], changes["last_year"] = parse_years(years)
    preferences = replace(stored, **changes)
    check_artists(table, names["banned_artists"] + names["favourite_artists"])
    check_genres(table, names["banned_genres"] + names["favourite_genres"])
    return preferences


def _choice(noun: str, value: str, choices: tuple[str, ...]) -> str:
    """Return a typed choice, in any case."""
    if value.lower() not in choices:
        stop(f"there is no {noun} {value!r}; choose one of {', '.join(choices)}.")
    return value.lower()


def _print_json(
    emotion: str, mode: str, categories: tuple[str, ...], recommendation: "Recommendation"
) -> None:
    tracks = [
        {
            "id": pick.track.id,
            "name": pick.track.name,
            "artist": pick.track.artist,
            "valence": pick.track.valence,
            "energy": pick.track.energy,
            "genre": pick.track.genre,
            "tempo_bpm": pick.track.tempo_bpm,
            "score": round(pick.score, 4),
            "reason": pick.reason,
            "invented": pick.track.invented,
        }
        for pick in recommendation.picks
    ]
    targets = [
        {"valence": target.valence, "energy": target.energy} for target in recommendation.targets
    ]
    answer = {
        "emotion": emotion,
        "mode": mode,
        "categories": categories,
        "tracks": tracks,
        "targets": targets,
        "relaxed": [asdict(each) | {"text": str(each)} for each in recommendation.relaxed],
        "ms": round(recommendation.ms, 2),
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))


def _print_tracks(categories: tuple[str, ...], recommendation: "Recommendation") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("#", "track", "valence", "energy", "why", box=None, pad_edge=False)
    for number, pick in enumerate(recommendation.picks, start=1):
        track = pick.track
        invented = " (invented)" if track.invented else ""
        title = Text(f"{track.name} · {track.artist}{invented}")  # brackets are not markup here
        valence, energy = f"{track.valence:.2f}", f"{track.energy:.2f}"
        table.add_row(str(number), title, valence, energy, Text(pick.reason))
    Console().print(table)
    if categories:
        noun = "category" if len(categories) == 1 else "categories"
        typer.echo(f"Only from the {noun} {', '.join(categories)}.")
    for each in recommendation.relaxed:
        typer.echo(str(each))
    typer.echo(f"chosen in {recommendation.ms:.0f} ms")
