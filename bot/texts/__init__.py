"""Every sentence the bot says, in Telegram's HTML.

Messages with several parts are composed in the `messages` and `pages` of `bot.chat`.
"""

from html import escape

from recommender import errors as music_errors
from recommender.errors import BadPreference, RecommenderError
from vision import errors as vision_errors
from vision.errors import VisionError

EMOTION_EMOJI = {
    "angry": "😠",
    "disgust": "🤢",
    "fear": "😨",
    "happy": "😊",
    "sad": "😢",
    "surprise": "😮",
    "neutral": "😐",
}

ADJECTIVES = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "afraid",
    "happy": "happy",
    "sad": "sad",
    "surprise": "surprised",
    "neutral": "neutral",
}

MODE_LABELS = {"match": "Match", "lift": "Lift", "calm": "Calm"}

MODE_MEANINGS = {
    "match": "music that fits this mood",
    "lift": "music that meets this mood, then leads gently on",
    "calm": "quiet music to come to rest by",
}

# -- first contact --

WELCOME = (
    "<b>A selfie in, a mixtape out:</b> a playlist that fits your mood, or gently changes it.\n"
    "An AI reads the emotion in your photo or video, which is never kept; only numbers are.\n"
    "It can be wrong, and is not for work or school. /privacy says more."
)

ASK_CONSENT = (
    "Before I read a photo or video, please agree:\n"
    "An AI reads the emotion in it. The picture is never kept; only numbers are.\n"
    "It can be wrong, and is not for work or school. /privacy says more."
)

AGREED = "Thank you. Now send me a selfie, or choose with /mood."
DECLINED = "That's fine, I won't read any photos. /mood makes playlists without one."
WAITING_READ = "Thank you. I'm reading what you sent."
ALREADY_AGREED = "You already agreed. Send me a selfie whenever you like."

HELP = (
    "Send me a <b>selfie</b> and I make a playlist for the mood I read in it: a photo, an album, "
    "a video message. Or just tell me how you feel.\n\n"
    "/mood: choose a mood without a photo\n"
    "/playlist: another playlist for your last mood\n"
    "/feedback: tell me what you liked; <code>/feedback 4</code> rates the last playlist, "
    "<code>/feedback 3 -</code> says no to its third track\n"
    "/settings: length, mode, what you like and never want to hear\n"
    "/connect: let me save playlists to your Spotify; <code>/connect CLIENT_ID</code> uses an app "
    "of your own\n"
    "/disconnect: stop that\n"
    "/history: your moods and your last playlists\n"
    "/schedule: I ask you for a selfie at the times you choose, for example "
    "<code>/schedule 08:30 weekdays</code>\n"
    "/privacy: what I keep, and why\n"
    "/export: everything I store about you, as a file\n"
    "/forget: delete everything about you\n"
    "/cancel: stop what I'm doing\n\n"
    "If you need to talk to a person now: findahelpline.com lists free helplines everywhere."
)

COMMANDS = {
    "start": "Say hello",
    "help": "What I can do",
    "mood": "Choose a mood without a photo",
    "playlist": "Another playlist for your last mood",
    "feedback": "Tell me what you liked",
    "settings": "Length, mode, favourites, bans",
    "connect": "Connect your Spotify",
    "disconnect": "Disconnect your Spotify",
    "history": "Your moods and your last playlists",
    "schedule": "Be asked for a selfie at set times",
    "privacy": "What I keep, and why",
    "export": "Everything I store about you",
    "forget": "Delete everything about you",
    "cancel": "Stop what I'm doing",
}

STRANGER = (
    "Hello! This bot is private: its owner chooses who may use it. If you know them, ask them to "
    "add your number {user_id}."
)
NO_LONGER_ADMITTED = (
    "Hello! This bot's owner has taken you off the list of people who may use it, so I can't help "
    "you with music any more. What I stored about you is still yours: /privacy says what I keep, "
    "/export sends it to you, and /forget deletes all of it."
)
OWNER_LINKED = "That is the code: you are my owner. Now go on in the terminal."
PRIVATE_CHATS_ONLY = "I only work in a private chat with you alone. Send me a message there."

# -- when somebody writes about suicide or self-harm (the numbers were checked in November 2026) --

