"""The palette shows what two sliders do together, and the comparison goes as far as it takes for the same change."""

import pytest
import torch

from latent_widgets.edits.edit import Edit
from latent_widgets.methods import random_directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.pages.compare import rows_of_change
from latent_widgets.widgets.kit.reach import positions


@pytest.fixture
def explorer(tiny):
    """An explorer on the page of the palette, small."""
    with LatentExplorer(tiny, seed=3, k=3, executor="inline") as made:
        made.pages["palette"].size.value = 3
        made.controls.page = "palette"
        yield made


def test_positions_have_an_exact_middle():
    assert positions(3.0, 5) == [-3.0, -1.5, 0.0, 1.5, 3.0]
    assert all(positions(0.7, n)[n // 2] == 0.0 for n in (3, 5, 7, 9))


def test_a_click_takes_the_picture_under_it(tiny, explorer):
    page = explorer.pages["palette"]
    assert (page.across.value, page.up.value) == (0, 1)
    axes, drawn = page.axes, page.plot.svg
    names = [d.names[0] for d in explorer.state.directions]
    assert f"{names[0]} -3, {names[1]} +3" in drawn
    assert page.plot._marks.value.count("<span") == 1  # the middle, where the sliders are
    left, bottom, right, top = page.plot.box(axes, 1.5, -0.5, 2.5, 0.5)  # the right column, the lowest row
    page.click((left + right) / 2, (bottom + top) / 2)
    assert {m.name: m.alpha for m in explorer.edit.moves} == {names[0]: 3.0, names[1]: -3.0}
    both = Edit.of(tiny, seed=3)
    for i, alpha in ((0, 3.0), (1, -3.0)):
        both = both.move(explorer.state.directions[i], 0, alpha)
    assert explorer.edit.apply(tiny).equal(both.apply(tiny))
    assert page.axes is axes  # the grid is about the same edit without the two: not drawn again
    assert f"left:{100 * left:.3f}%" in page.plot._marks.value
    page.click(0.001, 0.5)  # beside the grid
    assert len(explorer.edit.moves) == 2
    explorer.set_alpha(0, 1.0)
    assert page.plot._marks.value == ""  # not on the grid
    explorer.undo()
    explorer.undo()
    assert explorer.edit.moves == ()
    explorer.set_alpha(2, 1.0)
    assert page.axes is not axes  # another edit under it
    assert explorer.error is None


def test_sliders_of_all_open_sets_are_offered_and_what_is_chosen_stays(tiny, explorer):
    page, first = explorer.pages["palette"], explorer.state.shelf.active
    page.across.value, page.up.value = 2, 0
    explorer.sets.use(random_directions(tiny, 2, seed=1))
    assert len(page.across.options) == 3 + 2
    assert (page.across.value, page.up.value) == (2, 0)
    page.up.value = 4  # of the other set
    page.click(0.95, 0.95)
    old, new = (one.singles for one in explorer.state.shelf.open)
    assert {m.direction for m in explorer.edit.moves} == {old[2], new[1]}
    explorer.sets.close(first)
    assert len(page.across.options) == 2
    assert (page.across.value, page.up.value) == (0, 1)
    assert rows_of_change(explorer.state) == list(new)


def test_other_kind_of_walk_is_another_palette(plain):
    with LatentExplorer(plain, k=2, executor="inline") as explorer:
        explorer.pages["palette"].size.value = 3
        explorer.controls.page = "palette"
        straight = explorer.pages["palette"].plot.svg
        explorer.pages["walk"].kind.value = "density"
        explorer.controls.page = "walk"
        explorer.controls.page = "palette"
        assert explorer.pages["palette"].plot.svg != straight
        assert explorer.error is None


def test_reach_is_that_of_the_unit(tiny, explorer):
    page = explorer.pages["palette"]
    page.reach.value = 2.0
    explorer.directions = random_directions(tiny, k=2, seed=1).in_unit("latent", tiny)
    assert (page.reach.value, page.reach.description) == (6.0, "reach, latent")
    page.reach.value = 4.0
    explorer.directions = random_directions(tiny, k=2)
    assert (page.reach.value, page.reach.step) == (2.0, 0.5)
    assert "random 1 -2, random 2 +2" in page.plot.svg
    explorer.directions = random_directions(tiny, k=2, seed=1).in_unit("latent", tiny)
    assert page.reach.value == 4.0
    assert explorer.error is None


def test_any_name_fits_on_an_axis(explorer):
    page = explorer.pages["palette"]
    explorer.sliders.rows[0].name.value = "costs $\\nonsense$, " + "and so on " * 20
    explorer.sliders.rows[1].name.value = "5 $ to 7 $ <b>"
    assert explorer.error is None
    assert "costs $\\nonsense$, and so on an…, sd" in page.plot.svg
    assert "5 $ to 7 $ &lt;b&gt;, sd" in page.plot.svg


def test_one_slider_twice_is_no_palette(explorer):
    page = explorer.pages["palette"]
    page.up.value = 0
    assert "two sliders that differ" in page.words.value
    page.up.value = 2
    assert page.plot.layout.display is None
    explorer.directions = random_directions(explorer.generator, 1)
    assert "two sliders that differ" in page.words.value
    assert explorer.error is None


def test_comparison_is_at_equal_change(explorer):
    page = explorer.pages["compare"]
    explorer.controls.page = "compare"
    page.most.value, page.count.value, page.distance.value = 0.05, 3, "rms"
    explorer.set_alpha(2, 0.5)
    page.compare.click()
    assert explorer.error is None
    assert len(page.plots.children) == 3
    assert [p.words for p in page.plots.children] == [
        f"{d.names[0]} at equal change" for d in rows_of_change(explorer.state)
    ]
    assert not page.plots.children[0].stale
    explorer.seed = 5
    assert page.plots.children[0].stale


def test_the_active_direction_is_compared_with_the_kept_ones(explorer):
    directions = explorer.state.directions
    assert rows_of_change(explorer.state) == list(directions)
    explorer.select(1)
    assert rows_of_change(explorer.state) == [directions[1], directions[0], directions[2]]
    explorer.sets.use(random_directions(explorer.generator, 1, seed=9))
    assert rows_of_change(explorer.state) == [explorer.state.direction, *directions]  # of all open sets
    explorer.directions = explorer.state.shelf.open[0].directions
    explorer.select(1)
    explorer.state.keep(directions[2], True)
    found = rows_of_change(explorer.state)
    assert [d.names[0] for d in found] == [directions[1].names[0], directions[2].names[0]]


def test_strips_are_those_of_the_steps_found(explorer, monkeypatch):
    page, shown = explorer.pages["compare"], []
    explorer.controls.page = "compare"
    page.most.value, page.count.value, page.distance.value = 0.05, 3, "rms"
    monkeypatch.setattr(page, "_show", shown.extend)
    page.compare.click()
    G, code = explorer.generator, explorer.generator.code(3)
    before = G.synthesize(code[None])
    for direction, equal, _ in shown:
        assert torch.allclose(equal.changes[0, 0], torch.tensor([0.05, 0, 0.05]).double(), rtol=2e-3)
        step = equal.alphas[0, 0, 2] * direction.scales[0] * direction.unit_vectors[0]
        change = (G.synthesize((code + step)[None]) - before).square().mean().sqrt()
        assert float(change) == pytest.approx(0.05, rel=2e-3)
