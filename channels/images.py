"""Pictures for messages: taken in, decoded, written anew, shown to the world, taken away.

add(data, name, alt, user_id, actor) → Image; raises Problem for what is no picture we keep
find(text) / page rows             → for the list and the picker
used_by(image)                     → where it stands: published words, and drafts by `users`
remove(image, actor)               → refused with the places while it is used

Nothing of the file that was sent is kept: pixels are decoded and encoded again, turned upright, without
EXIF (where it was taken), profiles, comments, or whatever else was hidden behind them. The address is a
keyed hash of the result: nobody guesses it, and the same picture twice is one.
"""

from __future__ import annotations

import hmac
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence, UnidentifiedImageError

from channels.models import Image
from crm import audit
from crm.errors import Problem
from crm.registry import Named

LARGEST: Final = 5 * 1024 * 1024
# What one may cost while it is decoded: 25 million pixels are 100 MB; a bomb is refused by its head.
PIXELS: Final = 25_000_000
FRAMES: Final = 300
FRAME_PIXELS: Final = 60_000_000
# Mails are shown 600 wide; twice that is sharp on every screen.
WIDEST: Final = 2_400
FORMATS: Final = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}
MIME: Final = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
_SVG: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg\b", re.DOTALL
)


@dataclass(frozen=True)
class Use:
    """A place where a picture stands: its words, and its page if it has one."""

    words: str
    url: str = ""


@dataclass(frozen=True)
class _Made:
    data: bytes
    ext: str
    width: int
    height: int


# Places where pictures stand before they are published words: `(path of the picture) -> list[Use]`.
users: Named[Callable[[str], list[Use]]] = Named("users of pictures")


def add(data: bytes, name: str, alt: str, user_id: int | None, actor: str) -> Image:
    """Keep a picture; the same one again is the one that is there, with the newer words."""
    alt = " ".join(alt.split())[:300]
    if not alt:
        raise Problem("/alt", "required", "Say in a few words what the picture shows; some people cannot see it.")
    made = encode(data)
    key = hmac.digest(f"cauce.image:{settings.SECRET_KEY}".encode(), made.data, "sha256").hex()[:32]
    with transaction.atomic():
        image, new = Image.objects.update_or_create(
            hash=key,
            defaults={"alt": alt},
            create_defaults={
                "alt": alt, "name": _name(name), "ext": made.ext, "width": made.width, "height": made.height,
                "size": len(made.data), "data": made.data, "added_by_id": user_id,
            },
        )  # fmt: skip
        audit.record(actor, "image.add" if new else "image.rename", f"image:{image.pk}", None, {"name": image.name})
    return image


def encode(data: bytes) -> _Made:
    """The picture anew, without anything but its pixels. Raises Problem."""
    if len(data) > LARGEST:
        raise Problem("/file", "too_large", "A picture may have 5 MB; make it smaller.")
    if _SVG.match(data[:2_000]):
        raise Problem("/file", "svg", "SVG can hold scripts, and mail programs do not show it; save it as PNG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(BytesIO(data), formats=list(FORMATS)) as picture:
                return _encode(picture)
    except UnidentifiedImageError:
        raise Problem("/file", "not_a_picture", "This is no JPEG, PNG, GIF or WebP picture.") from None
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, MemoryError):
        # Pillow's decoders answer broken files with any of these.
        raise Problem("/file", "broken", "The picture is damaged; save it again and retry.") from None


def url(image: Image) -> str:
    """Its public address, as it stands in messages."""
    return f"{settings.BASE_URL}{path(image)}"


def path(image: Image) -> str:
    return f"/i/{image.hash}.{image.ext}"


def find(text: str = "") -> QuerySet[Image]:
    """Pictures by name or alternative text; without their bytes."""
    rows = Image.objects.defer("data")
    text = text.strip()[:100]
    return rows.filter(alt__icontains=text) | rows.filter(name__icontains=text) if text else rows