_CRISIS_HELP = (
    "I'm only a music bot and can't help the way a person can. But people can, right now and free "
    "of charge:\n"
    "• US and Canada: call or text <code>988</code>\n"
    "• UK and Ireland: Samaritans, <code>116 123</code>\n"
    "• Australia: Lifeline, <code>13 11 14</code>\n"
    "• Anywhere else: findahelpline.com\n"
    "{danger}, call the emergency number: <code>112</code> in Europe, <code>999</code> in the UK, "
    "<code>911</code> in the US and Canada, <code>000</code> in Australia.\n\n"
    "I don't keep what you wrote, and I tell nobody; it stays in this chat until you delete it. "
    "I'm here for music whenever you like."
)
CRISIS = {
    "own": "I'm sorry it is this hard right now. "
    + _CRISIS_HELP.format(danger="If you are in danger right now"),
    "other": "It is good that you care about them. "
    + _CRISIS_HELP.format(danger="If they are in danger right now"),
}
CRISIS_HELPLINES = "Find a helpline"
CRISIS_LINE = "If it is more than a hard day, there are people you can talk to, now and for free."
CRISIS_TALK = "I need to talk to someone"

# -- photos --

STATUS_READING = "📷 Got it. Looking for your face …"
STATUS_WAITING = "⏳ Got it. I'm busy right now: you are number {number} in the queue."
COVERED = {
    "mouth": "Your mouth is covered, so take this lightly.",
    "eyes": "Your eyes are covered, so I read the rest of your face.",
}
WEIGHED = "Adjusted by your earlier {answers}."
NETWORK_ALONE = "From the photo alone: {emotion} ({share})."
COUNTED_WORDS = "I counted your words: {words}."
WORDS_DECIDED = "They made the difference: {emotion}."
WORDS_AGREED = "They say what the photo says."
LOOKED_CLEARLY = "The photo looked clearly {emotion}, so they move the music only a little."
LOOKED_MORE = "The photo still looked more {emotion}, so they move the music only a little."
COUNTED_FOR = "{word} for {emotion}"
COUNTED_AGAINST = "{word} against {emotion}"
SURENESS = ((0.85, "I'm quite sure."), (0.65, "I'm fairly sure."), (0.0, "My best guess."))
"""How sure a reading is, by the lowest probability for each wording."""
YOU_LOOK = "You look {emotion} {emoji} {sureness}"
NOT_SURE = "I'm not sure: {first} or {second}? Tell me which fits:"
CORRECTED = "You say: <b>{emotion}</b> {emoji}. Thank you."
LARGEST_FACE = "I see {count} faces and read the largest, the one in the picture."
EYES_ESTIMATED = "I couldn't make out both eyes, so I estimated where they are."
STATUS_CHOOSING = "🎧 Choosing your tracks …"
STATUS_ALBUM = "📷 Got your {count} photos. Looking for the clearest face …"
STATUS_VIDEO = "🎥 Got it. Looking through your video …"
ALBUM_READ = "Of your {count} photos I read number {number}, which has the clearest face."
ALBUM_UNREADABLE = "I couldn't read any of your {count} photos. The closest one: {why}"
VIDEOS_PASSED_OVER = "I skipped the videos in the album."
VIDEO_READ = "I looked at {count} moments of your video; the picture shows the clearest."
WHOSE_MOOD = (
    "I see {count} people. Whose mood should the music fit? You can choose another one later, as "
    "long as your photo stays in this chat."
)
PHOTO_GONE = "I keep no photos, and that one is no longer in this chat. Please send it again."
STICKER_WITHOUT_FACE = (
    "A lovely sticker, but I can't find a person's face in it. Please send me a selfie."
)
WORKER_FAILED = "Something went wrong while I read that. Please send it again, or another photo."
TOO_MUCH = {
    "file too big": (
        "That file is over 20 MB, more than Telegram lets me fetch. Send it as a photo."
    ),
    "video too big": (
        "That video is over 20 MB, more than Telegram lets me fetch. A few seconds are enough."
    ),
    "video too long": (
        "That video is longer than a minute, which is my limit. A few seconds are enough."
    ),
    "album too big": "Those files are over 60 MB together. Send fewer, or send them as photos.",
}
"""Why a file is refused before the download, by `bot.chat.media.Fault`."""
FETCH_FAILED = "I can't get that file from Telegram right now. Please send it again in a while."
QUEUE_FULL = (
    "So many photos are waiting that I can't take another one now. Please send it again in a few "
    "minutes."
)
STILL_READING = "I'm still reading your other photos. Please send the next one in a moment."

