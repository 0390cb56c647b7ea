"""Load a photo as a presenter: upright, on white, at most 1920 pixels long, as 8-bit 4:2:0.

Camera photos are far larger than a lecture needs, so the longer side is scaled down to 1920.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageCms, ImageOps, features

from appliance.errors import BadInput
from appliance.media.container import check_file, read_head
from appliance.media.convert import to_420
from appliance.media.picture import ColorSpec, Picture
from appliance.system.regular_file import open_regular

MIN_SIDE = 64
MAX_SIDE = 1920

# A phone's MPO opens as the JPEG it begins with.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", *(["AVIF"] if features.check("avif") else []))
"""The formats that are read, by Pillow's names."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_MAX_MEGAPIXELS = 64
"""Limit of the decoded image, at 3 to 4 bytes per pixel; a larger JPEG is reduced while
decoding."""

# Pillow's own limit only warns at first; the check in ``_decode_upright_rgb`` always raises.
Image.MAX_IMAGE_PIXELS = None


def is_photo(path: Path) -> bool:
    """Return whether the first bytes are those of a JPEG, PNG, WebP, BMP, TIFF or AVIF."""
    start = read_head(path, 64)
    return (
        start[:3] == b"\xff\xd8\xff"
        or start[:8] == b"\x89PNG\r\n\x1a\n"
        or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
        or (start[:2] == b"BM" and start[6:10] == bytes(4))
        or start[:4] in _TIFF_MAGIC
        or ("AVIF" in FORMATS and _is_avif(start))
    )


def _is_avif(start: bytes) -> bool:
    """Return whether a file is an AVIF image, by its major or its compatible brands."""
    if start[4:8] != b"ftyp":
        return False
    brands = start[8 : min(int.from_bytes(start[:4], "big"), len(start))]
    return any(brand in (brands[at : at + 4] for at in range(0, len(brands), 4))
               for brand in (b"avif", b"avis"))  # fmt: skip


def is_heif(path: Path) -> bool:
    """Return whether this is a HEIC photo, or AVIF on a device that cannot read it.

    libav would read it as a video of its tiles.
    """
    if is_photo(path):
        return False
    start = read_head(path, 12)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def load_photo(path: Path, number: int = 0) -> tuple[Picture, ColorSpec]:
    """Decode a photo, or image ``number`` of an animation: upright, with transparency on white.

    Colours are converted from the embedded profile to sRGB, and then to limited BT.709 (BT.601 for
    a small photo). Raises ``BadInput``: the codes of ``check_file``, ``file_truncated``,
    ``picture_unreadable``, ``picture_too_small`` (a side under 64 pixels) or ``photo_too_large``.
    """
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # e.g. damaged EXIF, which does not affect the image
            rgb = np.asarray(_downscaled(_decode_upright_rgb(path, number), path))
    except BadInput:
        raise
    except Exception as error:
        # Pillow's parsers raise exceptions of any type for damaged data.
        code = "file_truncated" if "truncated" in str(error) else "picture_unreadable"
        raise BadInput(code, name=path.name) from None
    height, width = rgb.shape[0] & ~1, rgb.shape[1] & ~1
    color = ColorSpec.for_size(width, height)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:height, :width]), "rgb24")
    return Picture.from_av(to_420(frame, color, (width, height)), 0), color


def _decode_upright_rgb(path: Path, number: int) -> Image.Image:
    with open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
        if number:
            image.seek(number)
        shrink = max(1.0, max(image.size) / MAX_SIDE)
        image.draft("RGB", (int(image.width / shrink), int(image.height / shrink)))
        if image.width * image.height > _MAX_MEGAPIXELS * 1_000_000:
            raise BadInput(
                "photo_too_large",
                name=path.name,
                width=image.width,
                height=image.height,
                megapixels=_MAX_MEGAPIXELS,
            )
        image.load()
        profile = image.info.get("icc_profile")
        ImageOps.exif_transpose(image, in_place=True)  # a copy has up to 256 MB
    return _to_srgb(_flatten_transparency(image), profile)


def _flatten_transparency(image: Image.Image) -> Image.Image:
    """Return the image with 8 bits per channel, RGB, L or CMYK, with transparency laid on white."""
    if image.mode.startswith("I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile, or one for another mode: use the values without it
    return image.convert("RGB")


def _downscaled(image: Image.Image, path: Path) -> Image.Image:
    scale = min(1.0, MAX_SIDE / max(image.size))
    width, height = (round(side * scale) for side in image.size)
    if min(width, height) < MIN_SIDE:
        raise BadInput(
            "picture_too_small", name=path.name, width=width, height=height, minimum=MIN_SIDE
        )
    if scale < 1:
        return image.resize((width & ~1, height & ~1), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image
