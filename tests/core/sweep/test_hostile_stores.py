"""Stores that somebody else made, or that change while they are used: refused in words, and nothing else is touched.

What may stand in each file of a store is tried in `tests/hostile`.
"""

import os
import shutil

import pytest
import torch

from latent_widgets.core.sweep import store as stores
from latent_widgets.core.sweep.manifest import Manifest, hash_columns
from latent_widgets.methods.warpage import WarpageMap, warpage
from latent_widgets.sweeps import sweep
from latent_widgets.sweeps.result import Sweep
from tests.foreign_stores import CHUNK, HOW, go_on, replaced
from tests.linear import linear_generator

OURS = {"lock", "manifest.json", "codes.safetensors", "chunk-000000.safetensors", CHUNK}


@pytest.fixture
def folder(tmp_path):
    """A store of two chunks, of one latent each."""
    path = tmp_path / "store"
    go_on(path)
    assert {entry.name for entry in path.iterdir()} == OURS
    return path


@pytest.fixture
def thesis(tmp_path):
    """A file of the user's."""
    path = tmp_path / "thesis.tex"
    path.write_text("mine")
    return path


class TestOtherThings:
    """What stands in the place of a file is not waited for, not read without end, and not written through."""

    @pytest.mark.parametrize("how", HOW)
    def test_as_a_manifest(self, folder, thesis, how):
        replaced(folder, "manifest.json", how, thesis)
        for read in (Sweep.load, WarpageMap.load, go_on):
            with pytest.raises(ValueError, match=r"(store|path|manifest.json'?) must .*, got") as error:
                read(folder)
            assert str(error.value).isprintable()
        assert thesis.read_text() == "mine"

    @pytest.mark.parametrize("how", HOW)
    def test_as_codes(self, folder, thesis, how):
        replaced(folder, "codes.safetensors", how, thesis)
        for read in (Sweep.load, go_on):
            with pytest.raises(ValueError, match=r"store must .*, got .*codes.safetensors"):
                read(folder)
        assert thesis.read_text() == "mine"

    @pytest.mark.parametrize("how", HOW)
    def test_as_a_chunk(self, folder, thesis, how):
        whole = {name: value.clone() for name, value in Sweep.load(folder).columns().items()}
        path = replaced(folder, CHUNK, how, thesis)
        S = Sweep.load(folder)
        assert (S.stopped, S.done.tolist()) == ("unfinished", [0])
        if how == "a link to nothing":
            assert len(S.result()) == 1
        else:
            with pytest.raises(ValueError, match=rf"store must hold whole chunks, got .*{CHUNK}.*: .*Sweep once more"):
                S.result()
        if how in ("a folder", "a pipe"):  # what is there may be somebody's
            with pytest.raises(ValueError, match=rf"store must .*, got .*{CHUNK}"):
                go_on(folder)
        else:
            again = go_on(folder)
            assert all(torch.equal(again[name], value) for name, value in whole.items())
            assert not path.is_symlink()
        assert thesis.read_text() == "mine"

    @pytest.mark.parametrize("how", HOW)
    def test_as_a_lock(self, folder, thesis, how):
        (folder / CHUNK).unlink()
        replaced(folder, "lock", how, thesis)
        assert Sweep.load(folder).done.tolist() == [0]
        if how != "a pipe":  # it can be locked as well as a file
            with pytest.raises(
                ValueError, match=r"store must (hold a lock of its own|be a folder that can be locked), got"
            ):
                go_on(folder)
        assert thesis.read_text() == "mine"

    def test_codes_are_not_written_through_a_link(self, tmp_path, thesis):
        path = tmp_path / "new"
        path.mkdir()
        (path / "codes.safetensors").symlink_to(thesis)  # as a sweep that was killed might have left it
        assert go_on(path).stopped == "finished"
        assert thesis.read_text() == "mine"

    def test_as_a_folder(self, tmp_path, thesis):
        link = tmp_path / "link"
        link.symlink_to(link)
        for path in (thesis, link, tmp_path / "nothing", tmp_path / ("x" * 300)):
            for read in (Sweep.load, WarpageMap.load):
                with pytest.raises(ValueError, match=r"(store|path) must .*, got"):
                    read(path)


