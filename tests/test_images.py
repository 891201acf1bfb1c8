"""Reading pictures: exactly the right pixels, or one sentence."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from sat import images
from sat.errors import UserError
from sat.images import DISPLAY_SIZE, MAX_BYTES, from_array, read_picture

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
BLOCKS = np.kron(RNG.integers(0, 256, (2, 3, 3)), np.ones((32, 32, 1))).astype(np.uint8)  # (64, 96, 3), flat squares
SMOOTH = np.stack([*np.meshgrid(np.linspace(0, 255, 96), np.linspace(255, 0, 64)), np.full((64, 96), 90.0)], -1)


def encode(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


def refused(source) -> str:
    with pytest.raises(UserError) as caught:
        read_picture(source)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.endswith(".") and ":" in message
    return message


# Pictures that can be read: the right pixels.


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_lossless_formats_come_back_exactly(kind, options):
    picture = read_picture(encode(NOISE, kind, **options))
    np.testing.assert_array_equal(picture.display, NOISE)
    np.testing.assert_array_equal(picture.square, from_array(NOISE).square)
    assert picture.square.shape == (224, 224, 3) and picture.aspect == 1.5


def test_paths_bytes_and_open_files_give_the_same(tmp_path: Path):
    data = encode(NOISE, "PNG")
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "wrong suffix.txt").write_bytes(data)
    sources = [data, io.BytesIO(data), tmp_path / "a.png", str(tmp_path / "a.png"), tmp_path / "wrong suffix.txt"]
    assert len({read_picture(source).digest for source in sources}) == 1


def test_jpeg_is_close():
    picture = read_picture(encode(SMOOTH.astype(np.uint8), "JPEG", quality=95))
    assert np.abs(picture.display.astype(int) - SMOOTH).mean() < 1.5


def test_heic_is_close():
    import pillow_heif

    image = pillow_heif.from_pillow(Image.fromarray(SMOOTH.astype(np.uint8)))
    out = io.BytesIO()
    image.save(out, quality=95)
    picture = read_picture(out.getvalue())
    assert picture.display.shape == (64, 96, 3)
    assert np.abs(picture.display.astype(int) - SMOOTH).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "tolerance"), [("PNG", 0), ("TIFF", 0), ("JPEG", 3)])
def test_every_exif_orientation_is_turned_upright(orientation, kind, tolerance):
    """What the camera stored is turned by the inverse of each EXIF orientation (the standard's table)."""
    stored = {
        1: BLOCKS,
        2: BLOCKS[:, ::-1],
        3: BLOCKS[::-1, ::-1],
        4: BLOCKS[::-1],
        5: BLOCKS.transpose(1, 0, 2),
        6: np.rot90(BLOCKS, 1),
        7: BLOCKS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(BLOCKS, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    picture = read_picture(encode(np.ascontiguousarray(stored), kind, exif=exif, **options))
    assert picture.display.shape == BLOCKS.shape
    assert np.abs(picture.display.astype(int) - BLOCKS).max() <= tolerance


def test_a_damaged_exif_block_does_not_cost_the_picture():
    data = encode(NOISE, "PNG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\xff\xff\xff\xff")
    np.testing.assert_array_equal(read_picture(data).display, NOISE)


def test_grey_is_three_equal_channels():
    picture = read_picture(encode(NOISE[..., 0], "PNG"))
    np.testing.assert_array_equal(picture.display, np.repeat(NOISE[..., :1], 3, axis=2))


def test_black_and_white():
    bits = NOISE[..., 0] > 127
    picture = read_picture(encode(Image.fromarray(bits), "PNG"))
    np.testing.assert_array_equal(picture.display[..., 0], bits * 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(kind):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257  # the 16-bit value of every 8-bit grey
    picture = read_picture(encode(Image.fromarray(grey), kind))
    np.testing.assert_array_equal(picture.display[..., 1], np.arange(256).reshape(16, 16))


def test_16_bit_colour_keeps_the_upper_bytes():
    rgb = NOISE.astype(np.uint16) * 257
    picture = read_picture(png(rgb.shape[1], rgb.shape[0], 16, 2, rgb.astype(">u2").tobytes()))
    np.testing.assert_array_equal(picture.display, NOISE)


def test_floating_point_grey_is_scaled():
    grey = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    picture = read_picture(encode(Image.fromarray(grey), "TIFF"))
    np.testing.assert_array_equal(picture.display[..., 0], np.arange(256).reshape(16, 16))
    grey[3] = np.nan
    assert (read_picture(encode(Image.fromarray(grey), "TIFF")).display[3] == 0).all()


def test_cmyk():
    cmyk = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    expected = (255.0 - cmyk[..., :3]) * (255.0 - cmyk[..., 3:]) / 255.0
    picture = read_picture(encode(Image.frombytes("CMYK", (30, 20), cmyk.tobytes()), "TIFF"))
    assert np.abs(picture.display - expected).max() <= 1
    flat = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    red = read_picture(encode(flat, "JPEG", quality=95)).display.astype(int)
    assert np.abs(red - [255, 0, 0]).max() <= 4


def test_transparency_is_laid_on_white():
    alpha = RNG.integers(0, 256, (40, 60, 1), dtype=np.uint8)
    expected = NOISE * (alpha / 255) + 255 * (1 - alpha / 255)
    picture = read_picture(encode(np.concatenate([NOISE, alpha], -1), "PNG"))
    assert np.abs(picture.display - expected).max() <= 1
    grey = Image.merge("LA", (Image.fromarray(NOISE[..., 0]), Image.fromarray(alpha[..., 0])))
    assert np.abs(read_picture(encode(grey, "PNG")).display - expected[..., :1]).max() <= 1


def test_palettes_with_and_without_transparency():
    image = Image.fromarray(BLOCKS).quantize(8)
    exact = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_picture(encode(image, "PNG")).display, exact)
    index = np.asarray(image)
    expected = np.where((index == index[0, 0])[..., None], 255, exact)
    np.testing.assert_array_equal(
        read_picture(encode(image, "PNG", transparency=int(index[0, 0]))).display, expected.astype(np.uint8)
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "MPO"])
def test_of_an_animation_the_first_frame_is_read(kind):
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    tolerance = 2 if kind == "MPO" else 0  # the JPEGs of some telephones and cameras
    assert np.abs(read_picture(data).display.astype(int) - np.asarray(frames[0])).max() <= tolerance


def test_one_pixel():
    picture = read_picture(encode(np.array([[[7, 130, 250]]], np.uint8), "PNG"))
    np.testing.assert_array_equal(picture.display, [[[7, 130, 250]]])
    assert (picture.square == [7, 130, 250]).all()


def test_a_very_long_picture():
    ramp = np.repeat(np.linspace(0, 255, 10000).astype(np.uint8)[None, :, None], 10, axis=0).repeat(3, axis=2)
    picture = read_picture(encode(ramp, "PNG"))
    assert picture.display.shape == (1, DISPLAY_SIZE, 3) and picture.square.shape == (224, 224, 3)
    assert np.abs(picture.square[100, :, 0] - np.linspace(0, 255, 224)).max() <= 2  # squashed, not cropped
    tall = read_picture(encode(np.ascontiguousarray(ramp.transpose(1, 0, 2)), "PNG"))
    assert tall.display.shape == (DISPLAY_SIZE, 1, 3)


def test_the_longest_side_that_is_shown():
    picture = read_picture(encode(np.zeros((100, 2048, 3), np.uint8), "PNG"))
    assert picture.display.shape == (50, DISPLAY_SIZE, 3) and picture.aspect == 20.48


def test_another_square_for_another_encoder():
    assert read_picture(encode(NOISE, "PNG"), size=448).square.shape == (448, 448, 3)


def test_equal_squares_share_a_digest_and_others_do_not():
    again = read_picture(encode(NOISE, "BMP"))
    changed = NOISE.copy()
    changed[0, 0] ^= 255
    assert again.digest == from_array(NOISE).digest != from_array(changed).digest


@pytest.mark.parametrize("wrong", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 4), np.uint8), np.zeros((3, 3, 3))])
def test_other_arrays_are_refused(wrong):
    with pytest.raises(UserError, match="uint8 with shape"):
        from_array(wrong)


