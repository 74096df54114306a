"""The image in the body of a request, raw or as a form, read no further than the limits allow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gsmooth.errors import FormatError, InputError, TooLargeError
from gsmooth.serving.settings import HttpSettings

_FORM = "multipart/form-data"
_RAW = ("", "application/octet-stream")


async def image_bytes(request: Request, limits: HttpSettings) -> bytes:
    """The bytes of the image that was sent.

    Args:
        request: The request: an image as its body, or a form with one file.
        limits: Bytes and seconds that it may take.

    Raises:
        TooLargeError: The body has more bytes; a stated length is refused before anything is read.
        FormatError: It is of another content type.
        InputError: It is empty, or a form without exactly one file.
        TimeoutError: It does not arrive in time.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM and kind not in _RAW and not kind.startswith("image/"):
        raise FormatError(
            f"content type {kind[:80]!r}: send an image file as the body (image/png, say), or as"
            " the file 'image' of a form (multipart/form-data)"
        )
    async with asyncio.timeout(limits.connection.body_s):
        body = await _body(request, limits.image.max_bytes)
    data = await _file_of(request, body) if kind == _FORM else body
    if not data:
        raise InputError("the request holds no image; send an image file as the body")
    return data


async def discard(request: Request, limits: HttpSettings) -> None:
    """Read a body that is not wanted and forget it, so that the client gets to read the answer.

    A connection that is closed before its data were read may lose the answer as well.

    Args:
        request: The request.
        limits: Bytes and seconds after which that ends.
    """
    try:
        async with asyncio.timeout(limits.connection.body_s):
            read = 0
            async for part in request.stream():
                read += len(part)
                if read > limits.image.max_bytes:
                    return
    except Exception:  # The client has gone, or is slow: it is answered all the same.
        return


async def _body(request: Request, most: int) -> bytes:
    refused = TooLargeError(
        f"the request has more than {most:,} bytes, the most that are taken; send a smaller file"
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise refused
    parts, read = [], 0
    async for part in request.stream():
        read += len(part)
        if read > most:
            raise refused
        parts.append(part)
    return b"".join(parts)


async def _file_of(request: Request, body: bytes) -> bytes:
    """The one file of a form; it is in memory already, and stays there."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, stream(), max_files=1, max_fields=8)
    parser.spool_max_size = len(body) + 1
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise InputError(f"the form cannot be read ({error}); send one file") from error
    files = [part for part in form.values() if isinstance(part, UploadFile)]
    try:
        if len(files) != 1:
            raise InputError(f"the form has {len(files)} files; send one, called 'image'")
        return await files[0].read()
    finally:
        await form.close()
