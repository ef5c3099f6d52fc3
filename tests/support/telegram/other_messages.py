"""One message of each kind that is no command, photo or video."""

from typing import Any

FILE = {"file_id": "f", "file_unique_id": "f"}


STICKER = {
    **FILE,
    "type": "regular",
    "width": 512,
    "height": 512,
    "is_animated": False,
    "is_video": False,
}


MESSAGES: dict[str, dict[str, Any]] = {
    "text": {"text": "hello there"},
    "unknown_command": {
        "text": "/sing",
        "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
    },
    "voice": {"voice": {**FILE, "duration": 3}},
    "audio": {"audio": {**FILE, "duration": 3}},
    "animation": {
        "animation": {**FILE, "width": 1, "height": 1, "duration": 3},
        "document": {**FILE, "mime_type": "video/mp4"},
    },
    "animated_sticker": {"sticker": {**STICKER, "is_animated": True}},
    "video_sticker": {"sticker": {**STICKER, "is_video": True}},
    "location": {"location": {"latitude": 1.0, "longitude": 2.0}},
    "contact": {"contact": {"phone_number": "1", "first_name": "A"}},
    "poll": {
        "poll": {
            "id": "1",
            "question": "?",
            "options": [],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": False,
            "members_only": False,
        }
    },
    "dice": {"dice": {"emoji": "🎲", "value": 6}},
    "document": {"document": {**FILE, "mime_type": "application/pdf"}},
    "other": {"story": {"chat": {"id": 1, "type": "private"}, "id": 1}},
}


ROME = {"location": {"latitude": 41.9, "longitude": 12.5}}
