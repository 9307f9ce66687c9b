"""What leads to an object, and what does not count."""

import functools
import threading
import types

import pytest

from latent_widgets.widgets.kit import reachable
from latent_widgets.widgets.kit.reachable import reached


class Thing:
    def act(self):
        return self


WAYS = {
    "itself": lambda thing: thing,
    "container": lambda thing: {"a": [(1, {2: thing})]},
    "attribute": lambda thing: types.SimpleNamespace(thing=thing),
    "method": lambda thing: thing.act,
    "closure": lambda thing: lambda: thing,
    "default": lambda thing: lambda x=thing: x,
    "partial": lambda thing: functools.partial(print, thing),
    "generator": lambda thing: (thing for _ in "once"),
    "thread": lambda thing: threading.Thread(target=print, args=(thing,)),
}


@pytest.mark.parametrize("way", WAYS)
def test_way_is_found(way):
    thing, other = Thing(), Thing()
    assert reached({id(thing): "thing", id(other): "other"}, [WAYS[way](thing)]) == {"thing"}


def test_one_thing_leads_to_the_next():
    a, b = Thing(), Thing()
    a.next = b
    assert reached({id(a): "a", id(b): "b"}, [[a]]) == {"a", "b"}


def test_module_and_the_variables_beside_a_function_do_not_count(monkeypatch):
    thing = Thing()
    monkeypatch.setitem(globals(), "beside", thing)
    module = types.ModuleType("module")
    module.thing = thing
    monkeypatch.setattr(Thing, "first", thing, raising=False)
    assert reached({id(thing): "thing"}, [WAYS["itself"], module, [module], Thing, Thing()]) == set()


def test_who_holds_very_much_is_taken_to_hold_all(monkeypatch):
    monkeypatch.setattr(reachable, "ENOUGH", 100)
    thing = Thing()
    assert reached({id(thing): "thing"}, [[[i] for i in range(200)]]) == {"thing"}
