"""The photos and documents that a bot sends: uploads, or files sent before."""

from bot.sandbox.telegram.call import Call
from bot.sandbox.telegram.files import MAX_PHOTO_BYTES, FileStore, NotAPhoto, photo_sizes
from bot.sandbox.telegram.refusals import Json, Refusal


def media_content(files: FileStore, call: Call, name: str, kind: str) -> Json:
    """Return the file that a field names, as part of a message: an upload or a stored file.

    Args:
        files: The stored files.
        call: The request, or one item of its media.
        name: The field.
        kind: "photo" or "document".
    """
    value = call.text(name)
    upload = call.uploads.get(value.removeprefix("attach://") or name)
    if kind not in ("photo", "document"):
        raise Refusal(f"unsupported media type {kind}: the local Telegram has photo and document")
    if upload is None:
        return _stored_content(files, value, kind)
    if not upload.data:
        raise Refusal("file must be non-empty")
    if kind == "document":
        document = files.add_document(upload.data, upload.name, upload.mime)
        return {"document": document}
    if len(upload.data) > MAX_PHOTO_BYTES:
        raise Refusal(
            f"file of size {len(upload.data)} bytes is too big for a photo; "
            f"the maximum size is {MAX_PHOTO_BYTES} bytes"
        )
    try:
        return {"photo": files.add_photo(photo_sizes(upload.data))}
    except NotAPhoto as error:
        raise Refusal(str(error)) from None


def _stored_content(files: FileStore, file_id: str, kind: str) -> Json:
    if not file_id:
        raise Refusal(f"there is no {kind} in the request")
    if file_id.startswith(("http://", "https://")):
        raise Refusal("failed to get HTTP URL content")  # nothing here reaches the internet
    stored = files.find(file_id)
    if stored is None:
        raise Refusal("wrong file identifier/HTTP URL specified")
    sizes = files.photo(file_id)
    if (sizes is not None) != (kind == "photo"):
        raise Refusal("type of file mismatch")
    if sizes is not None:
        return {"photo": sizes}
    return {"document": stored.as_json() | {"file_name": stored.name, "mime_type": stored.mime}}
