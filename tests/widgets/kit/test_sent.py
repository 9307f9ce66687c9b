"""When a message was sent is read from its header, where there is one."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from latent_widgets.widgets.kit.sent import sent_at

DATE = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def answering(monkeypatch):
    """Makes the kernel answer a message with this header."""

    def answer(header):
        shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: {"header": header} if header else {}))
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))

    return answer


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ({"msg_type": "comm_msg", "date": DATE}, DATE.timestamp()),
        ({"msg_type": "comm_msg", "date": "yesterday"}, None),
        ({"msg_type": "execute_request", "date": DATE}, None),
        (None, None),
    ],
)
def test_only_the_move_of_a_control_was_sent(answering, header, sent):
    answering(header)
    assert sent_at() == sent


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_nothing_was_sent_outside_a_notebook(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert sent_at() is None