def describe(image: Image, alt: str, actor: str) -> None:
    """New words for a picture."""
    alt = " ".join(alt.split())[:300]
    if not alt:
        raise Problem("/alt", "required", "Say in a few words what the picture shows; some people cannot see it.")
    before, image.alt = image.alt, alt
    with transaction.atomic():
        image.save(update_fields=["alt"])
        audit.record(actor, "image.describe", f"image:{image.pk}", {"alt": before}, {"alt": alt})


def used_by(image: Image) -> list[Use]:
    """Everywhere it stands. Published words keep it for ever: the mails are in people's mailboxes."""
    found = [use for user in users for use in user(path(image))]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM channels_content WHERE channel = 'email' AND strpos(body::text, %s) > 0",
            [path(image)],
        )
        published = int(cursor.fetchone()[0])
    return [*found, *([Use("published", "")] if published else [])]


def remove(image: Image, actor: str) -> list[Use]:
    """Take it away; answers the places that keep it, and then nothing has happened."""
    with transaction.atomic():
        kept = used_by(image)
        if not kept:
            audit.record(actor, "image.remove", f"image:{image.pk}", {"name": image.name}, None)
            image.delete()
    return kept


def _encode(picture: Any) -> _Made:
    frames = int(getattr(picture, "n_frames", 1))
    if picture.width * picture.height > PIXELS:
        raise _too_many_pixels()
    if frames > 1 and (frames > FRAMES or frames * picture.width * picture.height > FRAME_PIXELS):
        raise Problem("/file", "too_long", f"An animation may have {FRAMES} frames of modest size; shorten it.")
    ext = FORMATS[picture.format]
    made = _animation(picture, ext) if frames > 1 and ext in ("gif", "webp") else _still(picture, ext)
    if len(made.data) > LARGEST * 2:
        raise Problem("/file", "too_large", "Written anew the picture is too large; make it smaller.")
    return made


def _still(picture: Any, ext: str) -> _Made:
    upright = ImageOps.exif_transpose(picture)
    if upright.width > WIDEST:
        if upright.mode in ("P", "1"):
            upright = upright.convert("RGBA")
        upright.thumbnail((WIDEST, 4 * WIDEST))
    out = BytesIO()
    if ext == "jpg":
        bare = _bare(upright.convert("RGB"))
        bare.save(out, "JPEG", quality=85, optimize=True, progressive=True)
    elif ext == "webp":
        bare = _bare(upright.convert("RGBA" if _has_alpha(upright) else "RGB"))
        bare.save(out, "WEBP", quality=85)
    else:
        shown = upright if upright.mode in ("L", "RGB", "RGBA", "LA") else upright.convert("RGBA")
        bare = _bare(shown)
        bare.save(out, "PNG" if ext == "png" else "GIF", optimize=True)
    return _Made(out.getvalue(), ext, bare.width, bare.height)


def _animation(picture: Any, ext: str) -> _Made:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(picture):
        durations.append(int(frame.info.get("duration") or 100))
        frames.append(_bare(frame.convert("RGBA")))
    out = BytesIO()
    more = {"disposal": 2} if ext == "gif" else {"quality": 85}
    frames[0].save(
        out, "GIF" if ext == "gif" else "WEBP", save_all=True, append_images=frames[1:], duration=durations,
        loop=int(picture.info.get("loop", 0)), **more,
    )  # fmt: skip
    return _Made(out.getvalue(), ext, picture.width, picture.height)


def _bare(picture: Any) -> Any:
    """The pixels alone: a new picture has no EXIF, profile, comment or text chunk."""
    bare = Pillow.new(picture.mode, picture.size)
    bare.paste(picture)
    return bare


def _has_alpha(picture: Any) -> bool:
    return "A" in picture.getbands() or "transparency" in picture.info


def _too_many_pixels() -> Problem:
    return Problem("/file", "too_many_pixels", "The picture has more than 25 million pixels; make it smaller.")


def _name(text: str) -> str:
    name = text.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in name if each.isprintable()).strip()[:200] or "picture"
