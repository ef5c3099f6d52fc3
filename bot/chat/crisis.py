"""Answers messages about suicide or self-harm with helplines.

Every message and caption is matched against the phrases below before anything else reads it.
They are whole English phrases, in the first person or about somebody close. Single words are not
enough: songs and bands are called "Suicidal Thoughts" or "Suicide Silence", and people die of
laughter. A clear phrase gets the full answer and nothing else. A vaguer one gets a line with a
button, then the usual answer. The answer is a fixed text.

Nothing of this is stored, counted or logged, and nobody is notified.
"""

import re
import unicodedata
from typing import Final, Literal

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ChatType
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import texts
from bot.chat.replies import say, sender, toast

Context = ContextTypes.DEFAULT_TYPE

Need = Literal["own", "other", "perhaps"]
"""Whether a phrase is clearly about its writer, clearly about somebody else, or vague."""

HELPLINES = "https://findahelpline.com"

TALK = "talk"
"""The callback data of the button under the short line."""

# -- phrases, as `_plain` normalizes text: lower case, "do not" for "don't", no "really" --

_SELF = (
    "kill myself|end my life|end it all|end myself|take my (?:own )?life|commit suicide"
    "|(?:hang|shoot|drown|starve|hurt|harm) myself(?! in the foot)"
    "|cut myself(?! (?:a|an|some|off))"
    "|slit my wrists|overdose|jump off (?:a|the) (?:bridge|building|roof)|die by suicide"
)
_DOING_IT = (
    "killing myself|ending my life|ending it all|taking my (?:own )?life|hurting myself"
    "|harming myself|cutting myself|suicide(?! (?:squad|silence|prevention|boys|girls))"
)
_DIE = (
    "(?:die|be dead|not exist|stop existing|never wake up)(?! (?:laughing|for|my hair|happy|trying"
    "|than|with a smile|(?:of|from) (?:laughter|laughing|embarrassment|boredom|shame|cringe"
    "|cuteness|happiness|joy|hunger|thirst|heat|cold|curiosity|excitement|old age))\\b)"
)
_WANT = (
    "(?<!not )(?<!never )(?<!you )(?<!me )(?<!they )(?<!people )"
    "(?:want to|wish to|wish i could|need to|would like to|would love to|would rather|ready to"
    "|try to|tried to|trying to|decided to|plan to|planning to)"
)
_WILL = "(?<!not )(?<!never )(?:going to|about to|will|have to|how to|ways? to)"
_THINK = (
    "(?:think|thinking|thought|thoughts|dream|dreaming|fantasi[sz]e) (?:of|about)|feel like"
    "|feeling like|considering|contemplating|planning"
)
_LIVE_NO_MORE = (
    "do not want to (?:be alive|exist|live(?! (?:here|there|with|without|alone|at|near|on"
    "|in(?! this world)))|wake up (?:again|any more|ever))"
)

_OWN: Final = re.compile(
    rf"\b(?:{_WANT} (?:{_SELF}|{_DIE})|{_WILL} (?:{_SELF})"
    rf"|(?:{_THINK}) (?:{_DOING_IT}|dying(?! (?:to|my|of)\b))"
    r"|(?:keep|been|started) (?:hurting|harming|cutting) myself"
    r"|(?:am|feel|feeling) suicidal|(?:have|having|had|my) suicidal thoughts"
    r"|wish i (?:was|were) (?:dead|never born|not alive)|wish i (?:had|would) never been born"
    r"|wish i would not wake up|(?<!you )(?<!you are )(?<!you would be )better off dead"
    r"|better (?:off )?without me"
    rf"|{_LIVE_NO_MORE}|(?:no reason|nothing) to live for|no reason to live"
    r"|no point (?:in|to) living"
    r"|(?<!for )not worth living|(?:tired|sick) of (?:living|being alive)|hate being alive)\b"
)
_CLOSE: Final = (
    "he|she|they|someone|somebody|friend|bestie|brother|sister|mom|mum|mother|dad|father|son"
    "|daughter|child|kid|wife|husband|partner|girlfriend|boyfriend|roommate|flatmate|cousin|aunt"
    "|uncle|colleague|classmate|neighbou?r"
)
_THEMSELVES: Final = "(?:himself|herself|themselves|themself)"
_OTHER: Final = re.compile(
    rf"\b(?:{_CLOSE})(?: \w+){{0,3}}?"
    rf" (?:(?:want|wants|wanted|wishes|tried|tries|trying|going|threatens|plans|planning)"
    rf" to (?:{_DIE}|(?:kill|hurt|harm|cut|hang|shoot) {_THEMSELVES}|commit suicide"
    r"|end (?:his|her|their) (?:own )?life)"
    r"|(?:is|are|seems|feels|might be) suicidal"
    rf"|(?:talk|talks|talking|talked|think|thinks|thinking) (?:of|about) (?:suicide|dying"
    rf"|killing {_THEMSELVES}))\b"
)
_PERHAPS: Final = re.compile(
    rf"\b(?:(?:makes?|making) me want to (?:{_SELF}|{_DIE})"
    rf"|(?:not|never) (?:want|going|wish|planning) to (?:{_SELF}|{_DIE})|not suicidal"
    r"|kill myself(?! laughing)|cut myself(?! (?:shaving|cooking|chopping|off|a|an|some|short)\b)"
    r"|can not (?:do|take|bear|stand) (?:this|it) any more|can not go on"
    r"|do not want to (?:be here(?: any more)?|wake up|live without)"
    r"|want to disappear|want (?:it|everything|the pain) to (?:stop|end|be over)"
    r"|(?:tired of|giving up on|give up on) life|goodbye (?:forever|cruel world))\b"
)

