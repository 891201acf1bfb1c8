"""Pictures written by hand, byte by byte: bombs, lying headers, and metadata that is an attack."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

from PIL import Image

from fuzz.encoded import encoded

_PNG = b"\x89PNG\r\n\x1a\n"
_EDGES = (0, 1, 2, 3, 255, 256, 4999, 5001, 20_000, 65_535, 100_000, 2**24, 2**31 - 1, 2**31, 2**32 - 1)

Maker = Callable[[random.Random], bytes]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 0, interlace: int = 0, extra: bytes = b""
) -> bytes:
    """A PNG whose pixels are the zlib stream ``data``, with chunks of one's own before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return _PNG + png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """A zlib stream of so many zero bytes, made without holding them."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & ((1 << 20) - 1))), packer.flush()])


def png_bomb(rng: random.Random) -> bytes:
    """Zeros by the million: just below the limit, just above it, and far beyond."""
    side = rng.choice((4999, 5001, 7000))
    depth, colour, size = rng.choice(
        ((8, 0, 1), (16, 0, 2), (8, 2, 3), (8, 6, 4), (16, 6, 8), (1, 0, 0.125), (8, 4, 2))
    )
    row = int(side * size + 7 * (size < 1)) + 1
    return png(side, side, zeros(row * side), depth=depth, colour=colour)


def png_strip(rng: random.Random) -> bytes:
    """A picture one pixel high or wide, and as long as may be."""
    length = rng.choice((1025, 100_000, 24_999_999, 25_000_001))
    width, height = (length, 1) if rng.random() < 0.5 else (1, length)
    return png(width, height, zeros((width + 1) * height))


def png_lies(rng: random.Random) -> bytes:
    """A size that is not that of the pixels, a depth or a colour type that there is not."""
    width, height = rng.choice(_EDGES), rng.choice(_EDGES)
    depth, colour = rng.choice((1, 2, 4, 8, 16, 0, 3, 32)), rng.choice((0, 2, 3, 4, 6, 1, 5, 255))
    data = zeros(rng.choice((0, 1, 1000, 1_000_000)))
    return png(width, height, data, depth=depth, colour=colour, interlace=rng.choice((0, 1, 2)))


def png_metadata(rng: random.Random) -> bytes:
    """Text, profiles and EXIF that unpack to much, are cut, or come by the thousand."""
    good = zlib.compress(b"".join(b"\x00" + bytes(20) for _ in range(20)))
    bomb = zeros(rng.choice((100_000, 2 << 20, 200 << 20)))
    extra = rng.choice(
        (
            lambda: png_chunk(b"zTXt", b"Comment\x00\x00" + bomb),
            lambda: png_chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + bomb),
            lambda: png_chunk(b"iCCP", b"icc\x00\x00" + bomb),
            lambda: png_chunk(b"iCCP", b"icc\x00\x00" + zlib.compress(rng.randbytes(3000))),
            lambda: png_chunk(b"tEXt", b"Comment\x00" + b"x" * rng.choice((10, 900_000, 4_000_000))),
            lambda: b"".join(png_chunk(b"tEXt", b"K%d\x00v" % i) for i in range(50_000)),
            lambda: b"".join(png_chunk(b"zTXt", b"K%d\x00\x00" % i + zeros(900_000)) for i in range(100)),
            lambda: png_chunk(b"eXIf", exif(rng)),
            lambda: png_chunk(b"tRNS", rng.randbytes(rng.choice((0, 1, 2, 6, 300)))),
            lambda: png_chunk(b"PLTE", rng.randbytes(rng.choice((0, 1, 3, 768, 771)))),
            lambda: png_chunk(b"acTL", struct.pack(">II", rng.choice(_EDGES), 0)),
            lambda: png_chunk(b"fcTL", rng.randbytes(26)) * 3,
            lambda: png_chunk(b"gAMA", bytes(rng.choice((0, 3, 4)))) + png_chunk(b"pHYs", rng.randbytes(9)),
        )
    )()
    return png(20, 20, good, extra=extra, colour=rng.choice((0, 0, 3)))


