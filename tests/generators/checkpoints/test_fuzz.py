from tests.generators.checkpoints import fuzz


def test_damaged_files_are_refused_or_load():
    fuzz.watch()
    figures = fuzz.run(minutes=0, examples=150)
    assert figures["refused"] > 50
    assert figures["memory grown by, MiB"] < 200
