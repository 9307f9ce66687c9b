"""Whatever hands, code and links do to an explorer of an unruly generator: it never calls an old picture new.

Undo, redo, JSON, program and links are held to a model beside it. `LATENT_WIDGETS_EXAMPLES=100` looks longer.
"""

import os
from functools import partial
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from traitlets import HasTraits, Instance, dlink, link

from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.widgets.explorer import state
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.screen import frames, screen
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.still import Still
from tests.unruly import NETWORKS, SIDE, drawn, failing, failing_at_times, lawful, unruly
from tests.widgets.conftest import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
PAGES = ("walk", "region", "part", "stack", "palette", "seeds", "mix", "code")
PAUSES = st.sampled_from(["", "wait", "pause"])
ALPHAS = st.sampled_from([-3.0, -1.2, -0.1, 0.0, 0.4, 2.0, 9.9])


class Linked(HasTraits):
    """Somebody who is linked with an explorer."""

    edit = Instance(Edit, allow_none=True)
    picture = Instance(Still, allow_none=True)


class Hands(RuleBasedStateMachine):
    """An explorer, and a model of its history: the edits and where in them it stands."""

    def __init__(self, kind, executor, clock):
        super().__init__()
        self.clock = clock
        self.network, self.G, D = unruly(kind)
        self.explorer = LatentExplorer(self.G, D, seed=1, executor=executor)
        walk = self.explorer.pages["walk"]
        walk.count.value, walk.density.value = 3, False
        self.linked = Linked()
        link((self.explorer, "edit"), (self.linked, "edit"))
        dlink((self.explorer, "picture"), (self.linked, "picture"))
        self.edits, self.place, self.gesture = [self.explorer.current], 0, None

    def teardown(self):
        self.network.trouble = None
        self.explorer.close()
        assert self.explorer.wait(PATIENCE)

    def act(self, do, gesture=None):
        """Do something; if it gives another edit, that is an entry, or the end of the gesture that goes on."""
        before = self.explorer.current
        do()
        after = self.explorer.current
        if after is not before:
            goes_on = gesture is not None and gesture == self.gesture and self.place > 0
            del self.edits[self.place + (not goes_on) :]
            self.edits.append(after)
            self.place = len(self.edits) - 1
            self.gesture = gesture

    # ---- what moves

    @rule(i=st.integers(0, 2), moves=st.lists(st.tuples(ALPHAS, PAUSES), min_size=1, max_size=4))
    def drag(self, i, moves):
        for alpha, pause in moves:
            self.act(partial(self.explorer.sliders.rows[i].slider.put, alpha), ("slider", i))
            self.wait_or_pause(pause)

    @rule(i=st.integers(0, 2), alphas=st.lists(ALPHAS, min_size=1, max_size=2))
    def type_numbers(self, i, alphas):
        for alpha in alphas:
            self.act(partial(setattr, self.explorer.sliders.rows[i].box, "value", alpha))
            self.wait()

    @rule(i=st.integers(0, 2))
    def zero(self, i):
        self.act(self.explorer.sliders.rows[i].zero.click)

    @rule(truncation=st.sampled_from([0.0, 0.5, 1.0]))
    def truncate(self, truncation):
        self.act(partial(setattr, self.explorer.controls.truncation, "value", truncation), "truncation")

    @rule(seed=st.integers(0, 3))
    def choose_seed(self, seed):
        self.act(partial(setattr, self.explorer, "seed", seed))

    @rule(weight=st.sampled_from([0.0, 0.5, 1.0]))
    def mix(self, weight):
        self.act(partial(setattr, self.explorer.pages["mix"].weight, "value", weight), "mix")

    @rule(rows=st.integers(0, SIDE))
    def paint(self, rows):
        mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        mask[:rows] = True
        self.act(partial(setattr, self.explorer, "mask", Mask(mask) if rows else None))

    @rule()
    def reset(self):
        self.act(self.explorer.controls.reset.click)

    def wait_or_pause(self, how):
        if how == "pause":
            self.clock[0] += 1.5
            self.gesture = None
        elif how == "wait":
            self.clock[0] += 0.5
            self.wait()

    # ---- the history

    @rule()
    def undo(self):
        self.explorer.controls.undo.click()
        self.place, self.gesture = max(self.place - 1, 0), None

    @rule()
    def redo(self):
        self.explorer.controls.redo.click()
        self.place, self.gesture = min(self.place + 1, len(self.edits) - 1), None

    @invariant()
    def history_is_that_of_the_model(self):
        assert self.explorer.current is self.explorer.edit is self.edits[self.place]
        assert self.explorer.history.can_undo == (self.place > 0)
        assert self.explorer.history.can_redo == (self.place < len(self.edits) - 1)

    # ---- what does not move

    @rule(page=st.sampled_from(PAGES))
    def turn_page(self, page):
        self.explorer.controls.page = page

    @rule(view=st.sampled_from(["after", "before", "difference"]))
    def look_otherwise(self, view):
        self.explorer.controls.view.value = view

    @rule(trouble=st.sampled_from([None, None, failing, failing_at_times]))
    def fall_into_trouble(self, trouble):
        self.network.trouble = trouble

    @rule()
    def cancel(self):
        self.explorer.line.cancel.click()

    @rule()
    def dismiss(self):
        self.explorer.line.dismiss.click()

    @rule()
    def redraw(self):
        self.explorer.redraw()

    def wait(self):
        assert self.explorer.wait(PATIENCE)
        assert not self.explorer.busy

    @rule(
        trouble=st.sampled_from([failing, failing_at_times]),
        alpha=ALPHAS,
        give_up=st.booleans(),
        page=st.sampled_from(PAGES),
    )
    def go_through_trouble(self, trouble, alpha, give_up, page):
        """What is hidden or cancelled is not mended by what succeeds on another page."""
        self.network.trouble = trouble
        self.act(partial(self.explorer.sliders.rows[0].slider.put, alpha), ("slider", 0))
        if give_up:
            self.explorer.line.cancel.click()
        self.wait()
        self.explorer.line.dismiss.click()
        self.network.trouble = None
        self.explorer.controls.page = page
        self.wait()

    @rule(alpha=ALPHAS)
    def recover(self, alpha):
        """Once the generator works, the next move is followed, whatever was before."""
        self.network.trouble = None
        slider = self.explorer.sliders.rows[1].slider
        if slider.number == alpha:
            alpha += 0.1
        self.act(partial(slider.put, alpha), ("slider", 1))
        self.wait()
        if drawn(self.G, self.explorer.current).isfinite().all():
            self.explorer.line.dismiss.click()  # an error of a page
            assert lawful(self.explorer)
        else:
            assert "finite" in str(self.explorer.error)

    # ---- files, programs, links

    @rule(adopt=st.booleans())
    def save_and_load(self, adopt):
        edit = self.explorer.current
        loaded = Edit.from_json(edit.to_json())
        one, other = (drawn(self.G, each, self.network) for each in (edit, loaded))
        assert torch.equal(one.nan_to_num(9), other.nan_to_num(9))
        if adopt:
            self.act(partial(setattr, self.explorer, "edit", loaded))

    @rule()
    def run_the_program(self):
        edit, trouble = self.explorer.current, self.network.trouble
        names = {"mine": self.G}
        self.network.trouble = None
        exec(edit.to_python(load="mine"), names)  # noqa: S102 - the program is what is tested
        self.network.trouble = trouble
        assert torch.equal(names["image"].nan_to_num(9), drawn(self.G, edit, self.network).nan_to_num(9))

    @precondition(lambda self: len(self.edits) > 1)
    @rule(back=st.integers(1, 3))
    def linked_edit_is_taken(self, back):
        self.act(partial(setattr, self.linked, "edit", self.edits[max(self.place - back, 0)]))

    @invariant()
    def link_holds(self):
        assert self.linked.edit is self.explorer.edit

    # ---- the law

    @invariant()
    def what_is_called_new_is_new(self):
        view, edit = self.explorer.controls.view.value, self.explorer.current
        if lawful(self.explorer, self.network) and view == "after":
            assert np.array_equal(self.linked.picture.pixels, to_uint8(drawn(self.G, edit, self.network)))


@pytest.mark.parametrize(
    ("kind", "executor"), [(kind, ("thread", "inline")[i % 2]) for i, kind in enumerate(sorted(NETWORKS))]
)
def test_explorers_never_call_an_old_picture_new(kind, executor, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(state, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(frames, "SLOW_MS", -1.0)  # every generator is a slow one
    monkeypatch.setattr(screen, "Settle", partial(Settle, delay=0.003))
    chosen = settings(
        max_examples=int(os.environ.get("LATENT_WIDGETS_EXAMPLES", "2")),
        stateful_step_count=15,
        derandomize="LATENT_WIDGETS_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Hands(kind, executor, clock), settings=chosen)