NOT_A_PHOTO = {
    "text": "I read faces better than words. Send me a selfie, or choose a mood:",
    "unknown_command": "I don't know that command. /help lists the ones I know.",
    "voice": "I can't listen, only look. Send me a selfie, or choose a mood with /mood.",
    "audio": "I'm sure it's a fine tune, but I can't listen. Send me a selfie instead.",
    "animation": "I can't read GIFs. Send me a photo or a short video of your face.",
    "animated_sticker": "It dances, but your face isn't in it. Please send me a selfie.",
    "video_sticker": "That sticker moves too fast for me. Please send me a selfie.",
    "location": "I don't need your location, and I don't keep it. Send me a selfie instead.",
    "contact": "I don't need contacts, and I don't keep them. Send me a selfie instead.",
    "poll": "I have no opinion on polls, only on faces. Send me a selfie instead.",
    "dice": "Nice throw! For music I need a selfie, though, or /mood.",
    "document": (
        "That file is not a picture. Send me a photo of your face: JPEG, PNG, WebP or HEIC."
    ),
    "other": "I can't do anything with that. Send me a selfie, or choose a mood with /mood.",
}

VISION_ERRORS: dict[type[VisionError], str] = {
    vision_errors.PhotoMissing: "There is no photo of that name that I can open.",
    vision_errors.EmptyPhoto: "That file is empty. Please send the photo again.",
    vision_errors.NotAPhoto: (
        "That file is not a photo that I can open. A JPEG, PNG, WebP or HEIC picture works."
    ),
    vision_errors.DamagedPhoto: (
        "That photo arrived damaged or cut short. Please send it again, or another one."
    ),
    vision_errors.AnimatedPhoto: "That picture is animated. Please send a photo of your face.",
    vision_errors.PhotoTooSmall: "That picture is tiny. An ordinary photo of your face works.",
    vision_errors.PhotoTooLarge: (
        "That picture is larger than I can open. An ordinary photo of up to 50 megapixels works."
    ),
    vision_errors.NotAVideo: "I can't open that kind of video. MP4 and WebM work.",
    vision_errors.DamagedVideo: (
        "That video arrived damaged or cut short. Please send it again, or a photo."
    ),
    vision_errors.VideoTooLong: (
        "That video is longer than a minute, which is my limit. A few seconds are enough."
    ),
    vision_errors.VideoTooLarge: (
        "That video is larger than I can open. A shorter one works, or a photo."
    ),
    vision_errors.NoFaceFound: (
        "I couldn't find a face in it. A picture from the front, in good light, "
        "with your face filling a good part of it, works best."
    ),
    vision_errors.FaceTooSmall: (
        "Your face is too small in it. Please come closer and try again."
    ),
    vision_errors.FaceTooDark: ("It is too dark to read your face. Please try with more light."),
    vision_errors.FaceTooBlurred: ("Your face is too blurred. Please hold still and try again."),
    vision_errors.WeightsMissing: "The weight file is missing. Get a complete copy of models/.",
    vision_errors.WeightsAltered: (
        "The weight file is not the one this version was tested with. Restore models/."
    ),
}
"""A kind sentence for each reason why a photo cannot be read."""

MUSIC_ERRORS: dict[type[RecommenderError], str] = {
    music_errors.TooFewTracks: "Your filters leave me too little music. {told}",
    music_errors.ConnectionExpired: (
        "Your Spotify no longer lets me in. Please connect again; then I save this playlist there."
    ),
    music_errors.SpotifyRefused: (
        "Spotify refused to save the playlist. Each title below opens its track."
    ),
    music_errors.NotOnUserList: (
        "Spotify does not let your account in: the app behind this bot serves a few accounts that "
        "its owner has named. Ask the bot's owner to add you under User Management in Spotify's "
        "developer dashboard; then press the button below."
    ),
    music_errors.OwnerNeedsPremium: (
        "Spotify has switched off the app behind this bot, because its owner has no Premium any "
        "more. Each title below opens its track."
    ),
    music_errors.PlaylistGone: (
        "Spotify lost the playlist while I saved it. I keep it and try again soon."
    ),
    music_errors.RateLimited: (
        "Spotify is busy. I keep the playlist, save it in a minute, and tell you."
    ),
    music_errors.QuotaExceeded: (
        "Spotify allows no more changes until about {until}. I keep the playlist, save it then, "
        "and tell you."
    ),
    music_errors.SpotifyUnreachable: (
        "I can't reach Spotify right now. I keep the playlist, try again, and tell you. "
        "Each title below opens its track."
    ),
}
"""A kind sentence for each reason why a playlist cannot be made or published."""


