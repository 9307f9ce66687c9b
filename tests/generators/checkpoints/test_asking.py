"""Hosts that lead elsewhere, refuse, fall silent or want to know who asks; a local server stands in for all."""

import threading
import urllib.request

import pytest

import latent_widgets as lw
from latent_widgets.generators.checkpoints import _asking
from latent_widgets.generators.checkpoints.links import LinkError, parse
from tests.generators.checkpoints.standins import write_nvidia
from tests.generators.checkpoints.web import serving

LOGIN = "Basic bWU6cGFzcw=="  # me:pass


@pytest.fixture
def body(tmp_path, make_variant):
    """The bytes of a checkpoint."""
    return write_nvidia(tmp_path / "original.pkl", make_variant()).read_bytes()


@pytest.fixture
def elsewhere():
    """Another server."""
    with serving() as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_gone_on_with(web, elsewhere, body, status):
    target = elsewhere.put("/there.pkl", body, cut=600)
    url = web.put("/network.pkl", status=status, headers={"Location": target})
    with pytest.raises(ValueError, match=r"network.pkl must arrive whole"):
        lw.load(url)
    elsewhere.change("/there.pkl", cut=None)
    assert lw.load(url).origin == f"lw.load({url!r})"
    assert elsewhere.asked[1]["range"] == "bytes=600-"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/network.pkl", "got the answer 302 .*in a circle"),
        ("file:///etc/passwd", "got the answer 302 .*to where nobody may follow"),
        ("ftp://127.0.0.1/x", r"must stay on http, got a redirect to 'ftp://127.0.0.1/x'"),
        (None, "got the answer 302"),
    ],
)
def test_a_redirect_to_nowhere(web, target, says):
    url = web.put("/network.pkl", status=302, headers={"Location": target})
    with pytest.raises(LinkError, match=says):
        lw.load(url)


def test_a_redirect_may_not_leave_https():
    link = parse("https://me:pass@host/x.pkl")
    redirects = _asking._Redirects(link)  # a server of this machine has no certificate that is to be trusted
    request = urllib.request.Request(link.url)

    def led(url):
        return redirects.redirect_request(request, None, 302, "Found", {}, url)

    with pytest.raises(
        LinkError, match=r"must stay on https, got a redirect to 'http://host/x\?token=\*\*\*'.* its path"
    ):
        led("http://host/x?token=abc")
    assert led("https://host/y").headers == {}
    assert led("https://host/y").unredirected_hdrs == {"Authorization": LOGIN}
    assert led("https://other/y").unredirected_hdrs == {}


def test_who_asks_is_known_to_the_first_host_alone(web, elsewhere, body):
    there = elsewhere.put("/there.pkl", body)
    web.put("/private.pkl", body, login=LOGIN)
    with pytest.raises(LinkError, match=r"got the answer 401 \(Unauthorized\). The file may need a login"):
        lw.load(f"{web.address}/private.pkl")
    G = lw.load(f"http://me:pass@127.0.0.1:{web.port}/private.pkl")
    assert web.asked[-1]["authorization"] == LOGIN
    assert G.origin == f"lw.load('{web.address}/private.pkl')"
    assert not any("pass" in note for note in G.notes)
    assert lw.load(f"{web.address}/private.pkl").weights_hash == G.weights_hash  # as the program does: from the cache
    web.put("/led.pkl", status=302, headers={"Location": "/led2.pkl"}, login=LOGIN)
    web.put("/led2.pkl", status=302, headers={"Location": there}, login=LOGIN)
    lw.load(f"http://me:pass@127.0.0.1:{web.port}/led.pkl")
    assert web.asked[-1]["authorization"] == LOGIN
    assert "authorization" not in elsewhere.asked[0]


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (403, "The file may need a login"),
        (404, "Look whether the address is right"),
        (410, "Look whether the address is right"),
        (429, "Try again later"),
        (500, "Try again later"),
        (299, "Try again later"),
        (206, "Try again later"),
    ],
)
def test_a_host_that_refuses(web, body, status, fix, tmp_path):
    url = web.put("/network.pkl?token=abc", body, status=status)
    with pytest.raises(
        LinkError, match=rf"network.pkl\?token=\*\*\*' must lead to a file, got the answer {status} .*{fix}"
    ):
        lw.load(url)
    assert not any(path.suffix == ".part" for path in (tmp_path / "cache").rglob("*"))


def test_silence_is_not_waited_for(web, body, monkeypatch):
    monkeypatch.setattr(_asking, "_SILENCE", 0.2)
    hold = threading.Event()
    url = web.put("/network.pkl", body, cut=600, hold=hold)
    try:
        with pytest.raises(
            LinkError, match=r"must arrive whole, got 0\.0 of .* and silence for 0\.2 seconds\. Try once more"
        ):
            lw.load(url)
    finally:
        hold.set()
    web.change("/network.pkl", cut=None, hold=None)
    lw.load(url)
    assert web.asked[1]["range"] == "bytes=600-"


def test_a_host_that_is_not_there(body):
    with serving() as web:
        url = web.put("/network.pkl", body)
    with pytest.raises(
        LinkError, match=rf"the host of '{url}' must answer, got .*refused.* Look whether the address and"
    ):
        lw.load(url.replace("http://", "http://me:pass@"))


def test_a_host_that_speaks_another_language(web):
    url = web.put("/network.pkl", status=302, headers={"Location": "http://me:pass@127.0.0.1:port/x"})
    with pytest.raises(LinkError, match="must answer, got") as caught:
        lw.load(url)
    assert "pass" not in str(caught.value)
