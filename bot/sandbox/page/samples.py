"""Samples that the chat page can send: a portrait, stickers, a voice message."""

import io
import wave
from functools import cache

from PIL import Image, ImageDraw

VOICE_S = 1
STICKER_EMOJI = "👍"


@cache
def portrait_jpeg() -> bytes:
    """Return the astronaut Eileen Collins, a photo by NASA in the public domain, as a JPEG."""
    from skimage.data import astronaut  # slow to import, and rarely needed

    jpeg = io.BytesIO()
    pixels = astronaut()  # type: ignore[no-untyped-call]  # it has no annotations
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=92)
    return jpeg.getvalue()


@cache
def sticker_webp() -> bytes:
    """Return a plain round face as a sticker: 512 by 512 pixels on a transparent ground."""
    image = Image.new("RGBA", (512, 512))
    draw = ImageDraw.Draw(image)
    draw.ellipse((16, 16, 496, 496), fill="#ffcf40")
    for x in (176, 336):
        draw.ellipse((x - 28, 160, x + 28, 240), fill="#4a3200")
    draw.arc((136, 200, 376, 400), 20, 160, fill="#4a3200", width=26)
    webp = io.BytesIO()
    image.save(webp, "WEBP")
    return webp.getvalue()


@cache
def portrait_sticker_webp() -> bytes:
    """Return the portrait's face as a sticker: round, on a transparent ground."""
    face = Image.open(io.BytesIO(portrait_jpeg())).crop((110, 0, 350, 240)).resize((512, 512))
    round_mask = Image.new("L", (512, 512))
    ImageDraw.Draw(round_mask).ellipse((8, 8, 504, 504), fill=255)
    face.putalpha(round_mask)
    webp = io.BytesIO()
    face.save(webp, "WEBP")
    return webp.getvalue()


@cache
def silent_wav() -> bytes:
    """Return a second of silence as WAV; the real Telegram would send OGG."""
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000 * VOICE_S))
    return data.getvalue()
