"""What learns, how a run is taken up again, and when it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from safetensors.numpy import load_file, save_file

from search_by_image.errors import ImageError, InvalidInputError, ModelError
from search_by_image.images import ImageLimits
from search_by_image.models.adding import add
from search_by_image.models.description import Preprocessing
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore
from search_by_image.training.checkpoints import load
from search_by_image.training.pictures import HeldOutPictures, Opener, held_out_batches
from search_by_image.training.run_folder import RunFolder
from search_by_image.training.session import Place, begin, open_base, open_trained, train
from search_by_image.training.settings import Augmentation, Machine, PhaseSettings, TrainingSettings
from search_by_image.training.trainer import Watch
from training.small_disk import room_for
from worker_process import environment

SMALL = TrainingSettings("thin", head=PhaseSettings(1, 1e-3), whole=PhaseSettings(2, 1e-4), batch=8, dimension=16)


@pytest.fixture(scope="module")
def place(thin_store) -> Place:
    return Place(thin_store, ImageLimits())


def trained(folder, shapes, place, settings=SMALL, *, watch=None, machine=None):
    opened = RunFolder(folder)
    with opened.locked():
        run, _ = begin(shapes, opened, settings, place)
        return train(opened, run, machine or Machine(), place, watch or Watch())


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shapes, place):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, trained(folder, shapes, place)


def states(folder):
    return load(folder / "checkpoint.pt"), load(folder / "best.pt")


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_a_run_tells_where_it_stands(whole):
    _, progress = whole
    assert [(row["phase"], row["epoch"]) for row in progress.history] == [
        ("head", 1), ("whole", 1), ("whole", 2)
    ]  # fmt: skip
    assert 0 <= progress.before["recall_at_1"] <= 1
    assert max([row["recall_at_1"], row["mean_average_precision"]] for row in progress.history) == progress.best


def test_it_learns(tmp_path, shapes, place):
    settings = replace(
        SMALL,
        objective="classification",
        head=PhaseSettings(12, 1e-2),
        whole=PhaseSettings(0, 1e-4),
        augmentation=Augmentation(1, 0, 0),
    )
    losses = [row["loss"] for row in trained(tmp_path, shapes, place, settings).history]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("after", [pytest.param(1, marks=pytest.mark.soak), 2, 5])
def test_after_ctrl_c_the_same_command_comes_to_the_same_end(tmp_path, whole, shapes, place, after):
    """Within an epoch and at its end, in either phase."""
    steps = []

    def interrupt(*_):
        steps.append(1)
        if len(steps) == after:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, shapes, place, watch=Watch(step=interrupt))
    assert len(steps) == after
    trained(tmp_path, shapes, place)
    assert same(states(tmp_path), states(whole[0]))


@pytest.mark.soak
def test_ctrl_c_between_the_phases_is_not_lost(tmp_path, whole, shapes, place):
    """After the last step's check, while the processes that open pictures end."""

    def interrupt():
        while not (tmp_path / "report.json").exists():
            time.sleep(0.0002)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    steps = []
    watch = Watch(step=lambda *step: steps.append(step), epoch=lambda _: thread.ident or thread.start())
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, shapes, place, watch=watch, machine=Machine(workers=2))
    thread.join()
    assert len(steps) <= 3
    trained(tmp_path, shapes, place)
    assert same(states(tmp_path), states(whole[0]))


def test_after_a_crash_the_last_epochs_end_counts(tmp_path, whole, shapes, place):
    def crash(_phase, step, of):
        if (step, of) == (3, 4):
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        trained(tmp_path, shapes, place, watch=Watch(step=crash))
    assert load(tmp_path / "checkpoint.pt")["progress"]["step"] == 2
    trained(tmp_path, shapes, place)
    assert same(states(tmp_path), states(whole[0]))


@pytest.mark.soak
def test_pictures_opened_by_other_processes_are_the_same(tmp_path, whole, shapes, place):
    trained(tmp_path, shapes, place, machine=Machine(workers=2))
    assert same(states(tmp_path), states(whole[0]))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("grown", [False, True], ids=["gone", "too large"])