CONNECT_ERRORS: dict[type[RecommenderError], str] = {
    music_errors.AuthorizationDenied: (
        "You said no at Spotify, and that is fine: nothing was connected. Should you change your "
        "mind, send /connect."
    ),
    music_errors.AuthorizationForeign: (
        "That address belongs to another chat: somebody else's button made it. Nothing was "
        "connected. For a button of your own, send /connect."
    ),
    music_errors.AuthorizationStale: (
        "That address was used already, or is older than ten minutes. Nothing was connected; "
        "/connect gives you a fresh button."
    ),
    music_errors.AccountUnknown: (
        "Spotify did not say whose account that is, so nothing was connected. Send /connect to "
        "try again."
    ),
    music_errors.AuthorizationFailed: (
        "Spotify reports that something failed, so nothing was connected. Send /connect to try "
        "again."
    ),
    music_errors.SpotifyBusy: (
        "Spotify cannot answer right now, so nothing was connected. Wait a little, then send "
        "/connect again."
    ),
    music_errors.SpotifyRefused: (
        "Spotify does not let this account in: the app behind me serves only people whom my owner "
        "has named. Ask the bot's owner to add you under <b>User Management</b>, or bring an app "
        "of your own: <code>/connect CLIENT_ID</code>"
    ),
}
"""A kind sentence for each reason why an account cannot be connected."""

OWN_APP_REFUSED = (
    "Spotify does not let this account in by your app <code>{client_id}</code>. Its owner needs "
    "Premium, and every other account must be listed under <b>User Management</b> in its "
    "settings. <code>/connect default</code> goes back to my owner's app."
)


def explain_connect_error(error: RecommenderError) -> str:
    """Return the sentence for an error, or for its nearest parent class that has one."""
    for kind in type(error).__mro__:
        if kind in CONNECT_ERRORS:
            return CONNECT_ERRORS[kind]
    return "That did not work, and nothing was connected. Send /connect to try again."


def wrong_digits(tries_left: int) -> str:
    """Return the reply to wrong digits."""
    number = {0: "none", 1: "one"}.get(tries_left, "many")
    return WRONG_DIGITS[number].format(left=tries_left)


def explain_error(error: VisionError) -> str:
    """Return the sentence for an error, or for its nearest parent class that has one."""
    for kind in type(error).__mro__:
        if kind in VISION_ERRORS:
            return VISION_ERRORS[kind]
    return "I couldn't read that photo. Please try another one."


def explain_music_error(error: RecommenderError, until: str = "later") -> str:
    """Return the sentence for an error, or for its nearest parent class that has one.

    Args:
        error: What happened; some sentences repeat its message.
        until: When to try again, in words.
    """
    for kind in type(error).__mro__:
        if kind in MUSIC_ERRORS:
            return MUSIC_ERRORS[kind].format(until=until, told=escape(str(error)))
    return "That did not work. Please try again."


# -- moods and playlists --

WHICH_EMOTION = "What fits better?"
CONFIRMED = "Good to know, thank you."
CHOOSE_MOOD = "Which mood should the music fit?"
NO_MOOD_YET = "I don't know your mood yet. Send me a selfie, or choose one with /mood."
REWRITTEN = "Rewritten: {mode}."
UNKNOWN_MOOD = "I don't know that mood. Choose one, or say it in other words:"
HEARD_MOOD = "{counted} So here is music for {emotion}; /mood chooses another."
A_BIT = "a bit {feeling}"
IN_MODE = "{feeling}, in the mode <b>{mode}</b>"
HEARD_NO_MOOD = "{counted} Which mood is it?"

INVENTED_TRACKS = "<i>These tracks are invented: no real catalogue has been imported.</i>"
INVENTED = "invented"
AS_FILES = (
    "The playlist as files: a list of links to Spotify, and a CSV for spreadsheets and for "
    "services that import playlists, such as Soundiiz or TuneMyMusic."
)
FILES_OF_INVENTED = "The tracks are invented, so no service can find them."

PASSED_OVER = "A newer playlist replaced it, so this one was not saved to your Spotify."
NO_LONGER_THERE = "This one is no longer in your Spotify. <i>Save as new</i> brings it back."
IN_SPOTIFY = 'Your playlist is in Spotify now: <a href="{url}">{name}</a>.'


def replaced(count: int, missing: int) -> str:
    """Return the news that Spotify no longer plays some tracks.

    Args:
        count: How many tracks are unavailable.
        missing: How many of them could not be replaced.
    """
    what = "a track that I had chosen" if count == 1 else f"{count} tracks that I had chosen"
    if not missing:
        return f"Spotify no longer plays {what}, so I replaced {'it' if count == 1 else 'them'}."
    return f"Spotify no longer plays {what}, and I could replace only {count - missing}."


