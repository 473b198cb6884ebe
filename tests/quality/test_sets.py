"""Labelled folders and pairs: what is read from them, and what is said about mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap_library import picture
from search_by_image.errors import ImageError, InvalidInputError
from search_by_image.quality.pairs import paired, read_set
from search_by_image.quality.sets import Skipped, labelled_folder


def fill(folder, *names):
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(seed))
    return folder


def test_the_first_folder_is_the_label(tmp_path):
    made = labelled_folder(fill(tmp_path, "cat/1.png", "cat/deep/er/2.png", "dog/1.png"))
    assert made.labels == ("cat", "cat", "dog")
    assert made.names == ("cat/1.png", "cat/deep/er/2.png", "dog/1.png")
    assert made.different is None
    assert made.skipped == ()


def test_hidden_and_unlabelled_files_are_told(tmp_path):
    fill(tmp_path, "cat/1.png", "cat/2.png", ".trash/3.png", "cat/._4.png", "loose.png")
    (tmp_path / "cat" / "1.json").write_text("{}")
    made = labelled_folder(tmp_path)
    assert made.names == ("cat/1.png", "cat/2.png")
    assert set(made.skipped) == {
        Skipped(".trash/3.png", "hidden"),
        Skipped("cat/._4.png", "hidden"),
        Skipped("loose.png", "in no label's folder"),
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "has 0 usable pictures"),
        (["a/1.png"], "has 1 usable picture,"),
        (["1.png", "2.png"], "2 skipped, such as 2.png: in no label's folder"),
    ],
)
def test_fewer_than_two_pictures_are_refused(tmp_path, names, said):
    with pytest.raises(InvalidInputError, match=said):
        labelled_folder(fill(tmp_path, *names))


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"neither a folder nor a \.csv"):
        read_set(fill(tmp_path, "1.png") / "1.png")


def pairs_in(folder, text, **options):
    file = folder / "pairs.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return paired(file, **options)


def test_what_is_the_same_as_a_third_is_the_same(tmp_path):
    made = pairs_in(tmp_path, "left,right\na.png,b.png\nc.png,d.png\nd.png,a.png\ne.png,f.png\n")
    assert dict(zip(made.names, made.labels, strict=True)) == {
        **dict.fromkeys(("a.png", "b.png", "c.png", "d.png"), "c.png"),
        **dict.fromkeys(("e.png", "f.png"), "e.png"),
    }
    assert made.different is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] != pair[1]), min_size=1))
def test_labels_are_equal_where_there_is_a_way_of_pairs(tmp_path_factory, pairs):
    made = pairs_in(tmp_path_factory.mktemp("p"), "left,right\n" + "".join(f"{a},{b}\n" for a, b in pairs))
    kin = {n: {n} for pair in pairs for n in pair}
    for one, other in pairs:
        joined = kin[one] | kin[other]
        for n in joined:
            kin[n] = joined
    label = dict(zip(made.names, made.labels, strict=True))
    assert all((label[str(a)] == label[str(b)]) is (b in kin[a]) for a in kin for b in kin)


def test_pairs_that_differ_are_kept(tmp_path):
    made = pairs_in(tmp_path, "same,left, right\n1,a,b\nno,a,c\n,d,b\n0,c,d\n")
    assert made.different == ((0, 2), (2, 3))
    assert len(set(made.labels)) == 2


def test_a_pair_counts_once_however_often_it_is_told(tmp_path):
    made = pairs_in(tmp_path, "left,right,same\na,b,1\nb,a,1\na,c,0\na,c,0\nc,a,0\n")
    assert made.different == ((0, 2),)


def test_excels_mark_and_whole_paths_are_understood(tmp_path):
    made = pairs_in(tmp_path, f"\ufeffleft,right\r\na b.png,{tmp_path}/x.png\r\n".encode())
    assert made.names == ("a b.png", "x.png")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column left and no right"),
        ("left,wrong\na,b\n", "has no column right; its first line is 'left,wrong'"),
        ("left,right\na,\n", "line 2: both left and right"),
        ("left,right\na\n", "line 2: both left and right"),
        ("left,right,same\na,b,1\na,c,maybe\n", "line 3: same is 'maybe'"),
        ("left,right\na,a\n", "paired with itself"),
        ("left,right,same\na,b,1\nb,c,1\na,c,0\n", "line 4: the two are said to differ"),
        ("left,right\n", "has 0 usable pictures"),
        (b"left,right\n\xe4,b\n", "cannot be read as CSV in utf-8-sig"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, text, said):
    with pytest.raises(InvalidInputError, match=said):
        pairs_in(tmp_path, text)


def test_without_some_pictures_the_pairs_are_still_those_of_the_others(tmp_path):
    made = pairs_in(tmp_path, "left,right,same\na,b,1\nc,d,0\nb,d,0\n").without({2: ImageError("gone")})
    assert made.names == ("a", "b", "d")
    assert made.different == ((1, 2),)
    assert made.skipped == (Skipped("c", "gone"),)