def test_a_picture_that_is_not_there_any_more(tmp_path, shapes, workers, grown):
    (tmp_path / "round").mkdir()
    if grown:
        (tmp_path / "round" / "00.png").write_bytes((shapes / "round" / "00.png").read_bytes() + bytes(2**20))
    pictures = HeldOutPictures(Opener(tmp_path, ImageLimits(max_bytes=2**20)), [("round/00.png", 0)], Preprocessing(8))
    with pytest.raises(ImageError, match=r"^The run's picture 'round/00.png' is not as it was.*--restart\.$") as raised:
        list(held_out_batches(pictures, 1, workers))
    assert "Traceback" not in str(raised.value)


@pytest.mark.soak
def test_a_process_that_is_killed(tmp_path, shapes, place):
    def kill(*_):
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(ModelError, match=r"A process that opens pictures has ended.*fewer --workers"):
        trained(tmp_path, shapes, place, watch=Watch(step=kill), machine=Machine(workers=2))


def test_a_finished_run_is_not_trained_again(whole, shapes, place):
    before = states(whole[0])
    trained(whole[0], shapes, place, watch=Watch(step=lambda *_: pytest.fail("a step was done")))
    assert same(states(whole[0]), before)


def backbone_changes(folder, place) -> set[str]:
    before = open_base(RunFolder(folder), place).network.state_dict()
    after = load(folder / "checkpoint.pt")["network"]
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_first_phase_leaves_the_base_alone(tmp_path, shapes, place):
    trained(tmp_path, shapes, place, replace(SMALL, whole=PhaseSettings(0, 1e-4)))
    changed = backbone_changes(tmp_path, place)
    assert changed == {"embedding.weight", "embedding.bias", "classifier.weight"}


@pytest.mark.parametrize("objective", ["contrastive", pytest.param("classification", marks=pytest.mark.soak)])
def test_chosen_layers_learn_and_statistics_stay(tmp_path, shapes, place, objective):
    settings = replace(
        SMALL,
        objective=objective,
        optimiser="sgd" if objective == "contrastive" else "rmsprop",
        schedule="constant",
        head=PhaseSettings(1, 1e-3),
        whole=PhaseSettings(9, 1e-4, steps=2),
        trainable=("_conv_head", "_bn1"),
    )
    progress = trained(tmp_path, shapes, place, settings)
    assert [row["phase"] for row in progress.history] == ["head", "whole"]
    changed = {name for name in backbone_changes(tmp_path, place) if name.startswith("backbone")}
    assert changed == {"backbone._conv_head.weight", "backbone._bn1.weight", "backbone._bn1.bias"}


def test_it_ends_early_without_a_gain(tmp_path, shapes, place):
    settings = replace(SMALL, head=PhaseSettings(1, 1e-3), whole=PhaseSettings(9, 0.0), schedule="constant", patience=1)
    progress = trained(tmp_path, shapes, place, settings)
    assert len(progress.history) == 2 + (progress.best_at != "head 1")


def test_a_loss_that_is_no_number(tmp_path, shapes, place):
    wild = replace(SMALL, head=PhaseSettings(3, 1e30), optimiser="sgd", objective="classification")
    with pytest.raises(ModelError, match="smaller --learning-rate"):
        trained(tmp_path, shapes, place, wild)


def test_features_that_are_no_numbers_are_no_best_epoch(tmp_path, shapes, place):
    """The last step made them so: no later loss tells."""
    wild = replace(
        SMALL,
        head=PhaseSettings(0, 1e30, steps=2),
        whole=PhaseSettings(0, 1e-4),
        optimiser="sgd",
        objective="classification",
        schedule="constant",
    )
    with pytest.raises(ModelError, match=r"no finite numbers.*smaller --learning-rate"):
        trained(tmp_path, shapes, place, wild)
    assert not (tmp_path / "best.pt").exists()


def test_another_run_than_the_folders(whole, shapes, place, tmp_path):
    with pytest.raises(InvalidInputError, match="other settings: batch, seed"):
        trained(whole[0], shapes, place, replace(SMALL, batch=9, seed=4))
    with pytest.raises(InvalidInputError, match="the data set"):
        trained(whole[0], tmp_path, place)


