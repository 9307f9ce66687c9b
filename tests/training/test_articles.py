from latent_widgets.training.articles import measure
from latent_widgets.training.fashion import CLASSES


def test_fashion_is_measured_against_a_handful_of_pictures(articles):
    found = measure(articles, pictures=40)
    assert found.pictures == 40
    assert list(found.found) == list(found.photographs) == list(found.variance) == [*CLASSES, "mean"]
    assert found.frechet > found.frechet_floor
    assert found.found["mean"] > found.photographs["mean"]  # noise is no article
    assert len(found.table().splitlines()) == 5 + 11