def exif(rng: random.Random) -> bytes:
    """EXIF that turns the picture by what is no turn, points at itself, or counts entries that are not there."""
    order = rng.choice(("<", ">"))
    count = rng.choice((0, 1, 2, 500, 65_535))
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", rng.choice((8, 8, 8, 0, 2**32 - 1)))
    entries = b""
    for _ in range(min(count, 500)):
        tag = rng.choice((0x0112, 0x8769, 0x8825, 0xA005, 0x9286, 0x014A, rng.randrange(65_536)))
        entries += struct.pack(
            order + "HHII",
            tag,
            rng.choice((1, 2, 3, 4, 5, 7, 12, 13, 99)),
            rng.choice((1, 2, 4, 2**31)),
            rng.choice(_EDGES),
        )
    return head + struct.pack(order + "H", count) + entries + struct.pack(order + "I", rng.choice((0, 8, 2**32 - 1)))


def jpeg_segments(rng: random.Random) -> bytes:
    """A JPEG with EXIF, profiles, comments and other segments of the wrong kind, size or number."""
    plain = encoded("JPEG", rng.choice(("RGB", "L", "CMYK")), rng.randrange(3), 0)

    def segment(kind: int, body: bytes) -> bytes:
        return b"\xff" + bytes((kind,)) + struct.pack(">H", min(len(body) + 2, 65_535)) + body[:65_533]

    extra = rng.choice(
        (
            lambda: segment(0xE1, b"Exif\x00\x00" + exif(rng)),
            lambda: segment(0xE1, b"Exif\x00\x00" + rng.randbytes(60_000)),
            lambda: b"".join(segment(0xE1, b"Exif\x00\x00" + b"x" * 65_000) for _ in range(rng.choice((2, 100)))),
            lambda: b"".join(
                segment(0xE2, b"ICC_PROFILE\x00" + bytes((i % 256, 255)) + b"x" * 60_000) for i in range(100)
            ),
            lambda: segment(0xE2, b"ICC_PROFILE\x00\x00\x00"),
            lambda: segment(0xE2, b"MPF\x00" + exif(rng)),
            lambda: segment(0xED, b"Photoshop 3.0\x008BIM" + rng.randbytes(200)),
            lambda: segment(0xEE, b"Adobe" + rng.randbytes(rng.choice((0, 3, 7)))),
            lambda: b"".join(segment(0xFE, b"c" * 60_000) for _ in range(50)),
            lambda: segment(0xFE, b"c") * 20_000,
            lambda: segment(0xDD, rng.randbytes(2)),
            lambda: segment(rng.choice((0xC4, 0xDB, 0xC0, 0xC2, 0xCC)), rng.randbytes(rng.choice((0, 5, 70)))),
            lambda: b"\xff" * rng.choice((1, 100_000)),
        )
    )()
    return plain[:2] + extra + plain[2:]


def jpeg_sizes(rng: random.Random) -> bytes:
    """Another size, precision or number of components in the frame header of a JPEG."""
    plain = bytearray(encoded("JPEG", "RGB", rng.randrange(3), 0))
    at = next(i for i in range(len(plain)) if plain[i] == 0xFF and plain[i + 1] in (0xC0, 0xC2))
    what = rng.randrange(3)
    if what == 0:
        plain[at + 5 : at + 9] = struct.pack(">HH", *rng.choice(((0, 0), (1, 65_535), (5000, 4999), (65_535, 65_535))))
    elif what == 1:
        plain[at + 4] = rng.choice((0, 1, 12, 16, 255))
    else:
        plain[at + 9] = rng.choice((0, 1, 2, 4, 5, 255))
    return bytes(plain)


