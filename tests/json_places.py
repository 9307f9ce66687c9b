"""Every place of a plain JSON value, and the value with one of them changed."""

import copy


def places(value, before=()):
    """The ways to all values within a value: keys and numbers; of long lists the first alone."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*before, key)
        yield from places(one, (*before, key))


def changed(value, place, wrong):
    """A copy with another value in one place."""
    result = copy.deepcopy(value)
    inner = result
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = wrong
    return result