class TestUnreadable:
    @pytest.mark.parametrize("name", ["manifest.json", "codes.safetensors", CHUNK])
    def test_in_words(self, folder, monkeypatch, name):
        def refused(path, *args):
            return os.path.basename(path) != name

        monkeypatch.setattr(os, "access", refused)  # a superuser may read anything
        with pytest.raises(ValueError, match=rf"got '.*{name}.*Change its permissions"):
            Sweep.load(folder).columns()

    @pytest.mark.parametrize("name", ["manifest.json", "codes.safetensors", CHUNK])
    def test_a_disk_that_fails(self, folder, monkeypatch, name):
        read = type(folder).read_bytes

        def failing(path):
            if path.name == name:
                raise OSError(5, "Input/output error")
            return read(path)

        monkeypatch.setattr(type(folder), "read_bytes", failing)
        with pytest.raises(ValueError, match=rf"store must hold .*, got '.*{name}'.*Input/output error"):
            Sweep.load(folder).columns()

    def test_a_folder_that_may_not_be_locked(self, folder, monkeypatch):
        class Refusing:
            def __init__(self, path):
                pass

            def acquire(self, timeout):
                raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(stores, "FileLock", Refusing)
        with pytest.raises(ValueError, match=r"be a folder that can be locked, got .*Permission denied.*lw.Sweep.load"):
            go_on(folder)


class TestOtherFiles:
    def test_names_that_are_no_chunks(self, folder):
        whole = (folder / CHUNK).read_bytes()
        names = [
            "chunk-1.safetensors", "chunk-0000001.safetensors", "chunk-00001.safetensors", "chunk-+00001.safetensors",
            "chunk-\u0660\u0660\u0660\u0660\u0660\u0661.safetensors", "chunk--00001.safetensors",
            "chunk-000001.safetensors.draft", "chunk-000002.safetensors", "chunk-999999999999999.safetensors",
            "chunk-000001.SAFETENSORS", "chunk-" + "9" * 200 + ".safetensors", "chunk-000001\n.safetensors",
        ]  # fmt: skip
        for name in names:
            (folder / name).write_bytes(whole)
        S = Sweep.load(folder)
        assert (S.stopped, S.store.there(), S.done.tolist()) == ("finished", [0, 1], [0, 1])
        (folder / CHUNK).unlink()
        assert Sweep.load(folder).done.tolist() == [0]
        assert go_on(folder).done.tolist() == [0, 1]

    def test_names_that_are_no_text(self, folder):
        with open(os.fsencode(folder) + b"/chunk-\xff\xfe.safetensors", "wb"):
            pass
        assert Sweep.load(folder).done.tolist() == [0, 1]

    def test_very_many_are_listed_once(self, folder, monkeypatch):
        for number in range(10_000):
            (folder / f"chunk-{number + 10:06}.safetensors").touch()
        looked = []
        monkeypatch.setattr(stores, "to_read", lambda path, name: looked.append(path) or path)
        assert Sweep.load(folder).stopped == "finished"
        assert len(looked) == 4  # manifest, codes, two chunks

    def test_chunks_that_are_not_there_are_not_looked_for(self, tmp_path, monkeypatch):
        n, path = 20_000, tmp_path / "store"
        rows = {"z": torch.ones(n, 1)}
        manifest = Manifest("curve", {}, "none", "0" * 64, "", n, hash_columns(rows), 1, 1)
        found = stores.Folder.begin(path, manifest, rows)
        assert list(found.inputs) == ["z"]
        monkeypatch.setattr(stores, "to_read", lambda path, name: pytest.fail("nothing else is read"))
        assert len(found.missing()) == n

    def test_the_hash_is_made_once(self, folder, monkeypatch):
        found = stores.folder_of(folder)
        assert found.manifest.id is found.manifest.id  # each chunk asks for it: parameters may be long


