"""The store of a sweep: whole or not at all, of one thing, written by one."""

import json
import subprocess
import sys

import pytest
import torch

from latent_widgets.core.sweep.assignment import begun
from latent_widgets.core.sweep.chunk_files import pack, unpack
from latent_widgets.core.sweep.engine import run
from latent_widgets.core.sweep.manifest import Manifest, hash_columns
from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.store import Folder, Memory, folder_of
from tests.sweeping import Square, assignment, column, squares, work


@pytest.fixture
def store(tmp_path):
    kept = begun(assignment(), tmp_path / "run", 4)
    run(Square(), kept, work())
    return kept


class TestManifest:
    def test_round_trip(self, store):
        again = Manifest.from_json(store.manifest.to_json().encode(), "it")
        assert again.to_json() == store.manifest.to_json()
        assert again.id == store.manifest.id

    def test_chunks_cover_all_rows_once(self, store):
        assert [row for index in range(store.manifest.chunks) for row in store.manifest.rows(index)] == list(range(10))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (b"{", "must be JSON"),
            (b"[]", "must be the manifest of a sweep"),
            (b'{"format": "latent_widgets.sweep", "format_version": 9, "version": "7.0"}', "by latent_widgets '7.0'"),
            (b'{"format": "latent_widgets.sweep", "format_version": 1}', "field 'kind' must be text"),
        ],
    )
    def test_refuses_others(self, text, said):
        with pytest.raises(ValueError, match=said):
            Manifest.from_json(text, "the manifest")

    def test_refuses_impossible_chunks(self, store):
        values = json.loads(store.manifest.to_json()) | {"chunk": 1}
        with pytest.raises(ValueError, match="must name rows and chunks"):
            Manifest.from_json(json.dumps(values).encode(), "the manifest")


class TestAnotherSweep:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"kind": "cubes"}, "same results, 'cubes', got .* of 'squares'"),
            ({"weights_hash": "1" * 64, "generator": "digits"}, "same generator, 'digits .111111111111.'"),
            ({"condition": "3"}, "same class, '3', got .* of ''"),
            ({"parameters": {"k": 4}}, "same parameter k, 4, got .* of 3"),
            ({"parameters": {"k": 3, "target": "w"}}, "same parameter target, 'w', got .* of None"),
            ({"inputs": {"x": column(8)}}, "same number of codes, 8, got .* of 10"),
            ({"inputs": {"x": column() + 1}}, "same codes"),
            ({"batch": 4}, "same batch, 4, got .* of 2"),
        ],
    )
    def test_is_refused_by_name(self, store, changes, said):
        with pytest.raises(ValueError, match=f"store must be of the {said}"):
            begun(assignment(**changes), store.path)

    def test_of_another_version(self, store):
        file = store.path / "manifest.json"
        file.write_text(file.read_text().replace(store.manifest.version, "0.0.9"))
        with pytest.raises(ValueError, match=r"same package version, .*got .* of '0.0.9'"):
            begun(assignment(), store.path)

    def test_with_other_chunks(self, store):
        with pytest.raises(ValueError, match=r"same chunk, 6, got .* of 4"):
            begun(assignment(), store.path, 6)
        assert begun(assignment(), store.path).manifest.chunk == 4

    def test_with_another_name_or_view_is_the_same(self, store):
        assert begun(assignment(about={"k": 2}), store.path).missing() == []

    def test_other_files(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(ValueError, match=r"must be an empty folder or that of a sweep.*thesis.tex"):
            begun(assignment(), tmp_path)

    def test_a_file(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ValueError, match="store must be a folder"):
            begun(assignment(), tmp_path / "file")

    def test_no_store(self, tmp_path):
        with pytest.raises(ValueError, match=r"must be the folder of a sweep, got .*which has no manifest.json"):
            folder_of(tmp_path)

    def test_killed_before_its_manifest(self, tmp_path):
        begun(assignment(), tmp_path, 4)
        (tmp_path / "manifest.json").unlink()
        assert begun(assignment(), tmp_path, 4).missing() == [0, 1, 2]


class TestDamage:
    @pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "another", "garbage"])
    def test_is_found_and_made_again(self, store, how):
        file = store.path / "chunk-000001.safetensors"
        data = bytearray(file.read_bytes())
        if how == "flipped":
            data[-3] ^= 1
        whole = (store.path / "chunk-000000.safetensors").read_bytes()
        new = {"flipped": data, "cut": data[:-5], "emptied": b"", "another": whole, "garbage": b"x" * 100}[how]
        file.write_bytes(bytes(new))
        assert store.missing() == [1]
        with pytest.raises(ValueError, match=r"store must hold whole chunks, got .*chunk-000001"):
            Rows(store).columns()
        assert run(Square(), store, work()).stopped == "finished"
        assert squares(store)

    @pytest.mark.parametrize("how", ["missing", "flipped"])
    def test_of_the_codes(self, store, how):
        file = store.path / "codes.safetensors"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        if how == "missing":
            file.unlink()
        else:
            file.write_bytes(bytes(data))
        with pytest.raises(ValueError, match="store must hold its codes"):
            _ = folder_of(store.path).inputs

    def test_chunk_of_another_sweep(self):
        data = pack({"x": torch.ones(2, 1)}, "a", 0)
        for sweep, index, rows in (("b", 0, 2), ("a", 1, 2), ("a", 0, 3)):
            with pytest.raises(ValueError, match=r"another sweep|other than 3 rows"):
                unpack(data, sweep, index, rows)
        assert unpack(data, "a", 0, 2)[0]["x"].tolist() == [[1], [1]]

    def test_other_files_are_no_chunks(self):
        from safetensors.torch import save

        with pytest.raises(ValueError, match="another file"):
            unpack(save({"x": torch.ones(1)}), "a", 0, 1)


