"""Bad data sets: token files, split lists, captions.csv, Karpathy's and COCO's JSON, boxes, the Entities release."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from fuzz import change
from fuzz.case import Make, Target, Use, Wrong
from fuzz.encoded import encoded
from sat.data import coco, flickr8k, folder, karpathy
from sat.data.dataset import Dataset
from sat.data.entities import ALIGNED_FILE, build_aligned, read_aligned
from sat.data.registry import check, load_dataset
from sat.data.tokens import tokenize

_TOKENS = "".join(f"{n}_a.jpg#{k}\tA dog runs , number {k} .\n" for n in (1, 2, 3) for k in range(5))
_CSV = 'image,caption,split\n1_a.jpg,"A dog, running",train\n2_a.jpg,A cat,test\n3_a.jpg,A bird,dev\n'
_KARPATHY: dict[str, Any] = {
    "dataset": "flickr8k",
    "images": [
        {
            "filename": f"{n}_a.jpg",
            "filepath": "",
            "split": split,
            "sentences": [{"raw": "A dog ."}, {"raw": "A cat ."}],
        }
        for n, split in ((1, "train"), (2, "val"), (3, "test"))
    ],
}
_COCO: dict[str, Any] = {
    "images": [{"id": n, "file_name": f"{n}_a.jpg", "width": 4, "height": 4} for n in (1, 2, 3)],
    "annotations": [{"id": 9 + n, "image_id": n, "caption": "A dog ."} for n in (1, 2, 3)],
}
_ALIGNED: dict[str, Any] = {
    "image": "1_a.jpg",
    "flickr_id": "1",
    "split": "train",
    "width": 41,
    "height": 29,
    "boxes": {"7": [[1, 2, 10, 12], [3, 4, 9, 9]]},
    "scene": ["8"],
    "nobox": [],
    "captions": [
        {
            "k": 0,
            "f30k_index": 1,
            "ratio": 0.9,
            "tokens": ["A", "dog", "runs"],
            "phrases": [{"id": "7", "types": ["animals"], "first": 0, "words": ["A", "dog"]}],
        }
    ],
}
_XML = (
    "<annotation><size><width>41</width><height>29</height><depth>3</depth></size>"
    "<object><name>7</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>12</ymax></bndbox></object>"
    "<object><name>8</name><scene>1</scene><nobndbox>0</nobndbox></object></annotation>"
)
_LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)).replace("&a0;", "&a;")
    + "]>"
)
_SENTENCES = "[/EN#7/animals A dog] runs .\n" * 5


def _read(data: Dataset) -> None:
    """Look at everything in a data set, as training does."""
    for example in data.examples:
        for caption in example.captions:
            tokenize(caption)
    report = check(data, workers=1)
    for line in (*report.problems, *report.unreadable):
        if len(line.splitlines()) > 1:
            raise Wrong(f"a problem of several lines: {line[:200]!r}")


def _pictures(where: Path) -> None:
    where.mkdir(parents=True, exist_ok=True)
    for n in (1, 2, 3):
        (where / f"{n}_a.jpg").write_bytes(encoded("JPEG", "RGB", 0, n))


def _flickr8k(root: Path) -> Path:
    home = root / "flickr8k"
    _pictures(home / "images")
    (home / "captions.token").write_text(_TOKENS, encoding="utf-8")
    for n, file in enumerate(flickr8k.SPLIT_FILES.values(), start=1):
        (home / file).write_text(f"{n}_a.jpg\n", encoding="utf-8")
    return home


def _token_file(rng: random.Random, root: Path) -> Use:
    home = _flickr8k(root)
    file = rng.choice(("captions.token", flickr8k.PAPER_FILE))
    (home / file).write_bytes(_text(_TOKENS, rng))
    return lambda: _read(load_dataset("flickr8k", root))


def _split_list(rng: random.Random, root: Path) -> Use:
    home = _flickr8k(root)
    file = home / rng.choice(list(flickr8k.SPLIT_FILES.values()))
    names = ("1_a.jpg", "/etc/passwd", "../captions.token", "x" * 5000, "1_a.jpg\x00", "", "1_a.jpg", *change.WORDS)
    file.write_bytes("\n".join(rng.choices(names, k=8)).encode("utf-8", "surrogatepass"))
    return lambda: _read(load_dataset("flickr8k", root))


def _csv(rng: random.Random, root: Path) -> Use:
    _pictures(root)
    (root / folder.CAPTIONS_FILE).write_bytes(_text(_CSV, rng))
    return lambda: _read(folder.load(root))


def _text(plain: str, rng: random.Random) -> bytes:
    what = rng.randrange(4)
    if what == 0:
        return change.damage(plain.encode(), rng)
    if what == 1:
        return rng.choice(
            (b"", b"\x00" * 1000, b"\xff\xfe" + plain.encode("utf-16-le"), plain.encode() * 2000, b"\n" * 10**6)
        )
    return change.text(plain, rng)


def _karpathy(rng: random.Random, root: Path) -> Use:
    _pictures(root / "images")
    (root / "dataset.json").write_bytes(change.as_json(change.values(_KARPATHY, rng), rng))
    return lambda: _read(karpathy.load("flickr8k", root, root / "dataset.json", root / "images"))


def _coco(rng: random.Random, root: Path) -> Use:
    home = root / "coco"
    _pictures(home / "train2014")
    _pictures(home / "val2014")
    (home / "annotations").mkdir()
    for part in ("train", "val"):
        content = change.as_json(change.values(_COCO, rng), rng)
        (home / "annotations" / f"captions_{part}2014.json").write_bytes(content)
    return lambda: _read(coco.load(root))


def _boxes(rng: random.Random, root: Path) -> Use:
    lines = change.as_json(change.values(_ALIGNED, rng), rng).replace(b"\n", b" ") + b"\n"
    data = gzip.compress(json.dumps(_ALIGNED).encode() + b"\n" + lines)
    what = rng.randrange(5)
    if what == 0:
        data = change.damage(data, rng)
    elif what == 1:
        data = gzip.compress(b" " * rng.choice((10**6, 10**9 // 4)))
    (root / ALIGNED_FILE).write_bytes(data)

    def read() -> None:
        for picture in read_aligned(root / ALIGNED_FILE).values():
            picture.to_record()

    return read


def _release(rng: random.Random, root: Path) -> Use:
    """An archive of the Entities release with bad members, or a bad archive."""
    home = _flickr8k(root)
    xml = rng.choice(
        (_XML, _LAUGHS + _XML.replace("<name>7", "<name>&a11;"), "", "<a/>", _XML.replace("41", "9" * 5000))
    )
    texts = {
        "Annotations/1.xml": change.text(xml, rng) if rng.random() < 0.5 else xml.encode(),
        "Sentences/1.txt": change.text(_SENTENCES, rng) if rng.random() < 0.5 else _SENTENCES.encode(),
        "../Annotations/2.xml": _XML.encode(),
        "/tmp/Sentences/2.txt": _SENTENCES.encode(),
        "Annotations/3.xml": b" " * rng.choice((10, 2**20 + 1)) + _XML.encode(),
        "Sentences/3.txt": b"[/EN#" * rng.choice((1, 100_000)),
    }
    out = io.BytesIO()
    if rng.random() < 0.5:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in texts.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name, content in texts.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    data = out.getvalue()
    path = root / rng.choice(("release.zip", "release.tar.gz"))
    path.write_bytes(change.damage(data, rng) if rng.random() < 0.5 else data)

    def build() -> None:
        for line in build_aligned(home, path, out=root / "made"):
            if len(line.splitlines()) > 1:
                raise Wrong(f"a problem of several lines: {line[:200]!r}")

    return build


def _missing(rng: random.Random, root: Path) -> Use:
    """A data set of which something is not there, is a folder, or goes in a circle."""
    home = _flickr8k(root)
    victim = rng.choice(sorted(home.iterdir()))
    if victim.is_dir():
        victim.rename(root / "elsewhere")
    else:
        victim.unlink()
        rng.choice((lambda: None, victim.mkdir, lambda: victim.symlink_to(victim.name)))()
    return lambda: _read(load_dataset("flickr8k", root))


def _name(rng: random.Random, root: Path) -> Use:
    name, where = (
        rng.choice(("flickr8k", "coco", "folder", "flickr30k", "shapes", *change.WORDS)),
        rng.choice(change.WORDS),
    )
    return lambda: _read(load_dataset(name, where or root))


_KINDS: dict[str, Make] = {
    "token file": _token_file,
    "split list": _split_list,
    "captions.csv": _csv,
    "Karpathy's JSON": _karpathy,
    "COCO's JSON": _coco,
    "boxes": _boxes,
    "Entities release": _release,
    "missing files": _missing,
    "names": _name,
}


def _warm() -> None:
    tokenize("A dog .")


TARGET = Target(name="captions", kinds=_KINDS, cases=700, seconds=5.0, megabytes=250.0, warm=_warm)
