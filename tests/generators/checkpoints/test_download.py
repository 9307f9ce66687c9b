"""Files come into the cache whole or not at all, and go on where an earlier try ended; a local server stands in."""

import gzip
import hashlib
import io
import os
import shutil
import threading

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.steps import Cancelled
from latent_widgets.generators.checkpoints import download
from latent_widgets.generators.checkpoints.reading import convert
from tests.generators.checkpoints.standins import write_nvidia


@pytest.fixture
def body(tmp_path, make_variant):
    """The bytes of a checkpoint."""
    return write_nvidia(tmp_path / "original.pkl", make_variant()).read_bytes()


def test_a_link_is_a_file_that_is_downloaded_once(web, body, kept, tmp_path):
    url, steps = web.put("/files/network.pkl", body), []
    G = lw.load(url, on_step=steps.append)
    assert G.weights_hash == lw.load(tmp_path / "original.pkl").weights_hash
    assert G.name == "network"
    assert kept() == {"network.pkl": body}
    come = [step for step in steps if step.total == len(body)]
    assert [come[0].index, come[-1].index] == [512, len(body)]
    assert come[0].value == f"network.pkl: 0.0 of {len(body) / 1e6:.1f} MB"
    assert steps[-1].total == len(steps) - len(come)  # then the tensors
    assert f"It was downloaded from {url}." in G.notes
    lw.load(url)
    assert len(web.asked) == 1
    assert web.asked[0]["accept-encoding"] == "identity"


def test_the_program_of_an_edit_loads_the_link_again(web, body):
    G = lw.load(web.put("/x.pkl?class=2&token=abc", body), name="mine")
    assert G.origin == f"lw.load('{web.address}/x.pkl?class=2&token=***', name='mine')"
    G = lw.load(web.put("/y.pkl", body))
    assert G.origin == f"lw.load('{web.address}/y.pkl')"
    edit = lw.Edit.of(G, seed=3)
    names = {}
    exec(lw.Edit.from_json(edit.to_json()).to_python(), names)  # noqa: S102 - our own text
    again = next(value for value in names.values() if isinstance(value, type(G)))
    assert again.weights_hash == G.weights_hash
    assert len(web.asked) == 2


@pytest.mark.parametrize("cut", [0, 100, 512, 5000])
def test_an_interrupted_download_goes_on(web, body, kept, cut):
    url = web.put("/network.pkl", body, cut=cut)
    with pytest.raises(
        ValueError, match=r"network.pkl must arrive whole, got 0\.0 of .* MB and an end of the connection"
    ):
        lw.load(url)
    assert kept().get("network.pkl.part", b"") == (body[:cut] if cut >= 512 else b"")
    web.change("/network.pkl", cut=None)
    G = lw.load(url)
    assert web.asked[1].get("range") == (f"bytes={cut}-" if cut >= 512 else None)
    assert web.asked[1].get("if-range") == ('"one"' if cut >= 512 else None)
    assert kept() == {"network.pkl": body}
    assert G.resolution == 16


def test_a_download_in_chunks(web, body, kept):
    url, steps = web.put("/network.pkl", body, chunked=True, cut=1000), []
    lw.load(web.put("/whole.pkl", body, chunked=True), on_step=steps.append)
    come = [step for step in steps if "MB" in step.value]
    assert [come[0].total, come[-1].total, come[-1].index] == [None, len(body), len(body)]
    with pytest.raises(ValueError, match=r"network.pkl must arrive whole, got 0\.0 MB and an end of the connection"):
        lw.load(url)
    part = kept()["network.pkl.part"]
    assert body.startswith(part)
    web.change("/network.pkl", cut=None)
    lw.load(url)
    assert kept() == {"network.pkl": body, "whole.pkl": body}
    assert web.asked[2]["range"] == f"bytes={len(part)}-"