def jpeg_scans(rng: random.Random) -> bytes:
    """A progressive JPEG that goes over all its pixels again and again: a few bytes for each time."""
    side = rng.choice((64, 2000, 4992))
    image = Image.new("L", (side, side), 128)
    out = io.BytesIO()
    image.save(out, "JPEG", progressive=True)
    plain = out.getvalue()
    # The last scan, without the end of the file: entropy-coded data that says "nothing to add" for all blocks.
    last = plain[plain.rindex(b"\xff\xda") : -2]
    times = rng.choice((20, 2000, 20_000))
    return plain[:-2] + last * min(times, 9_000_000 // len(last)) + plain[-2:]


def gif(rng: random.Random) -> bytes:
    """A GIF whose screen, frame and colours do not agree, or with very many frames."""
    if rng.random() < 0.3:
        frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
        return (
            b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
            + frame * rng.choice((2, 5000, 100_000))
            + b";"
        )
    sizes = [min(rng.choice(_EDGES), 65_535) for _ in range(6)]
    flags = rng.randrange(256)
    table = rng.randbytes(3 * 2 ** ((flags & 7) + 1)) if flags & 0x80 else b""
    body = b"".join(bytes((255,)) + rng.randbytes(255) for _ in range(rng.choice((0, 1, 40))))
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", *sizes[:2], flags, 0, 0)
        + table
        + b"\x2c"
        + struct.pack("<HHHHB", sizes[2], sizes[3], sizes[4], sizes[5], rng.choice((0, 0x40, 0x80)))
        + bytes((rng.choice((0, 1, 2, 8, 11, 12, 255)),))
        + body
        + b"\x00;"
    )


def bmp(rng: random.Random) -> bytes:
    """A BMP whose header lies about sizes, offsets, depth and compression."""
    signed = [rng.choice((0, 1, 40, 5000, 5001, 2**31 - 1, -1, -40, -(2**31))) for _ in range(2)]
    header = struct.pack(
        "<IiiHHIIiiII",
        rng.choice((12, 40, 40, 40, 64, 108, 124, 0, 2**31)),
        *signed,
        rng.choice((0, 1, 2)),
        rng.choice((0, 1, 4, 8, 16, 24, 32, 64)),
        rng.choice((0, 1, 2, 3, 4, 6, 99)),
        rng.choice(_EDGES),
        0,
        0,
        rng.choice(_EDGES),
        rng.choice(_EDGES),
    )
    body = rng.randbytes(rng.choice((0, 64, 20_000)))
    return b"BM" + struct.pack("<IHHI", rng.choice(_EDGES), 0, 0, rng.choice((54, 14, 0, 2**31, 1000))) + header + body


def tiff(rng: random.Random) -> bytes:
    """A TIFF made of tags at the edge of what they may say: tiles of gigabytes, strips that are nowhere, loops."""
    order = rng.choice(("<", ">"))
    side = rng.choice((1, 40, 40, 40, 4999, 70_000, 2**31))
    tags: dict[int, tuple[int, int, int]] = {
        256: (4, 1, side),
        257: (4, 1, rng.choice((1, 40, 40, side))),
        258: (3, 1, rng.choice((1, 8, 8, 16, 32, 64, 255))),
        259: (3, 1, rng.choice((1, 1, 2, 3, 4, 5, 6, 7, 8, 32_773, 34_712, 50_000, 50_001, 65_000))),
        262: (3, 1, rng.choice((0, 1, 2, 3, 5, 6, 8, 99))),
        273: (4, 1, rng.choice((8, 200, 2**31))),
        277: (3, 1, rng.choice((1, 1, 3, 4, 5, 0, 65_535))),
        278: (4, 1, rng.choice((40, 1, 0, 2**32 - 1))),
        279: (4, 1, rng.choice((1600, 0, 2**32 - 1))),
        284: (3, 1, rng.choice((1, 2, 3))),
        317: (3, 1, rng.choice((1, 2, 3))),
        339: (3, 1, rng.choice((1, 2, 3, 4, 99))),
    }
    if rng.random() < 0.4:
        tags |= {
            322: (4, 1, rng.choice((16, 64, 2**16, 2**28, 2**31 - 16))),
            323: (4, 1, rng.choice((16, 64, 2**16, 2**28, 2**31 - 16))),
            324: (4, rng.choice((1, 2**28)), 200),
            325: (4, 1, 1600),
        }
    for _ in range(rng.choice((0, 0, 1, 5))):
        tags[rng.choice((*tags, 0x8769, 0x014A, 34_675, 700, 320, 347, rng.randrange(65_536)))] = (
            rng.choice((1, 2, 3, 4, 5, 7, 12, 16, 99)),
            rng.choice((0, 1, 2, 1000, 2**31, 2**32 - 1)),
            rng.choice(_EDGES),
        )
    directory = struct.pack(order + "H", len(tags))
    for tag, (kind, count, value) in sorted(tags.items()):
        field = (
            struct.pack(order + "HH", value & 0xFFFF, 0)
            if kind == 3 and count == 1
            else struct.pack(order + "I", value)
        )
        directory += struct.pack(order + "HHI", tag, kind, count) + field
    directory += struct.pack(order + "I", rng.choice((0, 0, 8, 2**31)))
    body = rng.choice((bytes(1600), rng.randbytes(1600), zlib.compress(bytes(5_000_000))))
    return (
        (b"II*\x00" if order == "<" else b"MM\x00*")
        + struct.pack(order + "I", 8)
        + directory.ljust(192, b"\x00")
        + body
    )


