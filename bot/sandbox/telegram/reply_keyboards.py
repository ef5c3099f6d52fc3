"""Reply keyboards: buttons that replace a person's keyboard and send their own text.

A message shows or removes one, but it belongs to the chat, not to the message. Of the buttons that
request something, only the one for a location is supported.
"""

from dataclasses import dataclass

from bot.sandbox.telegram.refusals import MAX_BUTTONS, Json, Refusal


@dataclass(frozen=True, slots=True)
class ReplyKeyboard:
    """The reply keyboard of a chat.

    Args:
        rows: The buttons, as `KeyboardButton`; empty if there is no keyboard.
        is_for_once: Whether it disappears with the person's next message. (The real one hides once
            a button is pressed.)
    """

    rows: tuple[tuple[Json, ...], ...] = ()
    is_for_once: bool = False


NO_KEYBOARD = ReplyKeyboard()


def read_reply_keyboard(markup: object) -> ReplyKeyboard | None:
    """Return the keyboard that a message shows; an empty one if it removes it.

    None means that the message does not change the keyboard.
    """
    if not isinstance(markup, dict):
        return None
    if markup.get("remove_keyboard"):
        return NO_KEYBOARD
    rows = markup.get("keyboard")
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refusal('field "keyboard" must be of type Array')
    kept = tuple(tuple(map(_button, row)) for row in rows if row)
    if sum(map(len, kept)) > MAX_BUTTONS:
        raise Refusal("reply markup is too long")
    return ReplyKeyboard(kept, bool(markup.get("one_time_keyboard")))


def _button(button: object) -> Json:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise Refusal("can't parse keyboard button: KeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise Refusal('can\'t parse keyboard button: Field "text" must be of type String')
    if not text.strip():
        raise Refusal("keyboard button text is empty")
    asks = {"request_location": True} if button.get("request_location") else {}
    return {"text": text, **asks}