@pytest.mark.parametrize(
    ("marks", "mark"),
    [
        ({"tag": "", "changed": "Sun, 01 Nov 2026 10:00:00 GMT"}, "Sun, 01 Nov 2026 10:00:00 GMT"),
        ({"tag": 'W/"weak"', "changed": "Sun, 01 Nov 2026 10:00:00 GMT"}, "Sun, 01 Nov 2026 10:00:00 GMT"),
        ({"tag": ""}, None),
    ],
)
def test_what_tells_whether_it_is_the_same(web, body, kept, marks, mark):
    url = web.put("/network.pkl", body, cut=700, **marks)
    with pytest.raises(
        ValueError, match="the next try goes on where" if mark else "the next try begins anew, as the ho"
    ):
        lw.load(url)
    web.change("/network.pkl", cut=None)
    lw.load(url)
    assert (web.asked[1].get("if-range"), "range" in web.asked[1]) == (mark, mark is not None)
    assert kept() == {"network.pkl": body}


@pytest.mark.parametrize(
    ("how", "questions"),
    [
        ({"tag": '"two"'}, 2),  # says so, and sends all of it
        ({"ranges": False}, 2),
        ({"tag": '"two"', "careless": True}, 3),  # sends the end of another file
        ({"tag": '"two"', "careless": True, "kind": "same size"}, 3),
        ({"tag": "", "careless": True}, 3),
        ({"tag": '"one"', "careless": True, "kind": "shorter"}, 3),  # has nothing behind the part
    ],
)
def test_a_file_that_changed_begins_anew(web, body, kept, make_variant, tmp_path, how, questions):
    how = dict(how)
    size = len(body) + 99
    url = web.put("/network.pkl", body.ljust(size, b"\n"), cut=size - 49)
    with pytest.raises(ValueError, match="must arrive whole"):
        lw.load(url)
    other = write_nvidia(tmp_path / "b", make_variant(seed=1)).read_bytes()
    kind = how.pop("kind", "longer")
    new = body if kind == "shorter" else other.ljust(size if kind == "same size" else 2 * size, b"\n")
    assert len(other) < size
    web.change("/network.pkl", body=new, cut=None, **how)
    lw.load(url)
    assert kept() == {"network.pkl": new}
    assert len(web.asked) == questions


def test_a_host_that_lies_about_the_rest(web, body, kept):
    url = web.put("/network.pkl", body, cut=600)
    with pytest.raises(ValueError, match="must arrive whole"):
        lw.load(url)
    web.change("/network.pkl", cut=None, headers={"Content-Range": f"bytes 599-{len(body) - 1}/{len(body)}"})
    lw.load(url)  # the rest began elsewhere: it is asked for all
    assert ["range" in asked for asked in web.asked] == [False, True, False]
    assert kept() == {"network.pkl": body}


def test_what_is_known_of_a_part_may_be_lost(web, body, kept, tmp_path):
    url = web.put("/network.pkl", body, cut=600)
    for about in (
        "",
        "{}",
        "[]",
        '{"total": "1", "mark": "x"}',
        '{"total": 9, "mark": "x"}',
        '{"total": null, "mark": "a\\n"}',
        '{"total": null, "mark": "\\u2603"}',
    ):
        with pytest.raises(ValueError, match="must arrive whole"):
            lw.load(url)
        next((tmp_path / "cache").rglob("*.part.json")).write_text(about)
    web.change("/network.pkl", cut=None)
    lw.load(url)
    assert all("range" not in asked for asked in web.asked)
    assert kept() == {"network.pkl": body}


def test_cancelling_keeps_what_came(web, body, kept):
    url = web.put("/network.pkl", body)
    with pytest.raises(Cancelled, match=r"Cancelled after 0\.0 of .* MB, which are kept for the next time"):
        lw.load(url, on_step=lambda step: False)
    assert kept()["network.pkl.part"] == body[:512]
    with pytest.raises(Cancelled, match="which are kept"):
        lw.load(url, on_step=lambda step: step.index < step.total)
    assert kept()["network.pkl.part"] == body
    lw.load(url)  # all is there: nobody needs to be asked
    assert [asked.get("range") for asked in web.asked] == [None, "bytes=512-"]
    assert kept() == {"network.pkl": body}