# Pictures that cannot be read: one sentence.


def test_a_missing_file(tmp_path: Path):
    assert "does not exist" in refused(tmp_path / "nowhere.jpg")
    assert "is a folder" in refused("")  # the current one


def test_a_folder(tmp_path: Path):
    assert "is a folder" in refused(tmp_path)


def test_an_empty_file(tmp_path: Path):
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in refused(tmp_path / "empty.jpg")
    assert "is empty" in refused(b"")
    assert "is empty" in refused(io.BytesIO())


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux's /proc for a file that cannot be read")
def test_a_file_that_cannot_be_read():
    assert "cannot be read" in refused("/proc/self/mem")


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 5000])
def test_impossible_names(name):
    assert "cannot be read" in refused(name)


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 999])
def test_what_is_no_picture(data):
    assert "is not a picture that can be read: use JPEG" in refused(data)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\0\0\0\0WEBP"])
def test_a_beginning_is_no_picture(data):
    refused(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_truncated_file_is_damaged(kind, tmp_path: Path):
    data = encode(NOISE, kind)
    (tmp_path / "half").write_bytes(data[: len(data) // 2])
    message = refused(tmp_path / "half")
    assert "damaged or incomplete" in message or "not a picture" in message


@pytest.mark.parametrize(("width", "height"), [(5001, 5000), (10_000, 10_000), (30_000, 30_000)])
def test_a_header_that_promises_too_many_pixels(width, height):
    assert "25 million" in refused(png(width, height, 1, 0, b"", rows=0))


def test_a_bomb_of_100_megapixels_in_a_small_file_is_never_decoded(monkeypatch: pytest.MonkeyPatch):
    data = png(10_000, 10_000, 1, 0, bytes(10_000 * 1250))
    assert len(data) < 20_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _self: pytest.fail("decoded"))
    assert "100 million pixels" in refused(data)


def test_the_largest_picture_that_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MAX_PIXELS", NOISE.shape[0] * NOISE.shape[1])
    np.testing.assert_array_equal(read_picture(encode(NOISE, "PNG")).display, NOISE)
    refused(encode(np.zeros((40, 61, 3), np.uint8), "PNG"))


def test_too_many_bytes_are_refused(tmp_path: Path):
    path = tmp_path / "huge.jpg"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "larger than 40 MB" in refused(path)
    with open(path, "rb") as file:
        assert "larger than 40 MB" in refused(file)
    assert "larger than 40 MB" in refused(bytes(MAX_BYTES + 1))
    assert "larger than 40 MB" in refused("/dev/zero")


SEEDS = {kind: encode(NOISE, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")}


@settings(max_examples=200)
@given(
    kind=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    cut=st.one_of(st.none(), st.integers(0, 2**14)),
    extra=st.binary(max_size=8),
)
def test_mutated_files_give_a_picture_or_one_sentence(kind, changes, cut, extra):
    data = bytearray(SEEDS[kind])
    for position, value in changes:
        data[position % min(len(data), 700)] = value  # headers are where the harm is
    data = data[:cut] + extra
    try:
        picture = read_picture(bytes(data))
    except UserError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert picture.square.shape == (224, 224, 3) and picture.display.dtype == np.uint8


def png(width: int, height: int, depth: int, colour: int, pixels: bytes, rows: int | None = None) -> bytes:
    """A PNG by hand, of packed rows of pixels; ``rows=0`` leaves them out."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    stride = -(-width * depth * (3 if colour == 2 else 1) // 8)
    filtered = b"".join(b"\0" + pixels[i * stride : (i + 1) * stride] for i in range(height if rows is None else rows))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(filtered, 9)) + chunk(b"IEND", b"")


# What may be small as a file and large as work.


def test_a_strip_too_long_to_be_squashed_is_refused():
    """The squash passes through 224 columns of all rows: gigabytes for a picture of 1 x 25 million pixels."""
    rows = images.MAX_SIDE + 1
    assert "a side of more than 30000" in refused(encode(np.zeros((rows, 1), np.uint8), "PNG"))
    assert read_picture(encode(np.zeros((images.MAX_SIDE, 1), np.uint8), "PNG")).display.shape == (1024, 1, 3)


def test_a_jpeg_of_very_many_scans_is_refused():
    data = encode(NOISE, "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert "a JPEG of 1010 scans" in refused(data[:-2] + last * 1000 + data[-2:])
    assert read_picture(data[:-2] + last * 50 + data[-2:]).aspect == 1.5


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "F"])
def test_strips_do_not_show(mode, monkeypatch):
    """Converted in strips or whole: the same pixels."""
    if mode == "I;16":
        image = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(NOISE[..., 0].astype(np.float32) * 3)
    else:
        image = Image.fromarray(np.dstack([NOISE, NOISE[..., :1]])).convert(mode)
    options = {"transparency": 3} if mode == "P" else {}
    data = encode(image, "TIFF" if mode == "F" else "PNG", **options)
    whole = read_picture(data)
    monkeypatch.setattr(images, "_STRIP", 7 * 60)
    np.testing.assert_array_equal(read_picture(data).display, whole.display)


def test_names_that_cannot_be_shown_do_not_reach_the_message(tmp_path):
    assert "\x1b" not in refused(tmp_path / "a\x1b[31m.jpg")