# -- feedback --

VOTED = {
    True: "Noted: more like this.",
    False: "Noted: I won't pick this one again.",
    None: "Taken back.",
}
ASK_STARS = "How good was it as a whole?"
RATED = "Thank you: {stars} of 5. And how do you feel now?"
HOW_NOW = "How do you feel now?"
FELT = "Noted: {before} before, {after} now. That tells me whether the music helps."
UNDO = "↩ Undo"
NO_PLAYLIST_YET = "There is no playlist to rate yet. Send me a selfie first, or /mood."
NO_SUCH_TRACK = "Your last playlist has tracks 1 to {count}. For example: /feedback 3 +"
FEEDBACK_USAGE = (
    "For example: /feedback 4 rates the last playlist from 1 to 5, /feedback 3 + likes its third "
    "track, /feedback 3 - dislikes it, and /feedback alone shows buttons."
)
GONE = "I can't find that any more: it was deleted or belongs to another chat."
UNKNOWN_BUTTON = "Sorry, that button no longer works. /help shows what I can do."

# -- settings --

SETTINGS_HEAD = "<b>Your settings</b>\nThey apply from your next playlist."
SETTINGS = (
    ("mode", "Mode"),
    ("length", "Length"),
    ("popularity", "How well known"),
    ("allows_explicit", "Explicit tracks"),
    ("keeps_playlists", "In your Spotify"),
    ("years", "Released"),
    ("favourite_artists", "Favourite artists"),
    ("favourite_genres", "Favourite genres"),
    ("banned_artists", "Never by"),
    ("banned_genres", "Never of the genre"),
)
"""The label of each setting, in order."""
LENGTH = "{length} tracks"
POPULARITY = {"familiar": "Familiar", "mixed": "Mixed", "deep": "Deep cuts"}
EXPLICIT = {True: "allowed", False: "left out"}
EXPLICIT_UNKNOWN = {
    "all": (
        "<i>My catalogue doesn't say which of its {tracks} tracks are explicit. I leave out "
        "titles with explicit words, but can't promise more.</i>"
    ),
    "some": (
        "<i>For {unchecked} of its {tracks} tracks my catalogue doesn't say whether they are "
        "explicit. I leave those out too.</i>"
    ),
}
SWITCH_EXPLICIT = {True: "Leave out explicit tracks", False: "Allow explicit tracks"}
KEEPS = {True: "a new playlist each time", False: "one playlist, updated each time"}
SWITCH_KEEPS = {True: "Update one playlist", False: "A new playlist each time"}
USUAL_BUTTON = "Reset everything"
NOBODY = "none"

ANY_YEAR = "Any year"
YEARS_FROM = "{year} or later"
YEARS_UNTIL = "{year} or earlier"
YEARS_BUTTON = "Release years"
TYPE_YEARS = "Type years"
YEARS_PAGE = "<b>Release years</b>\nI choose tracks from: {years}."
YEARS_UNKNOWN = "<i>My catalogue has no release years, so with any limit it has no tracks.</i>"
ASK_YEARS = (
    "Which years? Send them as <code>1990-1999</code>, <code>1990-</code>, <code>-1999</code> or "
    "<code>1994</code>."
)

LIST_BUTTONS = {
    "favourite_artists": "Favourite artists",
    "favourite_genres": "Favourite genres",
    "banned_artists": "Banned artists",
    "banned_genres": "Banned genres",
}
LIST_PAGES = {
    "favourite_artists": "<b>Favourite artists</b>\nI choose their tracks a little more often.",
    "favourite_genres": "<b>Favourite genres</b>\nI choose from these a little more often.",
    "banned_artists": "<b>Banned artists</b>\nYou never get their tracks.",
    "banned_genres": "<b>Banned genres</b>\nYou never get tracks of these genres.",
}
EMPTY_LIST = "None yet."
TYPE_NAME = {"artist": "Type an artist", "genre": "Type another genre"}
ASK_NAME = {
    "artist": "Which artist? Send me the name, or several names separated by commas.",
    "genre": "Which genre? Send me its name, or several names separated by commas.",
}
STOP_TYPING = "‹ Never mind"
UNKNOWN_NAME = {
    True: (
        "My catalogue has no {noun} called <b>{name}</b>. Did you mean one of these? You can also "
        "send the name again."
    ),
    False: (
        "My catalogue has no {noun} called <b>{name}</b>, nor a similar one. Send the name again, "
        "or another one."
    ),
}
UNKNOWN_NAMES = "My catalogue has no {noun} called {names} either."
AND_MORE = " and {count} more"
TOO_MANY_NAMES = "That is too many names for one list. Please send at most {most}."
SETTING_KEPT = "Noted."
SWAPPED = "Noted, and removed from the other list."