def test_a_wrong_hash_keeps_nothing(web, body, kept):
    url, right, wrong = web.put("/network.pkl", body), hashlib.sha256(body).hexdigest(), 64 * "0"
    with pytest.raises(ValueError, match=f"must have the sha256 {wrong}, got {right}. What was downloaded is deleted"):
        lw.load(url, sha256=wrong)
    assert kept() == {}
    G = lw.load(url, sha256=f"sha256:{right.upper()}")
    assert kept() == {"network.pkl": body}
    assert G.origin.endswith(f"sha256='sha256:{right.upper()}')")
    lw.load(url, sha256=right)
    lw.load(url)
    assert len(web.asked) == 2


def test_a_file_of_another_hash_in_the_cache(web, body, kept, monkeypatch):
    other = body + b"\n"
    url, right = web.put("/network.pkl", body), hashlib.sha256(other).hexdigest()
    lw.load(url)
    monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", "1")
    with pytest.raises(ValueError, match=rf"sha256 {right}, got .* To download it again, unset LATENT_WIDGETS_OFFLINE"):
        lw.load(url, sha256=right)
    monkeypatch.delenv("LATENT_WIDGETS_OFFLINE")
    with pytest.raises(
        ValueError, match=f"sha256 {right}, got {hashlib.sha256(body).hexdigest()}. What was downloaded"
    ):
        lw.load(url, sha256=right)
    assert kept() == {"network.pkl": body}  # no better one came: the old one stays
    web.change("/network.pkl", body=other, tag='"two"')
    lw.load(url, sha256=right)
    assert kept() == {"network.pkl": other}


def test_offline_nobody_is_asked(web, body, kept, monkeypatch):
    url = web.put("/network.pkl", body, cut=600)
    with pytest.raises(ValueError, match="must arrive whole"):
        lw.load(url)
    monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", "1")
    says = r"network.pkl of 'http.*' must be in the cache .* got neither. To download it, unset LATENT_WIDGETS_OFFLINE"
    with pytest.raises(ValueError, match=says):
        lw.load(url)
    assert len(kept()["network.pkl.part"]) == 600
    monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", "0")
    web.change("/network.pkl", cut=None)
    lw.load(url)
    monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", "1")
    lw.load(url)
    assert len(web.asked) == 2


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (b"<!DOCTYPE html><title>Quota exceeded</title>" + 600 * b"x", "got a web page"),
        ("\n <html>ä".encode("latin-1") + 600 * b"\xe4", "got a web page"),
        (b'{"error": "not found"}', "got a text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "got a Git LFS pointer"),
        (b"", "got an empty one"),
        (gzip.compress(bytes(1000), mtime=0), "got a gzip archive"),
    ],
)
def test_a_page_instead_of_a_file(web, kept, page, says):
    url = web.put("/network.pkl", page)
    with pytest.raises(ValueError, match=f"the link '{url}' must lead to the file itself: .*{says}.*load its path"):
        lw.load(url)
    assert kept() == {}


def test_a_page_does_not_cost_the_part_that_came(web, body, kept):
    url = web.put("/network.pkl", body, cut=600)
    with pytest.raises(ValueError, match="must arrive whole"):
        lw.load(url)
    web.change("/network.pkl", body=b"<html>log in</html>", tag="", cut=None)
    with pytest.raises(ValueError, match="got a web page"):
        lw.load(url)
    assert kept()["network.pkl.part"] == body[:600]
    web.change("/network.pkl", body=body, tag='"one"')
    lw.load(url)
    assert web.asked[2]["range"] == "bytes=600-"