class TestChanges:
    """The store is another one, or gone, after it was opened."""

    def test_gone(self, folder):
        S, used = Sweep.load(folder), Sweep.load(folder)
        assert len(used) == 2
        shutil.rmtree(folder)
        for do in (repr, len, Sweep.columns, Sweep.result, lambda S: S.names, lambda S: S.blocks("z")):
            with pytest.raises(ValueError, match=r"store must .*, got .*store'"):
                do(S)
        assert repr(used).startswith("<Sweep of 2 latents")  # as of when it was asked for

    def test_gone_between_two_blocks(self, folder):
        blocks = Sweep.load(folder).blocks("z")
        shutil.rmtree(folder)
        with pytest.raises(ValueError, match=r"store must be a folder that can be read, got"):
            list(blocks)

    def test_a_file_that_goes_while_it_is_opened(self, folder, monkeypatch):
        S = Sweep.load(folder)
        monkeypatch.setattr(stores, "to_read", lambda path, name: path)
        for entry in folder.iterdir():
            entry.unlink()
        with pytest.raises(ValueError, match="must have finished rows, got none"):
            S.columns()
        with pytest.raises(ValueError, match=r"must be the folder of a sweep, got .*which has no manifest.json"):
            Sweep.load(folder)

    def test_another_one_in_its_place(self, folder):
        S = Sweep.load(folder)
        blocks = S.blocks("directions")
        shutil.rmtree(folder)
        sweep(linear_generator(), "image_spectrum", 2, store=folder, chunk=1, k=2)
        with pytest.raises(ValueError, match=r"store must hold whole chunks, got .*of another sweep"):
            list(blocks)

    def test_other_columns_under_the_same_hash(self, folder):
        S = Sweep.load(folder)
        blocks = S.blocks("directions")
        for index in range(2):
            S.store.keep(index, {"other": torch.ones(1, 2)})
        with pytest.raises(ValueError, match="column must be one of 'z', 'other', got 'directions'"):
            list(blocks)
        with pytest.raises(ValueError, match="column must be one of 'z', 'other', got 'directions'"):
            S.columns("directions")

    def test_chunks_that_are_not_alike(self, folder):
        S = Sweep.load(folder)
        S.store.keep(1, {"other": torch.ones(1, 2)})
        with pytest.raises(ValueError, match="store must hold chunks that are alike, got 1 of other columns"):
            S.columns()


class TestGoingOn:
    def test_views_are_those_that_are_asked_for_now(self, tmp_path):
        G = linear_generator()
        for k, metric in ((2, "geodesic"), (3, "projection")):
            M = warpage(G, 2, k, metric=metric, max_k=4, store=tmp_path)
            assert (M.k, M.metric) == (k, metric)

    def test_columns_that_are_none_are_refused_where_they_are_used(self, folder):
        S = Sweep.load(folder)
        for index in range(2):
            found = {name: value for name, value in S.store.read(index).items() if name != "scales"}
            S.store.keep(index, found)
        again = go_on(folder)
        assert again.stopped == "finished"
        with pytest.raises(ValueError, match=r"the sweep must hold results of 'local_basis', got .*got 'scales'"):
            again.result()

    def test_unknown_kinds_have_columns_and_no_result(self, folder):
        file = folder / "manifest.json"
        file.write_text(file.read_text().replace('"local_basis"', '"a\\nb"'))
        S = Sweep.load(folder)
        assert repr(S) == "<Sweep of 0 of 2 latents, unfinished: a b of 'linear'>"
        with pytest.raises(ValueError, match=r"the kind of the sweep must be one of 'curve', .*, got 'a\\nb'"):
            S.result()
        with pytest.raises(ValueError, match=r"must be one of 'warpage', got one of 'a\\nb'. Use lw.Sweep.load"):
            WarpageMap.load(folder)


def test_an_exact_basis_of_the_mapping_knows_its_rank_by_any_method(tmp_path):
    G = linear_generator()
    (one,) = sweep(G, "local_basis", 1, k=2, method="lanczos", target="w").result()
    assert one.rank == 5
