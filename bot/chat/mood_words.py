"""Finds the emotion that the user's own words name, in a caption or a plain message.

Uses a small English lexicon: words, short phrases and emoji, each for one emotion. Ambiguous words
("down", "great") count only near a word that says who or when ("feeling", "today"). A negation
flips a word ("not happy", "I don't feel so good") if at most a few words, and no comma or "but",
lie between. Irony is not detected.

Words are combined with a photo by Bayes' rule: the reading's probabilities are multiplied by the
likelihood of these words under each emotion.
"""

import re
from dataclasses import dataclass
from math import log
from typing import Final

from recommender.mood.targets import EMOTIONS

WEIGHT: Final = log(3)
"""The log likelihood ratio of one word: it triples the odds of its emotion, a negated one divides
them by three. So no single word overturns a reading of more than 75 %."""

MOST: Final = 2 * WEIGHT
"""The most that all words together add to one emotion's logit: repeating a word proves nothing."""

LONGEST: Final = 30
"""A plain message with more words than this is a story, not a mood."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PLAIN: Final = {
    "angry": "angry anger annoyed irritated frustrated frustrating furious mad rage raging livid "
    "pissed grumpy hate outraged 😠 😡 🤬 😤",
    "disgust": "disgusted disgusting disgust gross grossed nauseous revolted yuck yucky ew eww "
    "🤢 🤮",
    "fear": "afraid anxious anxiety fear fearful frightened nervous panic panicked panicking "
    "scared stressed stressful terrified worried worrying uneasy 😨 😰 😱 😟",
    "happy": "happy happiness glad joy joyful cheerful delighted ecstatic elated excited grateful "
    "overjoyed thrilled 😀 😃 😄 😁 😊 🙂 😍 🥰 🥳 🎉",
    "sad": "sad sadness unhappy crying cry depressed depressing gloomy grief grieving heartbroken "
    "homesick hopeless hurt lonely melancholy miserable mourning sorrow tearful upset 😢 😭 😞 😔 "
    "🙁 ☹ 💔",
    "surprise": "surprised astonished amazed shocked speechless stunned startled 😮 😲 😯 🤯",
    "neutral": "neutral meh bored indifferent calm relaxed chilled 😐 😑",
}

_PHRASES: Final = {
    "angry": "fed up|pissed off|ticked off",
    "disgust": "grossed out",
    "fear": "freaked out|freaking out|stressed out|on edge",
    "happy": "in love|over the moon|on cloud nine|on top of the world|cannot wait|can't wait",
    "sad": "feel blue|feeling blue|let down|heart broken|in tears|burnt out|burned out",
    "surprise": "blown away|did not expect|didn't expect",
    "neutral": "so so|nothing special",
}

_OF_MANY_MEANINGS: Final = {
    "fear": "tense",
    "happy": "good great amazing awesome wonderful fantastic brilliant lovely perfect best",
    "sad": "down low rough tough hard bad terrible awful horrible worst empty lousy shitty crap",
    "neutral": "ok okay fine alright normal",
}

_MODES: Final = {
    "match": "match",
    "lift": "lift uplift uplifting cheer brighten",
    "calm": "calm calming relax relaxing unwind chill soothing tired exhausted sleepy weary "
    "drained",
}
_LITTLE: Final = frozenset({"bit", "little", "slightly", "somewhat"})
_A_LITTLE: Final = 0.6
"""The strength of a mood after "a bit"; the rest is neutral."""

_SHORT: Final = 3  # up to this many words, a mode word alone is a wish, without "I feel"

_ABOUT_ONESELF: Final = _set(
    "i'm im am feel feels feeling felt mood been doing day days today tonight week month morning "
    "evening night life"
)
_NOT: Final = _set(
    "not no nothing never without hardly barely neither nor dont isnt wasnt cant didnt doesnt aint"
)
_TURNS: Final = _set(
    "but just only though although however yet still rather stop stopped help"
)  # "I can't stop crying" denies nothing
_REACH: Final = 3  # words after a negation that it may flip

_LEXICON: Final = {
    word: emotion
    for table, separator in ((_PLAIN, " "), (_PHRASES, "|"), (_OF_MANY_MEANINGS, " "))
    for emotion, words in table.items()
    for word in words.split(separator)
}
_NEEDS_A_FRAME: Final = _set(" ".join(_OF_MANY_MEANINGS.values()))
_LONGEST_PHRASE: Final = max(word.count(" ") + 1 for word in _LEXICON)
_EMOJI: Final = "|".join(word for word in _LEXICON if not word[0].isalpha())
_TOKEN: Final = re.compile(rf"[^\W\d_]+(?:'[^\W\d_]+)*|{_EMOJI}|[.,;:!?()\n]")


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the lexicon, as found in a text."""

    word: str
    is_negated: bool = False

    @property
    def emotion(self) -> str:
        """The emotion that it names, or negates."""
        return _LEXICON[self.word]

    def __str__(self) -> str:
        return f"not {self.word}" if self.is_negated else self.word


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of a text that count.

    Args:
        terms: Each once, in order of appearance.
    """

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def evidence(self) -> dict[str, float]:
        """The log likelihood of the words under each emotion, to be added to its logit."""
        sums = dict.fromkeys(EMOTIONS, 0.0)
        for term in self.terms:
            sums[term.emotion] += -WEIGHT if term.is_negated else WEIGHT
            if term.is_negated and term.emotion == "happy":
                sums["sad"] += WEIGHT / 2  # "not happy" usually means sad
        return {name: min(max(value, -MOST), MOST) for name, value in sums.items()}

    @property
    def emotion(self) -> str | None:
        """The emotion with the most evidence; None if there is a tie or no evidence."""
        (emotion, most), (_, next_to_it) = sorted(
            self.evidence.items(), key=lambda item: -item[1]
        )[:2]
        return emotion if most > max(0.0, next_to_it) else None

    def packed(self, limit: int | None = None) -> str:
        """Return the terms as text for `unpack`, cut to at most `limit` bytes."""
        kept = ""
        for term in self.terms:
            longer = f"{kept},{term}" if kept else str(term)
            if limit is not None and len(longer.encode()) > limit:
                break
            kept = longer
        return kept


NOTHING: Final = Heard()
"""No words that count."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The music that a text asks for.

    Args:
        heard: The words that name a mood.
        mode: The mode they name, one of `recommender.mood.targets.MODES`; None for none.
        mode_word: The word that names the mode.
        strength: The strength of the mood, 0..1; the rest is neutral.
    """

    heard: Heard = NOTHING
    mode: str | None = None
    mode_word: str = ""
    strength: float = 1.0

    @property
    def emotion(self) -> str | None:
        """The mood; neutral if the text only asks for calm. None if no mood is clear."""
        if not self.heard and self.mode == "calm":
            return "neutral"
        return self.heard.emotion


_MODE_OF: Final = {word: mode for mode, words in _MODES.items() for word in words.split()}


def understand(text: str, *, is_about_mood: bool = False) -> Wish:
    """Return what music a text asks for: "a bit sad, calm".

    Args:
        text: What the user wrote.
        is_about_mood: Whether it answers the question for a mood, so that ambiguous words count
            without "I feel".
    """
    tokens = _tokens(text)
    heard = hear(text, has_frame=is_about_mood)
    terms = tuple(term for term in heard.terms if term.word not in _MODE_OF)
    is_wish = (
        is_about_mood
        or bool(terms)
        or len(tokens) <= _SHORT
        or not _ABOUT_ONESELF.isdisjoint(tokens)
    )
    word = next(
        (
            token
            for before, token in zip(["", *tokens], tokens, strict=False)
            if token in _MODE_OF and before not in _NOT and not before.endswith("n't")
        ),
        "",
    )
    if not is_wish or not word:
        return Wish(heard, strength=_strength(tokens))
    return Wish(Heard(terms), _MODE_OF[word], word, _strength(tokens))


def _strength(tokens: list[str]) -> float:
    return 1.0 if _LITTLE.isdisjoint(tokens) else _A_LITTLE


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower().replace("’", "'"))


def hear(text: str, *, has_frame: bool = False) -> Heard:
    """Return the words of a text that count.

    Args:
        text: What the user wrote.
        has_frame: Whether it is known to be about how they feel, so that ambiguous words count.
    """
    tokens = _tokens(text)
    has_frame = has_frame or not _ABOUT_ONESELF.isdisjoint(tokens)
    terms: dict[Term, None] = {}  # a set that keeps its order
    negated_until, index = 0, 0
    while index < len(tokens):
        token = tokens[index]
        if (size := _phrase_at(tokens, index)) > 0:
            word = " ".join(tokens[index : index + size])
            is_negated = index < negated_until and word[0].isalpha()  # an emoji is never negated
            if has_frame or word not in _NEEDS_A_FRAME:
                terms[Term(word, is_negated)] = None
            index += size
            continue
        if token in _NOT or token.endswith("n't"):
            negated_until = index + 1 + _REACH
        elif token in _TURNS or not token[0].isalpha():
            negated_until = 0
        index += 1
    return Heard(tuple(terms))


def is_story(text: str) -> bool:
    """Return whether a plain message is too long to name a mood."""
    return len(text.split()) > LONGEST


def unpack(packed: str) -> Heard:
    """Read what `Heard.packed` wrote, without words that a newer lexicon lacks."""
    terms = [
        Term(part.removeprefix("not "), part.startswith("not ")) for part in packed.split(",")
    ]
    return Heard(tuple(term for term in terms if term.word in _LEXICON))


def _phrase_at(tokens: list[str], index: int) -> int:
    """Return the length in tokens of the longest entry that starts here; 0 if there is none."""
    for size in range(min(_LONGEST_PHRASE, len(tokens) - index), 0, -1):
        if " ".join(tokens[index : index + size]) in _LEXICON:
            return size
    return 0