class TestOneWriter:
    def test_a_second_program_is_refused(self, store):
        program = f"""
import sys
from latent_widgets.core.sweep.store import folder_of
with folder_of({str(store.path)!r}).held():
    print("held", flush=True)
    sys.stdin.readline()
"""
        with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as other:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(ValueError, match="store must be written by one sweep at a time"):
                run(Square(), store, work())
            assert len(Rows(store).done) == 10  # to read is allowed
            other.kill()
            other.communicate()
        assert run(Square(), store, work()).stopped == "finished"  # the lock of one that died is free


class TestRows:
    def test_blocks_are_read_again_and_again(self, store):
        blocks = Rows(store).blocks("square")
        for _ in range(2):
            assert torch.equal(torch.cat(list(blocks)), column() ** 2)

    def test_part_of_it(self, store):
        (store.path / "chunk-000001.safetensors").unlink()
        rows = Rows(store)
        assert rows.done.tolist() == [0, 1, 2, 3, 8, 9]
        found = rows.columns("x", "twice")
        assert torch.equal(found["twice"], 2 * found["x"][:, :1])
        assert torch.equal(found["x"], column()[rows.done])

    def test_wrong_names(self, store):
        with pytest.raises(ValueError, match=r"column must be one of.*got 'cube'"):
            Rows(store).columns("cube")
        with pytest.raises(ValueError, match=r"column must be one of.*got 'cube'"):
            Rows(store).blocks("cube")

    def test_nothing_there(self):
        kept = begun(assignment())
        assert isinstance(kept, Memory)
        with pytest.raises(ValueError, match="must have finished rows, got none"):
            Rows(kept).columns()


class TestRoom:
    def test_disk(self, tmp_path, monkeypatch):
        from latent_widgets.core.sweep import room

        monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: room.shutil._ntuple_diskusage(10, 5, 2**27))
        with pytest.raises(ValueError, match=r"disk with room for 1.0 GB, got .* with 67.1 MB free. Take fewer codes"):
            begun(assignment(bytes_each=10**8), tmp_path / "new")
        assert not (tmp_path / "new").exists()

    def test_what_is_there_already_needs_no_room(self, store, monkeypatch):
        from latent_widgets.core.sweep import room

        monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: room.shutil._ntuple_diskusage(10, 5, 0))
        assert begun(assignment(bytes_each=10**8), store.path).missing() == []

    def test_memory(self, monkeypatch):
        from latent_widgets.core.sweep import room

        monkeypatch.setattr(room, "free_memory", lambda: 1000)
        with pytest.raises(ValueError, match=r"fit into memory, got 10.0 kB for 1.0 kB free. Give store="):
            begun(assignment(bytes_each=1000))
        monkeypatch.setattr(room, "free_memory", lambda: None)
        begun(assignment(bytes_each=1000))

    def test_disk_that_fills_while_it_runs(self, store, monkeypatch):
        (store.path / "chunk-000001.safetensors").unlink()
        from latent_widgets.core import drafts

        def full(handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(drafts.os, "fsync", full)
        with pytest.raises(OSError, match="store must lie on a disk with room for it"):
            run(Square(), store, work())
        monkeypatch.undo()
        assert store.missing() == [1]
        run(Square(), store, work())
        assert squares(store)


def test_hash_depends_on_names_shapes_types_and_numbers():
    a = torch.arange(6, dtype=torch.float32)
    others = [{"a": a.reshape(2, 3)}, {"b": a}, {"a": a.double()}, {"a": a.flip(0)}]
    assert len({hash_columns(one) for one in [{"a": a}, *others]}) == 5
    assert hash_columns({"a": a, "b": a}) == hash_columns({"b": a, "a": a.clone()})


def test_a_folder_serves_as_memory_does(tmp_path):
    for kept in (begun(assignment(), None, 4), begun(assignment(), tmp_path, 4)):
        assert isinstance(kept, Memory | Folder)
        run(Square(), kept, work())
        assert squares(kept)
        assert kept.missing() == []
