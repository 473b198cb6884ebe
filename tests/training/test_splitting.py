"""Which pictures are learned from and which are held out."""

import os
import shutil
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from search_by_image.errors import InvalidInputError
from search_by_image.images import ImageLimits
from search_by_image.models.labelmap import read_labelmap
from search_by_image.training.augmenting import augmented
from search_by_image.training.batches import batches, order
from search_by_image.training.settings import Augmentation
from search_by_image.training.splitting import label_lines, split_folder

LIMITS = ImageLimits()


def test_each_class_gives_its_share_and_a_seed_decides_which(shapes):
    split, left_out = split_folder(shapes, 0.25, 1, LIMITS)
    assert (split.classes, left_out) == (("round", "square"), {})
    assert Counter(label for _, label in split.held_out) == {0: 2, 1: 2}
    assert Counter(label for _, label in split.training) == {0: 8, 1: 8}
    assert not {*split.training} & {*split.held_out}
    assert split_folder(shapes, 0.25, 1, LIMITS)[0] == split
    assert split_folder(shapes, 0.25, 2, LIMITS)[0].held_out != split.held_out


def test_small_classes_and_broken_files(shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "set")
    (tmp_path / "set" / "few").mkdir()
    for number in range(7, 10):
        (tmp_path / "set" / "round" / f"{number:02}.png").rename(tmp_path / "set" / "few" / f"{number}.png")
    (tmp_path / "set" / "square" / "00.png").write_bytes((shapes / "square" / "00.png").read_bytes()[:90])
    split, left_out = split_folder(tmp_path / "set", 0.01, 0, LIMITS)
    assert Counter(label for _, label in split.held_out) == {1: 2, 2: 2}
    assert Counter(label for _, label in split.training) == {0: 3, 1: 5, 2: 7}
    assert list(left_out) == ["square/00.png"]


def test_a_picture_that_is_there_twice_is_not_learned_from_and_held_out(shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "set")
    for file in sorted(shapes.glob("*/*.png")):
        shutil.copy(file, tmp_path / "set" / "square" / f"again-{file.parent.name}-{file.name}")
    split, left_out = split_folder(tmp_path / "set", 0.25, 0, LIMITS)
    sides = [{(split.root / path).read_bytes() for path, _ in rows} for rows in (split.training, split.held_out)]
    assert not sides[0] & sides[1]
    assert (len(sides[0]), len(sides[1]), len(left_out)) == (16, 4, 20)
    assert left_out["square/again-round-03.png"] == "the same picture as round/03.png"


def test_names_that_are_not_utf8_are_left_out(shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "set")
    (tmp_path / "set/round/00.png").rename(tmp_path / "set/round" / os.fsdecode(b"caf\xe9.png"))
    split, left_out = split_folder(tmp_path / "set", 0.25, 0, LIMITS)
    assert len(split.training) + len(split.held_out) == 19
    assert list(left_out) == ["round/caf\\xe9.png"]
    assert "rename it" in left_out["round/caf\\xe9.png"]


def test_sets_that_cannot_be_trained_on(shapes, tmp_path):
    shutil.copytree(shapes / "round", tmp_path / "one" / "round")
    with pytest.raises(InvalidInputError, match="pictures of one class, 'round'"):
        split_folder(tmp_path / "one", 0.25, 0, LIMITS)
    for name in ("round", "square"):
        (tmp_path / "few" / name).mkdir(parents=True)
        shutil.copy(shapes / name / "00.png", tmp_path / "few" / name)
    with pytest.raises(InvalidInputError, match="have 4 different pictures, so none can be held out"):
        split_folder(tmp_path / "few", 0.25, 0, LIMITS)
    shutil.copytree(shapes / "round", tmp_path / "few" / "round", dirs_exist_ok=True)
    with pytest.raises(InvalidInputError, match="with one class every search is right"):
        split_folder(tmp_path / "few", 0.25, 0, LIMITS)
    shutil.copytree(shapes / "square", tmp_path / "few" / "two\nlines")
    (tmp_path / "few" / "square" / "00.png").unlink()
    with pytest.raises(InvalidInputError, match=r"'two\\nlines' has a line break"):
        split_folder(tmp_path / "few", 0.25, 0, LIMITS)


def test_the_labels_are_a_labelmap(tmp_path):
    (tmp_path / "labels.txt").write_text(label_lines(["cat", "stop: sign", "猫"]), encoding="utf-8")
    assert read_labelmap(tmp_path / "labels.txt") == {0: "cat", 1: "stop: sign", 2: "猫"}


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(2, 9), st.integers(0, 99))
def test_an_epoch_has_every_picture_once(labels, size, seed):
    made = batches(labels, size, (seed, 0))
    assert sorted(place for batch in made for place in batch) == list(range(len(labels)))
    assert all(len(batch) == size for batch in made[:-1])
    assert made == batches(labels, size, (seed, 0))


def test_neighbours_are_of_one_class():
    labels = [0, 1] * 20
    found = [labels[place] for place in order(labels, np.random.default_rng(0))]
    assert all(len(set(found[start : start + 4])) == 1 for start in range(0, 40, 4))


def test_many_classes_take_no_longer_than_few():
    """Of 20,000 pictures each; two seconds an epoch when every class looked through all of them."""

    def seconds(classes):
        labels = [place % classes for place in range(20_000)]
        started = time.process_time()
        order(labels, np.random.default_rng(0))
        return time.process_time() - started

    assert seconds(4000) < 20 * seconds(4) + 0.5


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 9), st.booleans())
def test_a_changed_picture_has_the_size_asked_for(width, height, seed, square):
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))

    def made(wanted: Augmentation):
        return augmented(image, 16, wanted, np.random.default_rng(seed), square=square)

    assert made(Augmentation()).shape == (16, 16, 3)
    assert np.array_equal(made(Augmentation()), made(Augmentation()))


def test_without_changes_the_whole_picture_is_left():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
    still = augmented(image, 16, Augmentation(1, 0, 0), np.random.default_rng(0))
    assert np.array_equal(still, np.asarray(image))
    mirrored = augmented(image, 16, Augmentation(1, 1, 0), np.random.default_rng(0))
    assert np.array_equal(mirrored, np.asarray(image)[:, ::-1])
    assert not np.array_equal(augmented(image, 16, Augmentation(1, 0, 0.5), np.random.default_rng(0)), still)
