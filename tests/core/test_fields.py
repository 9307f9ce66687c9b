import pytest

from latent_widgets.core import fields

KINDS = {
    "name": fields.TEXT,
    "on": fields.FLAG,
    "seed": fields.INTEGER,
    "steps": fields.COUNT,
    "rate": fields.NUMBER,
    "parts": fields.DICT,
    "rows": fields.or_none(fields.list_of(fields.COUNT)),
}
GOOD = {"name": "a", "on": True, "seed": -3, "steps": 0, "rate": 0.5, "parts": {}, "rows": [1]}


def test_good_fields_are_given_back():
    for good in (GOOD, GOOD | {"rows": None, "rate": 2, "on": False}):
        assert fields.check_fields(good, KINDS) is good
    some = {key: value for key, value in GOOD.items() if key != "seed"}
    assert fields.check_fields(some, KINDS, frozenset(["seed"])) is some


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "field 'name' must be text, got 3"),
        ({"on": "no"}, "field 'on' must be true or false, got 'no'"),
        ({"on": 1}, "field 'on' must be true or false, got 1"),
        ({"seed": 1.0}, "field 'seed' must be a whole number, got 1.0"),
        ({"steps": True}, "field 'steps' must be a whole number from 0, got True"),
        ({"steps": -1}, "field 'steps' must be a whole number from 0, got -1"),
        ({"rate": "1"}, "field 'rate' must be a number, got '1'"),
        ({"parts": []}, "field 'parts' must be a dict, got a list"),
        ({"rows": [1, "2"]}, "field 'rows' must be a list, a whole number from 0 each or none, got a list"),
        ({"rows": "\ud800\n" * 900}, r"got '\ud800\n"),
        ({"other": 1}, "fields must be name, on, seed, steps, rate, parts, rows, got 'other'"),
    ],
)
def test_fields_of_other_kinds_are_refused(change, message):
    with pytest.raises(ValueError, match="must be") as caught:
        fields.check_fields(GOOD | change, KINDS)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_missing_fields_and_other_values_are_refused():
    with pytest.raises(ValueError, match="field 'name' must be text, got none"):
        fields.check_fields({}, KINDS)
    with pytest.raises(ValueError, match="fields must be a dict, got a list"):
        fields.check_fields([], KINDS)
