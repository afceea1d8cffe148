"""A picture is written anew: nothing of the file that was sent is kept but what one sees."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from PIL import Image as Pillow

from channels import content, images
from channels.models import Image
from crm.errors import Problem
from crm.models import AuditEntry, Membership, User

ADA = "user:1"


def drawn(form: str = "JPEG", size: tuple[int, int] = (40, 20), **more: Any) -> bytes:
    out = BytesIO()
    picture = Pillow.new("RGB", size, "red")
    picture.paste("blue", (0, 0, size[0] // 2, size[1]))
    picture.save(out, form, **more)
    return out.getvalue()


def animated(frames: int = 3) -> bytes:
    out = BytesIO()
    pictures = [Pillow.new("RGB", (10, 10), colour) for colour in ("red", "green", "blue", "white")[:frames]]
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:], duration=[100, 200, 300], loop=0)
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(Problem) as caught:
        images.encode(data)
    return caught.value.code


@pytest.mark.parametrize(("form", "ext"), [("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp")])
def test_the_four_kinds_of_pictures_are_taken(form: str, ext: str) -> None:
    made = images.encode(drawn(form))
    assert (made.ext, made.width, made.height) == (ext, 40, 20)
    assert Pillow.open(BytesIO(made.data)).format == form


def test_where_it_was_taken_is_gone_and_it_stands_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Camera of Elena"
    exif.get_ifd(0x8825)[2] = (39.0, 28.0, 12.0)  # GPS
    data = drawn("JPEG", exif=exif, comment=b"secret words")
    assert b"Camera of Elena" in data
    made = images.encode(data)
    kept = Pillow.open(BytesIO(made.data))
    assert (made.width, made.height) == (20, 40)
    assert dict(kept.getexif()) == {}
    assert b"Elena" not in made.data
    assert b"secret" not in made.data


def test_text_in_a_png_and_what_hangs_behind_it_are_gone() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "Elena")
    made = images.encode(drawn("PNG", pnginfo=info) + b"<script>alert(1)</script>")
    assert b"Elena" not in made.data
    assert b"script" not in made.data


def test_an_animation_keeps_its_frames() -> None:
    made = images.encode(animated())
    kept = Pillow.open(BytesIO(made.data))
    assert kept.n_frames == 3  # type: ignore[attr-defined]
    assert kept.info["duration"] == 100


def test_a_transparent_picture_stays_transparent() -> None:
    out = BytesIO()
    Pillow.new("RGBA", (4, 4), (255, 0, 0, 0)).save(out, "PNG")
    assert Pillow.open(BytesIO(images.encode(out.getvalue()).data)).convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_a_very_wide_picture_is_made_smaller() -> None:
    made = images.encode(drawn("PNG", (3_000, 300)))
    assert (made.width, made.height) == (2_400, 240)


@pytest.mark.parametrize(
    "text",
    [
        "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        "<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE svg>\n<svg/>",
        "\ufeff  <svg/>",
    ],
)
def test_svg_is_refused_by_its_name(text: str) -> None:
    assert refused(text.encode()) == "svg"


def test_what_is_no_picture_is_refused() -> None:
    assert refused(b"hello") == "not_a_picture"
    assert refused(b"") == "not_a_picture"
    assert refused(drawn("BMP")) == "not_a_picture"
    assert refused(b"x" * (images.LARGEST + 1)) == "too_large"
    assert refused(drawn("JPEG", (400, 400))[:600]) == "broken"


def test_a_bomb_is_refused_by_its_head_alone() -> None:
    """A few bytes that claim to be 50,000 × 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    assert refused(bomb) == "too_many_pixels"
    assert refused(drawn("PNG", (6_000, 5_000))) == "too_many_pixels"


@pytest.mark.django_db
def test_the_same_picture_twice_is_one_with_an_address_nobody_guesses() -> None:
    first = images.add(drawn("PNG"), "C:\\photos\\shoes.png", " Red  shoes ", None, ADA)
    again = images.add(drawn("PNG"), "other.png", "Shoes", None, ADA)
    assert first.pk == again.pk
    assert (again.name, again.alt) == ("shoes.png", "Shoes")
    assert len(first.hash) == 32
    assert images.path(first) == f"/i/{first.hash}.png"
    assert AuditEntry.objects.filter(action="image.add").count() == 1
    with pytest.raises(Problem):
        images.add(drawn(), "x.jpg", "  ", None, ADA)


@pytest.mark.django_db
def test_a_picture_that_is_used_stays() -> None:
    image = images.add(drawn("PNG"), "shoes.png", "Shoes", None, ADA)
    content.publish("email", {"subject": "x", "html": f'<img src="{images.url(image)}" alt="Shoes">'})
    assert [use.words for use in images.remove(image, ADA)] == ["published"]
    assert Image.objects.filter(pk=image.pk).exists()
    other = images.add(drawn("PNG", (3, 3)), "b.png", "B", None, ADA)
    assert images.remove(other, ADA) == []
    assert not Image.objects.filter(pk=other.pk).exists()


@pytest.mark.django_db
def test_the_world_sees_a_picture_and_keeps_it_for_a_year(client: Client) -> None:
    image = images.add(drawn("JPEG"), "a.jpg", "A", None, ADA)
    answer = client.get(images.path(image))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'"
    assert "Cookie" not in answer.get("Vary", "")
    assert not answer.cookies
    assert client.get(images.path(image), headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.get(f"/i/{image.hash}.png").status_code == 404
    assert client.get(f"/i/{'0' * 32}.jpg").status_code == 404


@pytest.mark.django_db
def test_ada_uploads_lists_and_removes(client: Client, django_assert_max_num_queries: Any) -> None:
    ada = User.objects.create_user("ada@example.com", "cauce-demo-2026")
    Membership.objects.create(user=ada, role="marketer")
    client.force_login(ada)
    file = BytesIO(drawn("PNG"))
    file.name = "shoes.png"
    assert client.post("/images/add/", {"file": file, "alt": "Red shoes"}).status_code == 302
    answer = client.get("/images/")
    assert "Red shoes" in answer.content.decode()
    svg = BytesIO(b"<svg/>")
    svg.name = "x.svg"
    fragment = client.post("/images/add/", {"file": svg, "alt": "x"}, headers={"HX-Request": "true"})
    assert fragment.status_code == 422
    assert "SVG pictures are refused" in fragment.content.decode()
    for number in range(30):
        images.add(drawn("PNG", (number + 1, 5)), f"{number}.png", str(number), None, ADA)
    with django_assert_max_num_queries(6):
        client.get("/images/")
    image = Image.objects.get(alt="Red shoes")
    client.post(f"/images/{image.pk}/describe/", {"alt": "Trail shoes"})
    assert Image.objects.filter(alt="Trail shoes").exists()
    client.post(f"/images/{image.pk}/remove/")
    assert not Image.objects.filter(pk=image.pk).exists()


@pytest.mark.django_db
def test_an_analyst_may_look_but_not_change(client: Client) -> None:
    user = User.objects.create_user("eva@example.com", "cauce-demo-2026")
    Membership.objects.create(user=user, role="analyst")
    client.force_login(user)
    assert client.get("/images/").status_code == 200
    file = BytesIO(drawn("PNG"))
    file.name = "a.png"
    assert client.post("/images/add/", {"file": file, "alt": "x"}).status_code == 403
    assert Image.objects.count() == 0
