"""A closed panel is cut off from what lives on."""

import gc
import weakref

import ipywidgets
import pytest
import traitlets

from latent_widgets.widgets.kit.panel import Panel


class Knob(Panel):
    turn = traitlets.Int(0)

    def follow(self, change):
        self.turn = change["new"]


TIES = {
    "link": lambda knob, slider: traitlets.link((knob, "turn"), (slider, "value")),
    "the other way": lambda knob, slider: traitlets.link((slider, "value"), (knob, "turn")),
    "one way": lambda knob, slider: traitlets.dlink((slider, "value"), (knob, "turn")),
    "method": lambda knob, slider: slider.observe(knob.follow, "value"),
}


@pytest.mark.parametrize("tie", TIES)
def test_closed_panel_hears_no_more_and_is_collected(tie):
    slider, heard = ipywidgets.IntSlider(), []
    slider.observe(heard.append, "value")
    knob = Knob(executor="inline")
    TIES[tie](knob, slider)
    slider.value = 3
    assert knob.turn == 3
    knob.close()
    slider.value = 4
    assert knob.turn == 3
    assert [change["new"] for change in heard] == [3, 4]  # whoever else listens goes on
    gone = weakref.ref(knob)
    del knob
    gc.collect()
    assert gone() is None
    slider.close()


def test_link_in_the_page_is_closed_with_either_end(instances):
    other = ipywidgets.IntSlider()
    before = instances()
    panel = Panel([slider := ipywidgets.IntSlider()], executor="inline")
    ipywidgets.jslink((other, "value"), (slider, "value"))
    ipywidgets.jsdlink((slider, "value"), (other, "max"))
    untouched = ipywidgets.jslink((other, "value"), (other, "max"))
    panel.close()
    assert instances() == before + 1
    untouched.close()
    other.close()