_SPELLED_OUT: Final = {
    "wanna": "want to",
    "gonna": "going to",
    "gotta": "have to",
    "im": "i am",
    "ive": "i have",
    "cannot": "can not",
    "anymore": "any more",
    "kms": "kill myself",
    "unalive": "kill",
    "unaliving": "killing",
    "sewerslide": "suicide",
    "'m": " am",
    "'ve": " have",
    "'d": " would",
    "'ll": " will",
    "'s": " is",
    "'re": " are",
}
_NOT_JOINED: Final = {
    word: f"{word.removesuffix('nt')} not"
    for word in ("dont", "didnt", "doesnt", "isnt", "arent", "wasnt", "wouldnt", "couldnt")
} | {"cant": "can not", "can't": "can not", "wont": "will not", "won't": "will not"}
_FILLERS: Final = (
    "really just so fucking fuckin honestly actually kinda literally simply even always sometimes"
    " still often genuinely truly only also probably seriously rly"
)
_LEFT_OUT: Final = frozenset(_FILLERS.split())
_DIGITS_FOR_LETTERS: Final = str.maketrans("013457@$", "oieastas")

_TOKEN: Final = re.compile(r"[\w'*@$]+|[.,;:!?\n]")
_LONG_RUN: Final = re.compile(r"(.)\1{2,}")
_RUN: Final = re.compile(r"(.)\1+")
_PHRASE_WORDS: Final = re.compile(r"[a-z]{3,}")
_VOCABULARY: Final = tuple(
    sorted(
        {word for each in (_OWN, _OTHER, _PERHAPS) for word in _PHRASE_WORDS.findall(each.pattern)}
    )
)
_WITHOUT_RUNS: Final = {_RUN.sub(r"\1", word): word for word in _VOCABULARY}


def need_in(text: str) -> Need | None:
    """Return whether a text is about suicide or self-harm, and about whom."""
    plain = _plain(text)
    if _OWN.search(plain):
        return "own"
    if _OTHER.search(plain):
        return "other"
    return "perhaps" if _PERHAPS.search(plain) else None


def _plain(text: str) -> str:
    """Normalize a text for matching; punctuation stays, to keep sentences apart."""
    small = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    words = (_word(token) for token in _TOKEN.findall(small))
    return " ".join(word for word in words if word and word not in _LEFT_OUT)


def _word(token: str) -> str:
    """Undo disguises of a word: digits or stars for letters, repeated letters."""
    word = token
    if not word.isdigit():
        word = word.translate(_DIGITS_FOR_LETTERS)
    if "*" in word:
        word = next((known for known in _VOCABULARY if _is_starred(word, known)), word)
    if _LONG_RUN.search(word):
        word = _WITHOUT_RUNS.get(_RUN.sub(r"\1", word), word)
    if word in _NOT_JOINED:
        return _NOT_JOINED[word]
    if word in _SPELLED_OUT:
        return _SPELLED_OUT[word]
    before, apostrophe, after = word.rpartition("'")
    if apostrophe and after == "t" and before.endswith("n"):
        return f"{before[:-1]} not"
    return before + _SPELLED_OUT.get(f"'{after}", after) if apostrophe else word


def _is_starred(word: str, known: str) -> bool:
    """Return whether a word is `known` with stars for some letters after the first."""
    return (
        len(word) == len(known)
        and word[0] == known[0]
        and all(star in ("*", letter) for star, letter in zip(word, known, strict=True))
    )


# -- handlers --


async def answer(update: Update, context: Context) -> None:
    """Answer messages about suicide or self-harm.

    A photo of an album is passed on, so that its album is complete; `bot.chat.selfie.handlers`
    does not read albums with such captions.
    """
    message, chat = update.effective_message, update.effective_chat
    if message is None or chat is None or chat.type != ChatType.PRIVATE:
        return
    need = need_in(message.text or message.caption or "")
    if need is None:
        return
    if need == "perhaps":
        talk = InlineKeyboardButton(texts.CRISIS_TALK, callback_data=TALK)
        await say(context.bot, sender(update), texts.CRISIS_LINE, InlineKeyboardMarkup([[talk]]))
        return
    await say(context.bot, sender(update), texts.CRISIS[need], _helplines())
    if message.media_group_id is None:
        raise ApplicationHandlerStop


async def talk(update: Update, context: Context) -> None:
    """Give the full answer after a press of the button under the short line."""
    query = update.callback_query
    assert query is not None
    if query.data != TALK:  # a press without data reaches every handler of buttons
        return
    await toast(query)
    await say(context.bot, sender(update), texts.CRISIS["own"], _helplines())
    raise ApplicationHandlerStop


def _helplines() -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(texts.CRISIS_HELPLINES, url=HELPLINES)]])
