"""``figure``: captions drawn word by word, two set against each other, and the worst of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sat.cli.captioning import captioner_for, read_all
from sat.cli.console import say
from sat.cli.options import Beam, Context, Images, Model, Models, Out, Root, Scale, Seed, Style
from sat.errors import UserError

if TYPE_CHECKING:
    from sat.captioner import Captioner
    from sat.drawing.figure import Figure
    from sat.images import Picture


def strip(
    images: Images,
    out: Out,
    model: Models = None,
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """Every word with its map (figure 2 of the paper); several models stand one above the other."""
    from sat.drawing.overlay import View
    from sat.drawing.strip import strip as draw

    loaded = [captioner_for(name, beam, context, seed) for name in model or ["soft-flickr8k"]]
    view = View(style=style, scale=scale)
    _draw(images, out, loaded[0][0], lambda picture: draw(picture, [c.caption(picture, d) for c, d in loaded], view))


def focus(
    images: Images,
    out: Out,
    model: Model = "soft-flickr8k",
    word: Annotated[str | None, typer.Option("--word", metavar="WORD|N", help="Which word; N counts from 1.")] = None,
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """One word, underlined in its caption, with its map (figure 3 of the paper)."""
    from sat.drawing.overlay import View
    from sat.drawing.strip import focus as draw

    captioner, decoding = captioner_for(model, beam, context, seed)

    def figure(picture: Picture) -> Figure:
        trace = captioner.caption(picture, decoding)
        return draw(picture, trace, _word_index(trace.words, word), View(style=style, scale=scale))

    _draw(images, out, captioner, figure)


def compare(
    images: Images,
    out: Out,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Twice; else soft-flickr8k and hard-flickr8k.")
    ] = None,
    same_text: Annotated[
        bool, typer.Option("--same-text", help="The second model reads the caption of the first.")
    ] = False,
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """Two models word against word: their maps, the difference, divergence and effective places."""
    from sat.analysis.compare import compare as align
    from sat.drawing.compare import comparison
    from sat.drawing.overlay import View

    names = model or ["soft-flickr8k", "hard-flickr8k"]
    if len(names) != 2:
        raise UserError(f"Two models are compared, not {len(names)}: give --model twice.")
    (first, decoding), (second, its_decoding) = (captioner_for(name, beam, context, seed) for name in names)
    view = View(style=style, scale=scale)

    def figure(picture: Picture) -> Figure:
        one = first.caption(picture, decoding)
        if same_text:
            two = second.read(second.annotate([picture]), one.words, its_decoding, picture=picture.digest)
        else:
            two = second.caption(picture, its_decoding)
        pairs = align(one, two, same_text=same_text).pairs
        return comparison(picture, one, two, pairs, view, same_text=same_text)

    _draw(images, out, first, figure)


def mistakes(
    evaluation: Annotated[Path, typer.Option("--eval", metavar="DIR", help="What 'evaluate --out DIR' wrote.")],
    out: Out,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=60, help="How many captions.")] = 6,
    image: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="NAME", help="These pictures instead; may be given several times."),
    ] = None,
    data: Root = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="DATASET", help="Where the pictures are; else where they were evaluated."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="The evaluated model's folder; else found by name.")
    ] = None,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """The captions of lowest CIDEr in an evaluation, each with the map of a wrong word (figure 5 of the paper)."""
    from sat.captioner import load
    from sat.data.registry import load_dataset
    from sat.drawing.mistakes import Mistake, montage
    from sat.drawing.overlay import View
    from sat.evaluation.browse import EvaluationStore
    from sat.evaluation.pictures import EvaluatedPictures
    from sat.evaluation.store import ABOUT_FILE, FOLDER
    from sat.evaluation.worst import as_published, caption_again, named, read_evaluation, word_to_show, worst

    _check_format(out)
    recorded, records = read_evaluation(evaluation)
    ranked = named(records, image) if image else worst(records, count)
    if not ranked:
        raise UserError(f"No caption in {evaluation} has a word: there is nothing to draw.")
    captioner = load(model or recorded.model)
    names = [one.record.image for one in ranked]
    if data is None and dataset is None and (evaluation / FOLDER / ABOUT_FILE).is_file():
        source, size = EvaluatedPictures(EvaluationStore.open(evaluation).about), captioner.config.image_size
        shown = pictures = [source.read(o.record.image, o.record.references, size=size) for o in ranked]
    else:
        examples = load_dataset(dataset or "flickr8k", data)
        files = {example.name: str(example.path) for example in examples.examples}
        missing = next((name for name in names if name not in files), None)
        if missing is not None:
            raise UserError(f"{examples.name} has no picture {missing}: name the evaluated data set with --dataset.")
        pictures = read_all([files[name] for name in names], captioner)
        shown = as_published(pictures, names, examples)
    traces = caption_again(captioner, recorded, ranked, pictures)
    found = [
        Mistake(picture, trace, word_to_show(trace, one.record.references), one.record.image, one.cider)
        for one, picture, trace in zip(ranked, shown, traces, strict=True)
    ]
    _save([montage(found, View(style=style, scale=scale))], out)


def _draw(images: Sequence[str], out: Path, captioner: Captioner, figure: Callable[[Picture], Figure]) -> None:
    """One figure a picture."""
    _check_format(out)
    _save([figure(picture) for picture in read_all(images, captioner)], out)


def _check_format(out: Path) -> None:
    from sat.drawing.export import FORMATS

    if out.suffix.lower() not in FORMATS:
        raise UserError(f"{out} cannot be written: name a file that ends in {', '.join(FORMATS)}.")


def _save(figures: Sequence[Figure], out: Path) -> None:
    """Write figures that are all drawn already; several are numbered: FILE-1.png, FILE-2.png, ..."""
    from sat.drawing.export import save_figure

    for i, drawn in enumerate(figures, start=1):
        path = out if len(figures) == 1 else out.with_stem(f"{out.stem}-{i}")
        save_figure(drawn, path)
        say(str(path))


def _word_index(words: Sequence[str], wanted: str | None) -> int:
    """Which word, from 0: by number from 1, by itself, or the first that names something to look at."""
    from sat.drawing.words import first_content_word

    if wanted is None:
        return first_content_word(list(words))
    if wanted in words:
        return list(words).index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(words):
        return int(wanted) - 1
    raise UserError(
        f"The caption has no word {wanted!r}: it reads {' '.join(words)!r}; name one of its words, or a number from 1 "
        f"to {len(words)}."
    )