@pytest.mark.parametrize(("size", "times"), [(96, 1), (64, 2)], ids=["pictures", "weights"])
def test_a_base_that_was_replaced_meanwhile(tmp_path, whole, place, size, times):
    """The checkpoint's weights would be put into another network, or exported for other pictures."""
    weights = load_file(place.store.get("thin").folder / "thin.safetensors")
    file, store = tmp_path / "thin.safetensors", ModelStore(tmp_path / "models")
    save_file({name: value * times for name, value in weights.items()}, file)
    add("thin", [str(file)], {"preprocessing": {"size": size}, "output": {"centred": True}}, store, Tools())
    for opened in (open_base, open_trained):
        with pytest.raises(ModelError, match=r"'thin' is not the one that this run began with.*--restart"):
            opened(RunFolder(whole[0]), Place(store, ImageLimits()))


def test_what_has_not_learned_yet_may_be_begun_with_other_settings(tmp_path, shapes, place):
    """A mistake, or Ctrl-C before the first checkpoint: there is nothing to continue, nor to lose."""
    folder = RunFolder(tmp_path)
    begin(shapes, folder, SMALL, place)
    begin(shapes, folder, replace(SMALL, batch=9), place)
    assert folder.read().settings.batch == 9


def test_files_of_others_are_not_overwritten(tmp_path, shapes, place):
    folder = RunFolder(tmp_path)
    for name in ("best.pt", "report.json"):
        (tmp_path / name).write_text("another program's")
    with pytest.raises(InvalidInputError, match=r"has best.pt, report.json, and not from a training.*--restart"):
        begin(shapes, folder, SMALL, place)
    assert {file.read_text() for file in tmp_path.iterdir()} == {"another program's"}
    begin(shapes, folder, SMALL, place, restart=True)
    assert {file.name for file in tmp_path.iterdir()} == {"run.json", "labels.txt"}


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, shapes, place):
    folder = RunFolder(tmp_path)
    with room_for(200), pytest.raises(ModelError, match=r"run.json' cannot be written"):
        begin(shapes, folder, SMALL, place)
    assert list(tmp_path.iterdir()) == []
    begin(shapes, folder, SMALL, place)
    folder.write("checkpoint.pt", b"before")
    with room_for(8192), pytest.raises(ModelError, match=r"checkpoint.pt' cannot .* \(10000 bytes\). Make room"):
        folder.write("checkpoint.pt", bytes(10_000))
    assert {file.name for file in tmp_path.iterdir()} == {"run.json", "labels.txt", "checkpoint.pt"}
    assert folder.checkpoint.read_bytes() == b"before"


def test_a_kill_while_a_checkpoint_is_written_leaves_no_litter(tmp_path):
    """Each would be as large as the network."""
    write = "from search_by_image.training.run_folder import RunFolder as F; import sys; from pathlib import Path\n"
    write += "while True: F(Path(sys.argv[1])).write('checkpoint.pt', bytes(2**24))"
    with subprocess.Popen([sys.executable, "-c", write, str(tmp_path)], env=environment({})) as child:
        while not list(tmp_path.glob(".checkpoint.pt.*")):
            time.sleep(0.001)
        child.kill()
    RunFolder(tmp_path).write("checkpoint.pt", b"whole")
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_cannot_be_trained(tmp_path, shapes, place):
    with pytest.raises(InvalidInputError, match=r"no layer that begins with 'Mixed_7'. It has: _conv_stem"):
        trained(tmp_path / "layers", shapes, place, replace(SMALL, trainable=("Mixed_7",)))
    with pytest.raises(InvalidInputError, match="Neither phase has a step"):
        still = replace(SMALL, head=PhaseSettings(0, 1e-3), whole=PhaseSettings(0, 1e-3))
        trained(tmp_path / "still", shapes, place, still)
    assert not list(tmp_path.glob("*/run.json"))
    if not torch.cuda.is_available():
        with pytest.raises(InvalidInputError, match="no GPU"):
            trained(tmp_path / "gpu", shapes, place, machine=Machine("cuda"))


def test_a_folder_has_one_training_at_a_time(tmp_path, shapes, place):
    with RunFolder(tmp_path).locked(), pytest.raises(InvalidInputError, match="Another process trains"):
        trained(tmp_path, shapes, place)


def test_a_damaged_checkpoint(tmp_path, shapes, place):
    opened = RunFolder(tmp_path)
    begin(shapes, opened, SMALL, place)
    opened.checkpoint.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match=r"damaged.*--restart"):
        trained(tmp_path, shapes, place)
