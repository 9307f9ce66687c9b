"""What a link is, what of it may be shown, and which file a page stands for; no host is asked."""

import pytest

import latent_widgets as lw
from latent_widgets.generators.checkpoints.links import LinkError, is_link, parse, shown, way_out

HUB = "https://huggingface.co"


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("https://host/x.pkl", True),
        (" HTTP://host/x.pkl\n", True),
        ("https:/host/x.pkl", True),
        ("file:/x.pkl", True),
        ("ftp://host/x.pkl", True),
        ("s3://bucket/x.pkl", True),
        ("data:application/octet-stream;base64,AA", True),
        ("hf:me/x", False),
        ("pip:package", False),
        ("C:/x.pkl", False),
        ("c://x.pkl", False),
        ("host/x.pkl", False),
        ("./https/x.pkl", False),
        ("faces64", False),
    ],
)
def test_links_are_told_from_paths(text, yes):
    assert is_link(text) is yes
    assert yes or shown(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://me:pass@host/x.pkl", "https://host/x.pkl"),
        ("https://token@host:81/x.pkl#access_token=a", "https://host:81/x.pkl"),
        ("https://me:p@ss@host/x.pkl", "https://host/x.pkl"),
        ("https://me:pa/ss@host/x.pkl", "https://***"),
        (
            "https://h/x?v=2&Access_Token=a&sig=b%3D&X-Amz-Signature=c",
            "https://h/x?v=2&Access_Token=***&sig=***&X-Amz-Signature=***",
        ),
        ("https://h/x?api_key=a&design=b&author=c&flag", "https://h/x?api_key=***&design=b&author=c&flag"),
        ("https://h/x?to%6ben=a", "https://h/x?to%6ben=***"),
        ("https://www.dropbox.com/s/x.pkl?rlkey=a&dl=0", "https://www.dropbox.com/s/x.pkl?rlkey=a&dl=0"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
    ],
)
def test_secrets_are_not_shown(text, safe):
    assert shown(text) == safe
    if "***" not in safe.partition("?")[0]:
        link = parse(text)
        assert link.shown == safe
        assert "pass" not in repr(link)
        assert "sig=b" not in repr(link)


@pytest.mark.parametrize(
    ("page", "file", "name"),
    [
        ("https://github.com/a/b/blob/main/c/d.pkl?x=1", "https://github.com/a/b/raw/main/c/d.pkl", "d.pkl"),
        ("https://github.com/a/b/releases/download/v1/d.pkl", "", "d.pkl"),
        ("https://gitlab.com/a/b/-/blob/main/d.pt", "https://gitlab.com/a/b/-/raw/main/d.pt", "d.pt"),
        (f"{HUB}/a/b/blob/main/d.pkl", f"{HUB}/a/b/resolve/main/d.pkl", "d.pkl"),
        (
            "https://drive.google.com/file/d/1a-B_c/view?usp=sharing&resourcekey=0-x",
            "https://drive.usercontent.google.com/download?id=1a-B_c&export=download&confirm=t&resourcekey=0-x",
            "1a-B_c",
        ),
        (
            "https://drive.google.com/open?id=1aBc",
            "https://drive.usercontent.google.com/download?id=1aBc&export=download&confirm=t",
            "1aBc",
        ),
        ("https://www.dropbox.com/s/q/d.pt?dl=0", "https://www.dropbox.com/s/q/d.pt?dl=1", "d.pt"),
        (
            "https://a-my.sharepoint.com/:u:/g/b/Ed_w?e=x",
            "https://a-my.sharepoint.com/:u:/g/b/Ed_w?e=x&download=1",
            "Ed_w",
        ),
        ("https://other.org/a/blob/main/d.pkl?dl=0", "", "d.pkl"),
        ("https://other.org/my file/ü.pkl", "https://other.org/my%20file/%C3%BC.pkl", "_.pkl"),
        ("https://other.org/my%20file/x.pkl", "", "x.pkl"),
        ("https://münchen.de/x.pkl", "https://xn--mnchen-3ya.de/x.pkl", "x.pkl"),
        ("https://h/%2e%2e%2f..%2fetc", "", "_.._etc"),
        ("https://h", "https://h/", "file"),
        ("https://h/a/...", "", "file"),
    ],
)
def test_a_page_stands_for_its_file(page, file, name):
    link = parse(page)
    assert link.url == (file or page)
    assert link.name == name
    assert link.shown == page


def test_what_tells_links_apart():
    plain = parse("https://h/x.pkl")
    assert parse("https://me:pass@h/x.pkl#y").key == plain.key
    assert parse("https://github.com/a/b/blob/v/x").key == parse("https://github.com/a/b/raw/v/x").key
    others = (
        "https://h/x.pkl?v=1",
        "https://h/x.pkl?token=1",
        "https://h/x.pkl?token=2",
        "http://h/x.pkl",
        "https://g/x.pkl",
    )
    assert len({plain.key, *(parse(text).key for text in others)}) == 6
    assert (parse("https://me:pa%40ss@h/x").login, plain.login) == ("Basic bWU6cGFAc3M=", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "file:///x.pkl",
            "must begin with https:// or http://, got one that begins with file:. Give the path of the file",
        ),
        ("ftp://me:pass@host/x", "got one that begins with ftp:. Download the file and give its path"),
        ("s3://bucket/x", "got one that begins with s3:"),
        ("data:text/plain,x", "got one that begins with data:"),
        ("hf://me/x", "got one that begins with hf:. A repository is written as 'hf:owner/name'"),
        ("https:///x.pkl", "must be written as 'https://host/file', got one without a host"),
        ("https:/host/x.pkl", "got one without a host that can be read. Give it as text"),
        ("https://me:pa/ss@host/x", "with a password written as a browser would: %40 stands for @"),
        ("https://host:pass/x", "without a host"),
        ("https://[::1/x", "without a host"),
        ("https://ho st/x", "without a host"),
        ("https://host/x\r\nCookie: pass", "without a host"),
        (
            "https://host/x.pkl?token=***",
            r"must hold its own secrets, got 'https://host/x.pkl?token=***'. Put in what ***",
        ),
        (
            "https://drive.google.com/drive/folders/1aBc",
            "a link to Google Drive must lead to one file, got https://drive",
        ),
    ],
)
def test_what_is_no_link_to_a_file(text, says):
    with pytest.raises(ValueError, match="link") as caught:
        lw.load(text)
    assert isinstance(caught.value, LinkError)
    assert says in str(caught.value)
    assert "pass@" not in str(caught.value)
    assert "ss@" not in str(caught.value)


def test_the_way_out_knows_the_host():
    assert "over its quota" in way_out(parse("https://drive.google.com/open?id=1"))
    assert "'hf:owner/name'" in way_out(parse(f"{HUB}/a/b/resolve/main/x"))
    assert "download button" in way_out(parse("https://host/x"))
