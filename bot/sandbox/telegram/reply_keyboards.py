"""Reply keyboards: buttons in the place of a person's keyboard, which send what they say.

A message brings one, or takes it away; it belongs to the chat and not to that message. Of the
buttons that ask for something, the one for a location is known.
"""

from dataclasses import dataclass

from bot.sandbox.telegram.refusals import MAX_BUTTONS, Json, Refusal


@dataclass(frozen=True, slots=True)
class ReplyKeyboard:
    """What a chat offers a person to send.

    Args:
        rows: The buttons, as `KeyboardButton`; none where there is no keyboard.
        is_for_once: Whether it goes with the person's next message. (By the real one it folds
            up when one of its buttons is pressed.)
    """

    rows: tuple[tuple[Json, ...], ...] = ()
    is_for_once: bool = False


NO_KEYBOARD = ReplyKeyboard()


def read_reply_keyboard(markup: object) -> ReplyKeyboard | None:
    """Return the keyboard that a message brings, an empty one where it takes one away.

    None stands for a message that leaves the keyboard as it is.
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
