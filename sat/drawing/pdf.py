"""A one-page PDF of a ``Figure``: real text in an embedded font and pictures without loss, by the standard library.

The objects are those of the PDF 1.4 reference, written in order; files are the same byte for byte for the same figure.
"""

from __future__ import annotations

import json
import zlib

from sat.drawing.figure import Figure, Image, Line, Text, fold, font, text_width

_CHARACTERS = range(32, 127)


def pdf_bytes(figure: Figure, program: str) -> bytes:
    """The whole file."""
    images = [mark for mark in figure.marks if isinstance(mark, Image)]
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _page(figure, len(images)),
        _stream(b"", _content(figure).encode("ascii")),
        *_font(),
        _dictionary(Title=_string(figure.title), Producer=_string(program), Subject=_string(json.dumps(figure.recipe))),
    ]
    objects += [_image(mark) for mark in images]
    return _assemble(objects)


_FONT, _INFO, _FIRST_IMAGE = 5, 8, 9  # object numbers; the font is 5 to 7


def _page(figure: Figure, images: int) -> bytes:
    names = " ".join(f"/I{i} {_FIRST_IMAGE + i} 0 R" for i in range(images))
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {figure.width:.2f} {figure.height:.2f}] /Contents 4 0 R "
        f"/Resources << /Font << /F {_FONT} 0 R >> /XObject << {names} >> >> >>"
    ).encode("ascii")


def _content(figure: Figure) -> str:
    """The drawing operators; PDF's y axis points upwards."""
    commands, image = [], 0
    for mark in figure.marks:
        if isinstance(mark, Image):
            bottom = figure.height - mark.y - mark.height
            commands.append(f"q {mark.width:.3f} 0 0 {mark.height:.3f} {mark.x:.3f} {bottom:.3f} cm /I{image} Do Q")
            image += 1
        elif isinstance(mark, Text):
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * text_width(mark.string, mark.size)
            commands.append(
                f"BT /F {mark.size:.2f} Tf {_rgb(mark.colour)} rg "
                f"{mark.x - shift:.3f} {figure.height - mark.y:.3f} Td ({_escape(fold(mark.string))}) Tj ET"
            )
        elif isinstance(mark, Line):
            commands.append(
                f"{_rgb(mark.colour)} RG {mark.width:.2f} w {mark.x0:.3f} {figure.height - mark.y0:.3f} m "
                f"{mark.x1:.3f} {figure.height - mark.y1:.3f} l S"
            )
    return "\n".join(commands)


def _font() -> list[bytes]:
    """The font, its descriptor and its file."""
    face = font(1000)
    widths = " ".join(str(round(face.getlength(chr(c)))) for c in _CHARACTERS)
    ascent, descent = face.getmetrics()
    data = font_file()
    return [
        (
            f"<< /Type /Font /Subtype /TrueType /BaseFont /Aileron-Regular /Encoding /WinAnsiEncoding /FirstChar 32 "
            f"/LastChar 126 /Widths [{widths}] /FontDescriptor {_FONT + 1} 0 R >>"
        ).encode("ascii"),
        (
            f"<< /Type /FontDescriptor /FontName /Aileron-Regular /Flags 32 /FontBBox [-200 -{descent} 1200 {ascent}] "
            f"/ItalicAngle 0 /Ascent {ascent} /Descent -{descent} /CapHeight 700 /StemV 80 "
            f"/FontFile2 {_FONT + 2} 0 R >>"
        ).encode("ascii"),
        _stream(f"/Length1 {len(data)} /Filter /FlateDecode".encode("ascii"), zlib.compress(data, 9)),
    ]


def font_file() -> bytes:
    """The TrueType file of the figures' font."""
    return bytes(font(1000).font_bytes)


def _image(mark: Image) -> bytes:
    height, width = mark.pixels.shape[:2]
    head = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        "/Filter /FlateDecode"
    )
    return _stream(head.encode("ascii"), zlib.compress(mark.pixels.tobytes(), 6))


def _assemble(objects: list[bytes]) -> bytes:
    """Header, numbered objects, cross-reference table, trailer."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, _INFO)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def _stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n" % (head, len(data)) + data + b"\nendstream"


def _dictionary(**entries: bytes) -> bytes:
    return b"<< " + b" ".join(b"/" + key.encode("ascii") + b" " + value for key, value in entries.items()) + b" >>"


def _string(text: str) -> bytes:
    """A text string of the document information: UTF-16 in hexadecimal."""
    return b"<FEFF" + text.encode("utf-16-be").hex().upper().encode("ascii") + b">"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[i : i + 2], 16) / 255:.3f}" for i in (1, 3, 5))
