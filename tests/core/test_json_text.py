import pytest

from latent_widgets.core.json_text import read_json


@pytest.mark.parametrize(
    "kind", [str, str.encode, lambda text: memoryview(text.encode())], ids=["text", "bytes", "view"]
)
def test_plain_values_are_read_from_text_and_bytes(kind):
    text = '{"a": [1, -2.5, true, null, "\\u00e9\\ud83d\\ude00", {}], "b": {"a": []}, "": 0}'
    assert read_json(kind(text)) == {"a": [1, -2.5, True, None, "é😀", {}], "b": {"a": []}, "": 0}


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")], ids=["lists", "dicts"])
def test_what_lies_too_deep_is_refused_however_deep(opening, closing):
    assert read_json(opening * 64 + "0" + closing * 64)
    for depth in (65, 2_000, 200_000):
        for text in (opening * depth, opening * depth + "0" + closing * depth):
            with pytest.raises(ValueError, match="the note must be JSON, got something else"):
                read_json(text, "the note")
    with pytest.raises(ValueError, match="lists and dicts lie more than 64 deep"):
        read_json(opening * 65 + "0" + closing * 65)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ('{"a": 1', "Expecting ',' delimiter"),
        ("{} {}", "Extra data"),
        ("NaN", "NaN is no number"),
        ('{"a": [-Infinity]}', "-Infinity is no number"),
        ("[1, -1e999]", "a number is too large"),
        ("-" + "9" * 301, "an integer has more than 300 digits"),
        ("[" + "1" * 5000 + "]", "an integer has more than 300 digits"),
        ('[{"a": 1, "b": 2, "a": 1}]', "the key 'a' comes twice"),
        (b'"\xff"', "'utf-8' codec can't decode byte 0xff"),
        ('"\ud800', "Unterminated string"),
    ],
)
def test_what_is_no_json_is_refused_in_words(text, why):
    with pytest.raises(ValueError, match=f"the header must be JSON, got something else: .*{why}") as caught:
        read_json(text, "the header")
    assert type(caught.value) is ValueError


def test_a_long_integer_is_read_to_its_last_digit_and_fits_a_float():
    assert read_json("-" + "9" * 300) == 1 - 10**300
    assert float(read_json("9" * 300)) > 0