def webp(rng: random.Random) -> bytes:
    """A WebP whose canvas and frames do not agree, or whose pieces lie about their length."""
    flags = rng.choice((0x02, 0x10, 0x12, 0x3E, 0xFF))
    canvas = [min(rng.choice(_EDGES), 2**24) for _ in range(2)]
    extended = bytes((flags, 0, 0, 0)) + b"".join(max(0, n - 1).to_bytes(3, "little") for n in canvas)
    plain = encoded("WEBP", rng.choice(("RGB", "RGBA")), rng.randrange(2), 0)[12:]
    frame = b"".join(max(0, min(rng.choice(_EDGES), 2**24) - 1).to_bytes(3, "little") for _ in range(4)) + bytes(4)

    def chunk(kind: bytes, body: bytes, length: int | None = None) -> bytes:
        size = len(body) if length is None else length
        return kind + struct.pack("<I", size & 0xFFFFFFFF) + body + bytes(len(body) % 2)

    parts = chunk(b"VP8X", extended)
    parts += chunk(b"ANIM", bytes(6)) if flags & 2 else b""
    parts += rng.choice(
        (
            lambda: plain,
            lambda: chunk(b"ANMF", frame + plain),
            lambda: chunk(b"ANMF", frame + plain) * 500,
            lambda: chunk(b"EXIF", exif(rng)) + plain,
            lambda: chunk(b"ICCP", rng.randbytes(100_000)) + plain,
            lambda: chunk(b"ALPH", rng.randbytes(50)) + plain,
            lambda: chunk(b"VP8L", b"\x2f" + rng.randbytes(40), rng.choice(_EDGES)),
            lambda: chunk(b"VP8 ", rng.randbytes(40), rng.choice(_EDGES)),
        )
    )()
    return b"RIFF" + struct.pack("<I", rng.choice((len(parts) + 4, 0, 2**32 - 2))) + b"WEBP" + parts


def ppm(rng: random.Random) -> bytes:
    """A portable map that claims any size and depth."""
    kind = rng.choice((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7", b"Pf", b"PF", b"P0CMYK", b"PyRGBA"))
    numbers = [str(rng.choice((*_EDGES, -1, 10**30))).encode() for _ in range(3)]
    spaces = rng.choice((b" ", b"\n", b"\n# remark\n", b" " * 10_000))
    body = rng.choice((b"", bytes(5000), b"1 2 3 " * 2000, b"-1 x 99999999999999 " * 100))
    return kind + spaces + spaces.join(numbers) + spaces + body


def flat_bomb(rng: random.Random) -> bytes:
    """One colour, as large as may be and a little larger, in the formats that pack it to almost nothing."""
    side = rng.choice((4999, 5001))
    kind = rng.choice(("JPEG", "TIFF", "WEBP", "GIF"))
    mode = {"JPEG": rng.choice(("RGB", "CMYK", "L")), "TIFF": rng.choice(("RGBA", "L", "I;16", "F", "1"))}.get(
        kind, "L"
    )
    return _flat(kind, mode, side)


def _flat(kind: str, mode: str, side: int) -> bytes:
    image = Image.new(mode, (side, side))
    out = io.BytesIO()
    options = {"TIFF": {"compression": "tiff_deflate"}, "WEBP": {"lossless": True, "method": 0}}.get(kind, {})
    image.save(out, kind, **options)
    return out.getvalue()