def bad_preference(error: BadPreference) -> str:
    """Return the reply to an impossible setting."""
    return f"That doesn't work: {escape(str(error))}. Please send it again."


# -- Spotify --

CONNECT = (
    "Connect your Spotify and I save your playlists there: one private playlist, updated each "
    "time. I ask to write private playlists and to find mine among yours, nothing else. "
    "The button works for ten minutes."
)
ALREADY_CONNECTED = (
    "Your Spotify is connected. This button reconnects it, or connects another account, for the "
    "next ten minutes."
)
BACK_BY_DIGITS = (
    "<b>At the end</b> a page shows six digits. Type them here, and you're done. Don't give them "
    "to anybody else."
)
BACK_BY_ADDRESS = (
    "<b>On a phone</b>, or on another computer than mine, the last page doesn't open. That is "
    "expected:\n"
    "1. Tap the browser's address bar.\n"
    "2. Copy the whole address: it begins with <code>{redirect_uri}?code=</code>\n"
    "3. Paste it here.\n"
    "Don't give it to anybody else."
)
TYPE_DIGITS = (
    "Somebody agreed at Spotify with your button. If it was you, type the six digits from the "
    "page here within five minutes. If not, do nothing, and nothing is connected."
)
WRONG_DIGITS = {
    "many": "Those are not the digits that the page shows. You have {left} more tries.",
    "one": "Those are not the digits that the page shows. You have one more try.",
    "none": "Those were not the digits either, so nothing is connected. /connect starts over.",
}
DIGITS_TOO_OLD = (
    "Those digits worked for five minutes only. Nothing was connected; /connect starts over."
)
ADDRESS_USED = (
    "That address was used already, or is older than ten minutes. Your Spotify is still connected."
)
ADDRESS_OF_ANOTHER_SITE = (
    "That is an address of {site}. The one I need comes after you agree at Spotify, when the "
    "browser says that it cannot open the page: it begins with "
    "<code>{redirect_uri}?code=</code>. Tap the address bar, copy all of it, and paste it here."
)
ADDRESS_INCOMPLETE = (
    "That is the right address, but not all of it: the long part <code>?code=…&amp;state=…</code> "
    "is cut off. Tap the browser's address bar, choose <i>Select all</i>, copy, and paste it here."
)
OWN_APP = (
    "Noted: you connect with your own app <code>{client_id}</code>. Its settings at "
    "developer.spotify.com need exactly this redirect URI: "
    "<code>{redirect_uri}</code>. <code>/connect default</code> goes back to my owner's app."
)
OWNERS_APP = "Noted: you connect with my owner's app again."
BY_OWN_APP = (
    "It uses your own app <code>{client_id}</code>; for my owner's, send "
    "<code>/connect default</code>."
)
BAD_CLIENT_ID = (
    "That is not a client id. A client id has 32 characters, 0 to 9 and a to f; you find it in "
    "your app's settings at developer.spotify.com. Send it like this:\n"
    "<code>/connect 0123456789abcdef0123456789abcdef</code>\n"
    "<code>/connect default</code> goes back to my owner's app."
)
ACCOUNT_CONNECTED = "✅ Your Spotify is connected{who}. Not you? /disconnect, then connect again."
AS_WHOM = " as <b>{name}</b>"
CONNECT_UNAVAILABLE = (
    "My owner has not set up Spotify yet. The titles in each playlist open their tracks."
)
DISCONNECTED = (
    "Your Spotify is disconnected and its key is deleted. Your playlists stay. To revoke my "
    'permission there too, open <a href="https://www.spotify.com/account/apps/">'
    "spotify.com/account/apps</a> and press <i>Remove access</i> beside my name."
)
NOT_CONNECTED = "Your Spotify was not connected."

CONSENT = {
    "ending": (
        "On about {day}, six months after you connected it, Spotify ends my permission to write "
        "your playlists. Connect again before then, and nothing is interrupted."
    ),
    "ended": (
        "I can no longer write to your Spotify: six months have passed since you connected it, or "
        "you removed me there, or my owner lost the key. Connect again, and I save the playlist "
        "that is waiting; until then the titles in each playlist open their tracks."
    ),
}
"""The notices about a consent at Spotify, above a button to renew it."""

# -- history --