def test_what_is_packed_on_the_way(web, body, kept):
    url = web.put("/network.pkl", gzip.compress(body), headers={"Content-Encoding": "gzip"})
    with pytest.raises(ValueError, match=rf"the file of '{url}' must come unpacked, got gzip\."):
        lw.load(url)
    assert kept() == {}


def test_safetensors_are_known_by_their_first_bytes(web, tmp_path, make_variant, kept):
    target = tmp_path / "x.safetensors"
    convert(write_nvidia(tmp_path / "x.pkl", make_variant()), target)
    for length in (True, False):  # without it the header may be longer than what is known of the file
        url = web.put(f"/{length}.safetensors", target.read_bytes(), length=length)
        steps = []
        lw.load(url, on_step=steps.append)
        assert (steps[0].index, steps[0].total) == (512, target.stat().st_size if length else None)
    torch.save({"any": torch.zeros(300)}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"got these keys: 'any'.* To download it anew, delete '.*x.pt'"):
        lw.load(web.put("/x.pt", (tmp_path / "x.pt").read_bytes()))


def test_files_that_are_too_large(web, body, kept, monkeypatch):
    url = web.put("/network.pkl", body)
    monkeypatch.setattr(download, "_MOST", 600)
    with pytest.raises(ValueError, match=r"must have at most 6e-07 GB, got .* download it and give its path"):
        lw.load(url)
    web.change("/network.pkl", length=False)
    with pytest.raises(ValueError, match="must have at most"):
        lw.load(url)


def test_a_disk_that_is_full(web, body, kept, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=len(body) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    url = web.put("/network.pkl", body)
    with pytest.raises(
        ValueError, match=r"the disk of the cache must have room for .* MB, got .*Set LATENT_WIDGETS_CACHE"
    ):
        lw.load(url)
    assert kept() == {}


def test_two_at_once_download_once(web, body, kept):
    hold, found, waits = threading.Event(), [], []
    url = web.put("/network.pkl", body, cut=700, hold=hold)

    def waited(step):
        waits.append(step)
        hold.set()

    come = threading.Event()
    first = threading.Thread(
        target=lambda: found.append(lw.load(url, on_step=lambda step: come.set() or True).weights_hash)
    )
    first.start()
    assert come.wait(30)
    with pytest.raises(Cancelled, match="while another program was downloading"):
        lw.load(url, on_step=lambda step: False)
    found.append(lw.load(url, on_step=waited).weights_hash)
    first.join()
    assert found[0] == found[1]
    assert "another program is downloading it" in waits[0].value
    assert len(web.asked) == 1
    assert kept() == {"network.pkl": body}


def test_a_line_says_how_far_it_is(web, body, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for made, lines in ((Terminal, 1), (io.StringIO, 0)):
        seen = made()
        monkeypatch.setattr("sys.stderr", seen)
        lw.load(web.put(f"/{lines}/network.pkl", body))
        size = f"{len(body) / 1e6:.1f}"
        assert seen.getvalue().endswith(f"\rnetwork.pkl: {size} of {size} MB\n" if lines else "")
        assert seen.getvalue().count("\n") == lines


def test_a_cache_that_cannot_be(web, body, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LATENT_WIDGETS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"the cache must be a folder, got .* which is or lies in a file"):
        lw.load(web.put("/network.pkl", body))
    assert web.asked == []


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_a_cache_that_may_not_be_written(web, body, tmp_path):
    url = web.put("/network.pkl", body)
    lw.load(url)
    file = next((tmp_path / "cache").rglob("network.pkl"))
    file.parent.chmod(0o555)
    try:
        lw.load(url)  # what is there may be read
        file.unlink() if os.access(file.parent, os.W_OK) else pytest.skip("what is there stays there")
        with pytest.raises(
            PermissionError, match=r"the cache must lie in a folder that may be written, got .*read-only"
        ):
            lw.load(url)
    finally:
        file.parent.chmod(0o755)
    assert len(web.asked) == 1
