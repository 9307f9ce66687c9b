import pytest

from latent_widgets.core.budget import EACH, FLOOR, TIMES, Budget


def test_a_file_may_cost_the_floor_and_a_multiple_of_its_size_and_no_byte_more():
    budget = Budget(size=1000)
    budget.spend(FLOOR)
    budget.spend(1000 * TIMES)
    with pytest.raises(ValueError, match="the file must need memory and work in proportion to its 1000 bytes, got one"):
        budget.spend(1)


def test_everything_draws_on_one_account():
    budget = Budget(size=0)
    for _ in range(FLOOR // EACH):
        budget.spend_each(1)
    with pytest.raises(ValueError, match="far more"):
        budget.spend_each(1)


def test_what_was_refused_is_not_charged():
    budget = Budget(size=0)
    with pytest.raises(ValueError, match="far more"):
        budget.spend(FLOOR + 1)
    budget.spend(FLOOR)


def test_an_account_raises_in_the_name_and_kind_that_it_was_given():
    class DamagedError(ValueError):
        pass

    with pytest.raises(DamagedError, match="the mask must need memory"):
        Budget(5, "the mask", DamagedError).spend(10**15)