NO_HISTORY = "You have no history yet. Send me a selfie, or choose a mood:"
MOODS_SHOWN = "{moods} in these weeks."
MOST_OFTEN = "Most often you were {emotion} {emoji}."
MOODS_IN_ALL = "There are {total} in all."
NO_MOOD_SHOWN = "No mood in these weeks."
HISTORY_CHANGES = "Before and after the music"


def after_music(brighter: list[bool]) -> str:
    """Return how often the user felt brighter after a playlist."""
    if len(brighter) == 1:
        return f"After the music you felt {'brighter' if brighter[0] else 'no brighter'}."
    return f"After the music you felt brighter {sum(brighter)} of {len(brighter)} times."


LAST_PLAYLISTS = "<b>Your last playlists</b>"
SHOW_AGAIN = "A number shows that playlist again, with all its tracks."
HISTORY_TITLE = "Your moods"
HISTORY_PATH = "How your moods changed"
SQUARE = {
    "tense": "tense",
    "lively": "lively",
    "low": "low",
    "at ease": "at ease",
}
"""The corners of the square of valence and energy."""

# -- check-ins --

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

CHECK_INS = "<b>Your check-ins</b>"
NO_CHECK_INS = (
    "I can ask you for a selfie at times that you choose. Pick one of these, or write your own: "
    "<code>/schedule 8 pm mon,wed,fri</code>"
)
NEXT_CHECK_IN = (
    "Your time zone is {clock}. The next one comes {when}. /schedule off stops them all."
)
ZONE_MISSING = "They start as soon as I know your time zone."
TELL_ZONE = "Tell me your time zone"
CHANGE_ZONE = "Change the time zone"
ZONE_BUTTON = "Time zone"
SEND_LOCATION = "📍 Send where I am"
ASK_ZONE = (
    "Which time zone are you in? Write a large city in it, or your country, such as <i>Berlin</i> "
    "or <i>India</i>. Or send me your location: I use it to find the time zone and don't keep it."
)
LOOKED_AT_LOCATION = "Thank you. I looked at your location and didn't keep it."
WHICH_CLOCK = "Which clock shows your time?"
UNKNOWN_PLACE = (
    "I don't know that place. Write a larger city in your time zone, or your country, such as "
    "<i>Berlin</i> or <i>India</i>; or send me your location. /cancel ends this question."
)
ZONE_NOTED = "Got it: your time zone is {clock}."
SCHEDULE_OFF = "Done: no more check-ins."
NO_SCHEDULE = "You have no check-ins to stop. Set some with /schedule."
CHECK_IN_REMOVED = "Removed."
SCHEDULE_USAGE = (
    "For example: <code>/schedule 08:30 weekdays</code>, or "
    "<code>/schedule 9 am 6:30 pm mon,wed,fri</code>"
)
NO_TIME = "A time of day is missing."
NOT_A_TIME = "I don't understand <i>{word}</i>."
WHICH_HALF = "Do you mean {before}, or {after}?"
BEFORE_NOON, AFTER_NOON = "{hour} am", "{hour} pm"
MIDNIGHT, NOON = "midnight", "noon"
TOO_MANY_CHECK_INS = (
    "You can have at most {most} check-ins. /schedule shows yours, to remove some."
)
CONSENT_FIRST = "Before I ask you for photos, please read this:"
_CHECK_IN = "{greeting}! How do you feel? Send me a selfie, or choose a mood:"


def check_in(hour: int) -> str:
    """Return the question for a selfie at an hour of the user's day."""
    greeting = "Hello"
    if 5 <= hour < 12:
        greeting = "Good morning"
    elif 18 <= hour < 23:
        greeting = "Good evening"
    return _CHECK_IN.format(greeting=greeting)


# -- privacy --

