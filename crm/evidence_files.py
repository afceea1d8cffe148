"""Scans and recordings that prove a statement: checked by what is in them, kept in the database, named by their hash.

The receipt of the statement names the hash in its evidence, which the chain covers; so a file cannot be swapped.
They are only ever handed out as downloads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from crm import clock
from crm.errors import Problem
from crm.models import EvidenceFile

MOST_BYTES: Final = 10 * 1024 * 1024
ENDINGS: Final = {
    "application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "audio/mpeg": ".mp3", "audio/wav": ".wav",
}  # fmt: skip
STARTS: Final = (
    (b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"), (b"\xff\xf2", "audio/mpeg"),
)  # fmt: skip
_UNSAFE: Final = re.compile(r"[^\w .()-]+")


@dataclass(frozen=True)
class File:
    """A file that was checked. `media_type` is what it is, whatever it was called."""

    name: str
    media_type: str
    sha256: str
    content: bytes

    def as_evidence(self) -> dict[str, Any]:
        """What its receipts say of it."""
        return {"sha256": self.sha256, "name": self.name, "type": self.media_type, "size": len(self.content)}


def read(upload: UploadedFile[bytes]) -> File:
    """Raises Problem for what is too large or no scan or recording."""
    if (upload.size or 0) > MOST_BYTES:
        raise Problem("/file", "too_large", _("The file is larger than 10 MB."))
    content = upload.read(MOST_BYTES + 1)
    media_type = type_of(content)
    if not media_type or len(content) > MOST_BYTES:
        raise Problem("/file", "not_a_proof", _("A scan (PDF, JPEG, PNG) or a recording (MP3, WAV) is wanted."))
    return File(name_of(upload.name or "", media_type), media_type, hashlib.sha256(content).hexdigest(), content)


def type_of(content: bytes) -> str:
    """By its first bytes; "" for anything else. Pure."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "audio/wav"
    return next((kind for start, kind in STARTS if content.startswith(start)), "")


def name_of(given: str, media_type: str) -> str:
    """A name that says nothing to a file system, with the ending of what it is. Pure."""
    stem = _UNSAFE.sub("", given.replace("\\", "/").rpartition("/")[2]).rpartition(".")[0].strip(" .") or "proof"
    return f"{stem[:120]}{ENDINGS[media_type]}"


def keep(contact_id: int, file: File, actor: str) -> None:
    """In the caller's transaction; the same file twice is one."""
    EvidenceFile.objects.get_or_create(
        contact_id=contact_id, sha256=file.sha256,
        defaults={
            "name": file.name, "media_type": file.media_type, "size": len(file.content), "content": file.content,
            "added_by": actor, "added_at": clock.now(),
        },
    )  # fmt: skip


def kept(contact_id: int) -> dict[str, Mapping[str, Any]]:
    """SHA-256 → name, type and size of the files of one contact, without their content."""
    rows = EvidenceFile.objects.filter(contact=contact_id).values("sha256", "name", "media_type", "size", "added_at")
    return {row["sha256"]: row for row in rows}


def is_whole(row: EvidenceFile) -> bool:
    """Whether it is what was brought."""
    return hashlib.sha256(bytes(row.content)).hexdigest() == row.sha256
