"""Small models for tests, made here, and their installation; one of them has a text side."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.models.description import Licence, ModelDescription, Output, Preprocessing, TextSide
from search_by_image.models.manifest import KeptFile, Manifest, now
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.wheels import sha256_of

SIDE = 16
CELL = 4
MEANS = "means"
COLOURS = {
    "red": (1, -1, -1),
    "green": (-1, 1, -1),
    "blue": (-1, -1, 1),
    "dark": (-1, -1, -1),
    "红": (1, -1, -1),
    "绿": (-1, 1, -1),
    "蓝": (-1, -1, 1),
    "暗": (-1, -1, -1),
}
SPECIAL = ("[UNK]", "[CLS]", "[SEP]")


def colour_grid() -> ov.Model:
    """From (1, 3, 16, 16), f32, to means of 4 x 4 cells: `grid` (1, 3, 4, 4), `tokens` (1, 16, 3), `means` (1, 48)."""
    image = op.parameter([1, 3, SIDE, SIDE], ov.Type.f32, name="image")
    image.output(0).set_names({"image"})
    grid = op.avg_pool(image, [CELL, CELL], [0, 0], [0, 0], [CELL, CELL], exclude_pad=True)
    tokens = op.transpose(op.reshape(grid, np.array([1, 3, 16]), special_zero=False), np.array([0, 2, 1]))
    means = op.reshape(grid, np.array([1, 48]), special_zero=False)
    for node, name in ((grid, "grid"), (tokens, "tokens"), (means, MEANS)):
        node.output(0).set_names({name})
    return ov.Model([op.result(node) for node in (means, grid, tokens)], [image], "colour-grid")


def write_ir(model: ov.Model, file: Path) -> Path:
    ov.save_model(model, file, compress_to_fp16=False)
    return file


def described(**changes: object) -> ModelDescription:
    """Of `colour_grid`, as `grid.xml`; its vectors are 0..1."""
    made = ModelDescription(
        "colour-grid",
        "grid.xml",
        48,
        Preprocessing(SIDE, "squash", "bilinear", mean=(0, 0, 0), std=(1, 1, 1)),
        Output(MEANS),
        Licence("none: made for a test"),
    )
    return replace(made, **changes)


def manifest_of(folder: Path, model: ModelDescription) -> Manifest:
    files = {file.name: KeptFile(sha256_of(file), file.stat().st_size) for file in sorted(folder.iterdir())}
    return Manifest(model, files, "a test", now())


def install_grid(store: ModelStore, **changes: object) -> InstalledModel:
    model = described(**changes)

    def fill(folder: Path) -> Manifest:
        write_ir(colour_grid(), folder / "grid.xml")
        return manifest_of(folder, model)

    return store.install(model.name, fill)


# --- two towers: colours, and words for them


def image_tower() -> tuple[ov.op.Parameter, ov.Node]:
    """From (1, 3, 16, 16), f32, -1..1, to the picture's mean colour, (1, 3)."""
    image = op.parameter([1, 3, SIDE, SIDE], ov.Type.f32, name="pixel_values")
    image.output(0).set_names({"pixel_values"})
    colour = op.reduce_mean(image, np.array([2, 3]), keep_dims=False)
    colour.output(0).set_names({"image_embeds"})
    return image, colour


def text_tower(length: int = -1, kind: ov.Type = ov.Type.i64) -> tuple[list[ov.op.Parameter], ov.Node]:
    """From tokens and their mask, (any, length), to the mean of the words' colours, (any, 3)."""
    ids, mask = (
        op.parameter(ov.PartialShape([-1, length]), kind, name=name) for name in ("input_ids", "attention_mask")
    )
    for node, name in ((ids, "input_ids"), (mask, "attention_mask")):
        node.output(0).set_names({name})
    table = np.array([(0, 0, 0)] * len(SPECIAL) + list(COLOURS.values()), np.float32)
    words = op.gather(op.constant(table), ids, np.int64(0))
    kept = op.multiply(words, op.unsqueeze(op.convert(mask, "f32"), np.int64(2)))
    total = op.reduce_sum(kept, np.array([1]), keep_dims=False)
    count = op.reduce_sum(op.convert(mask, "f32"), np.array([1]), keep_dims=True)
    text = op.divide(total, count)
    text.output(0).set_names({"text_embeds"})
    return [ids, mask], text


def write_tokenizer(file: Path) -> None:
    """Words, and Chinese characters one by one."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *COLOURS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(handle_chinese_chars=True, lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    made.save(str(file))


def write_two_towers(folder: Path, *, combined: bool = False, length: int = -1, kind: ov.Type = ov.Type.i64) -> None:
    """As `image.xml`, `text.xml` and `tokenizer.json`; combined, as `image.xml` alone."""
    image, colour = image_tower()
    tokens, text = text_tower(length, kind)
    if combined:
        both = [op.result(text), op.result(colour)]
        write_ir(ov.Model(both, [*tokens, image], "two-towers"), folder / "image.xml")
    else:
        write_ir(ov.Model([op.result(colour)], [image], "image"), folder / "image.xml")
        write_ir(ov.Model([op.result(text)], tokens, "text"), folder / "text.xml")
    write_tokenizer(folder / "tokenizer.json")


def two_towers(*, combined: bool = False, **side: object) -> ModelDescription:
    return ModelDescription(
        "two-towers",
        "image.xml",
        3,
        Preprocessing(SIDE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), tensor="pixel_values"),
        Output("image_embeds"),
        Licence("none: made for a test"),
        text=TextSide(**{"file": "image.xml" if combined else "text.xml", "tokenizer": "tokenizer.json", **side}),
    )


def install_two_towers(store: ModelStore, **made: object) -> InstalledModel:
    model = two_towers(combined=bool(made.get("combined")))

    def fill(folder: Path) -> Manifest:
        write_two_towers(folder, **made)
        return manifest_of(folder, model)

    return store.install(model.name, fill)