PRIVACY = (
    "<b>What I keep, and why</b>\n"
    "• Your consent: without it I read no photo.\n"
    "• Readings: the seven probabilities, the emotion, and for which emotions your caption "
    "counted, never the photo or your words. They choose your music.\n"
    "• Your corrections of readings: they adjust your later readings a little.\n"
    "• Playlists, votes, ratings and how you felt afterwards: so that the next one fits better.\n"
    "• Your settings, and which of my messages shows what: so that the buttons work.\n"
    "• If you connect Spotify: the name of that account, the key to it (encrypted), and the id of "
    "your own app if you brought one.\n"
    "• Your check-ins and your time zone, if you use /schedule. I look at a location that you "
    "send for it, and don't keep it.\n"
    "• Each message of yours, encrypted, until I have answered it.\n\n"
    "<b>What I don't keep</b>\n"
    "• Photos and videos: they are decoded in memory and dropped.\n"
    "• Where you are, or anything for advertising. I pass on nothing but track ids, to your own "
    "Spotify.\n\n"
    "An AI estimates the emotion, on the computer of this bot's owner. It is not for work, "
    "school, or any judgement about people.\n\n"
    "/export sends you all of it. /forget deletes all of it, in my nightly backups too. Only your "
    "Telegram id stays, encrypted, so that restoring an older backup can't bring your data back."
)
HAS_CONSENT = "<b>You agreed</b> on {day} to this, version {version}. You can withdraw that."
OUTDATED_CONSENT = (
    "<b>You agreed</b> on {day} to version {version} of this. It has changed since, so I ask you "
    "again before I read another photo."
)
LACKS_CONSENT = "<b>You have not agreed</b> to my reading photos, so I read none."
WITHDRAW = "Withdraw my consent"
WITHDRAWN = (
    "Your consent is withdrawn: I read no more photos, and ask for none, until you agree again."
)
RESET = "Forget my corrections"
WAS_RESET = (
    "Done: I read your next photo as if you had never corrected me. New corrections count again. "
    "Your earlier readings and playlists stay; /forget deletes those too."
)
NOTHING_TO_RESET = "No correction of yours adjusts your readings, so there is nothing to forget."
ASK_FORGET = (
    "This deletes your readings, playlists, votes, settings, check-ins, consent and the key to "
    "your Spotify here. This can't be undone; /export gives you a copy first. Playlists in your "
    "Spotify stay."
)
EXPORTED = "Everything I store about you, as JSON and as tables. README.txt explains it."
EXPORT_README = """\
Everything that this bot stored about you on {day}.

mirrortape.json holds all of it, for programs. Each table is also a CSV file, for spreadsheets.
There, text that a spreadsheet would take for a formula starts with an apostrophe.
There are no photos: none are ever stored. Times are in UTC.
If you ever used /forget, your Telegram id is also on a list, encrypted, so that restoring an older
backup cannot bring back what was deleted.

{tables}
"""
EXPORT_TABLE = "{name}.csv, rows: {rows}\n    {what}"
WITHHELD = "(stored encrypted or hashed; not shown, because anyone who had it could act for you)"
KEPT_ROWS = {
    "people": (
        "what you agreed to and when, and Telegram's number of a photo that waits for that."
    ),
    "inbox": "your messages that are not answered yet, encrypted; this request is one.",
    "set_aside": "what you sent that the bot could not read, encrypted, for a week at most.",
    "shown_messages": "which message shows which playlist or track.",
    "questions": "what you were asked to type and have not typed yet.",
    "zones": "your time zone, if you use /schedule.",
    "check_ins": "when you want to be asked for a selfie.",
    "readings": "what was read in each photo, and what you said about it.",
    "mood_shifts": "how your answers adjusted each reading.",
    "shift_resets": "up to which reading you took your answers back.",
    "playlists": "each playlist: for which mood, in which mode, and how you rated it.",
    "shown": "the tracks of your playlists, why each was chosen, and your votes.",
    "standing": "which playlist stands where in your Spotify.",
    "written": "which playlists were ever written to your Spotify.",
    "moods_after": "how you felt after a playlist.",
    "preferences": "your settings.",
    "spotify_accounts": "the Spotify account that you connected, and the key to it.",
    "spotify_ways": "links to Spotify's consent page that you have not used yet.",
    "spotify_arrivals": "a consent at Spotify that waits for its six digits.",
    "spotify_apps": "the Spotify app of your own.",
    "spotify_cooldowns": "until when Spotify wants no requests of your own app.",
    "spotify_intents": "a playlist that is not written to your Spotify yet.",
    "spotify_notices": "what you were or will be told about your consent at Spotify.",
}
"""What each table stores about a user."""

FORGOTTEN = (
    "Done: everything about you is deleted. Only your Telegram id stays, encrypted, so that no "
    "older backup brings your data back. Send a photo or /start to start again."
)
KEPT = "Nothing was deleted."

CANCELLED = "Stopped."
NOTHING_TO_CANCEL = "There is nothing to stop."
APOLOGY = "Sorry, something went wrong on my side. Please try again."
UNPARSABLE = (
    "Sorry, what you just sent arrived in a form that I can't read. Please send it another way. "
    "Everything else still works."
)
DISK_FULL = (
    "My disk is full, so what you sent has to wait. It is not lost: I'll answer as soon as my "
    "owner has made room."
)
