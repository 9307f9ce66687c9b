"""The command that measures where walks leave the shipped generators' own pictures."""

import json
import shutil

import pytest

import latent_widgets as lw
from latent_widgets.generators import _shipped
from latent_widgets.geometry.walks.own_defaults import known_defaults
from latent_widgets.training import reaches
from latent_widgets.training.__main__ import main

SMALL = {"own": 20, "starts": 8}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A data folder of its own, in which nothing was measured."""
    folder = tmp_path / "data"
    shutil.copytree(_shipped.DATA, folder)
    (folder / _shipped.REACHES).unlink()
    monkeypatch.setattr(_shipped, "DATA", folder)
    _shipped.read_reaches.cache_clear()
    yield folder
    _shipped.read_reaches.cache_clear()


def test_what_is_measured_is_known_afterwards(kept):
    digits, fashion = lw.load("digits32"), lw.load("fashion32", condition=1)
    measured = list(reaches.measure_all(["digits32"], SMALL))
    assert {one.method for one in measured} == {"random_directions", "sefa"}
    assert not known_defaults(digits).measured
    reaches.keep(measured, kept)
    _shipped.read_reaches.cache_clear()
    found = known_defaults(digits)
    assert found.measured
    assert found.reach["sd"] == pytest.approx(measured[0].defaults.reach["sd"], rel=1e-3)
    assert not known_defaults(fashion).measured


def test_each_class_is_measured_by_itself():
    measured = reaches.measure_all(["fashion32"], {"own": 8, "starts": 2})
    first, *_, fourth = (next(measured) for _ in range(4))
    assert (first.G.class_number, fourth.G.class_number) == (0, 1)
    assert first.G.weights_hash == fourth.G.weights_hash
    assert "`fashion32`, T-shirt | random_directions" in reaches.reach_table([first])
    assert "`fashion32`, trousers | random_directions" in reaches.reach_table([fourth])


def test_what_is_known_of_others_stays(kept, capsys, monkeypatch):
    monkeypatch.setattr(reaches, "SIZES", SMALL)
    path = kept / _shipped.REACHES
    path.write_text(json.dumps([{"name": "other"}, {"name": "digits32"}]))
    main(["reach", "digits32", "--data", str(kept)])
    found = json.loads(path.read_text())
    assert [entry["name"] for entry in found] == ["other", "digits32", "digits32"]
    table = capsys.readouterr().out
    assert "| `digits32` | random_directions | 1 |" in table
    assert table.strip().endswith(_shipped.REACHES)
