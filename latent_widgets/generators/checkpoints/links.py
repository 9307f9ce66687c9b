"""What a link is: which addresses are taken, what of one may be shown or kept, and where its file lies in the cache."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

__all__ = ["Link", "LinkError", "is_link", "parse", "shown", "way_out"]

_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]+):(/?/?)", re.IGNORECASE)  # two letters at least: C: is a disk
_KNOWN = ("http", "https", "file", "ftp", "data")  # schemes that are none of a path, whatever follows them
_INSTEAD = {"file": "Give the path of the file instead.", "hf": "A repository is written as 'hf:owner/name'."}
_LOGIN = re.compile(r"(?<=://)[^/?#]*@")
_HOST = re.compile(r"[^:]+://(\[[^\]]*\]|[^/?#:]*)(:\d*)?(?=[/?#]|$)")
_SECRET = re.compile(  # but for the keys of shared links, which are part of the address and without which there is none
    r"token|secret|passw|^pass$|pwd|signature|^sig$|credential|auth(?!or)|session|jwt|policy|"
    r"(?<!^rl)(?<!^resource)key",
    re.IGNORECASE,
)
_MASK = "***"  # what stands for a secret where a link is shown or kept
_SAFE = "%/:=&?~+!$,;'@()*[]"  # what an address may hold as it is, escapes among it
_LONGEST = 100  # letters of a file's name
_DRIVE = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
_HUB = ("huggingface.co", "www.huggingface.co", "hf.co")


class LinkError(ValueError):
    """A link that does not lead to a file, or whose file did not arrive; the message says why, and the way out."""


@dataclass(frozen=True)
class Link:
    """The address of a file.

    Attributes:
        shown: The link as it was given, but for its secrets: fit for messages, notes and programs.
        url: What is asked for: the file itself where a page was given that shows it.
        login: What proves who asks, for the host of the link alone; empty without a name or password in it.
        name: What its file is called in the cache.
        key: What tells it from other links there; the name and password play no part.
    """

    shown: str
    url: str = field(repr=False)
    login: str = field(repr=False)
    name: str
    key: str

    @property
    def host(self) -> str:
        """The host that is asked first."""
        return urlsplit(self.url).hostname or ""


def is_link(text: str) -> bool:
    """Tell a link, of whatever kind, from a path and from a name.

    Args:
        text: What was given.

    Returns:
        Whether it is one.

    Example:
        >>> is_link("https://host/network.pkl"), is_link("s3://bucket/x.pkl"), is_link("C:/x.pkl"), is_link("hf:me/x")
        (True, True, False, False)
    """
    found = _SCHEME.match(text)
    return found is not None and (found[2] == "//" or found[1].lower() in _KNOWN)


def shown(text: str) -> str:
    """Return a source as it may be shown and kept: a link without name, password and other secrets.

    Args:
        text: A path, a name or a link.

    Returns:
        The same, but for the secrets of a link.

    Example:
        >>> shown("https://me:pass@host/x.pkl?version=2&token=abc")
        'https://host/x.pkl?version=2&token=***'
    """
    if not is_link(text):
        return text
    text = _LOGIN.sub("", text.strip())
    if "//" in text and not _HOST.match(text):  # the rest of a password that holds a slash, perhaps
        return f"{text.partition(':')[0]}://{_MASK}"
    address, _, query = text.partition("#")[0].partition("?")
    if not query:
        return address
    parts = [part.partition("=") for part in query.split("&")]
    return f"{address}?{'&'.join(n + e + (_MASK if e and _SECRET.search(unquote(n)) else v) for n, e, v in parts)}"


def parse(text: str) -> Link:
    """Read a link.

    Args:
        text: Such as ``"https://host/network.pkl"``. Pages that show a file on GitHub, GitLab, the Hugging Face hub,
            Google Drive, Dropbox or SharePoint stand for the file.

    Returns:
        The link.

    Raises:
        LinkError: If it is of another kind than ``https`` and ``http``, has no host or file, or lacks its secrets.

    Example:
        >>> link = parse("https://github.com/me/faces/blob/main/network.pkl")
        >>> link.url, link.name
        ('https://github.com/me/faces/raw/main/network.pkl', 'network.pkl')
    """
    text = text.strip()
    scheme = text.partition(":")[0].lower()
    if scheme not in ("http", "https"):
        fix = _INSTEAD.get(scheme, "Download the file and give its path.")
        raise LinkError(f"a link must begin with https:// or http://, got one that begins with {scheme}:. {fix}")
    try:
        parts = urlsplit(text)
        host, port, login = parts.hostname or "", parts.port, (parts.username, parts.password)
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # what was given may hold a password where nobody looks for one: it is not shown
        host = ""
    if not host or not text.isprintable() or not re.fullmatch(r"[\w.:%-]+", host):
        raise LinkError(
            "a link must be written as 'https://host/file', got one without a host that can be read. Give it as text, "
            "with a password written as a browser would: %40 stands for @."
        )
    if any(value == _MASK for _, value in parse_qsl(parts.query)):
        raise LinkError(f"a link must hold its own secrets, got {shown(text)!r}. Put in what {_MASK} stands for.")
    where = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    url, name = _direct(scheme, where, quote(parts.path or "/", _SAFE), quote(parts.query, _SAFE))
    user = ":".join(unquote(part or "") for part in login)
    return Link(
        shown=shown(text),
        url=url,
        login="" if login == (None, None) else "Basic " + base64.b64encode(user.encode()).decode(),
        name=_file_name(name),
        key=hashlib.sha256(url.encode()).hexdigest()[:32],
    )


def _direct(scheme: str, host: str, path: str, query: str) -> tuple[str, str]:
    """The address of the file that a page shows, and its name; other addresses stay as they are."""
    asked, name = dict(parse_qsl(query)), path.rpartition("/")[2]
    if host in _DRIVE:
        found = re.search(r"/d/([\w-]+)", path)
        number = found[1] if found else asked.get("id", "")
        if not number or "/folders/" in path:
            raise LinkError(
                f"a link to Google Drive must lead to one file, got {scheme}://{host}{path}. Open the file there and "
                "copy its own link."
            )
        more = {"resourcekey": asked["resourcekey"]} if "resourcekey" in asked else {}
        query = urlencode({"id": number, "export": "download", "confirm": "t"} | more)
        return f"https://{_DRIVE[2]}/download?{query}", number
    if host in ("github.com", "www.github.com"):
        path, changed = re.subn(r"^(/[^/]+/[^/]+)/blob/", r"\1/raw/", path)
        query = "" if changed else query
    elif host in _HUB:
        path = path.replace("/blob/", "/resolve/", 1)
    elif "/-/blob/" in path:
        path = path.replace("/-/blob/", "/-/raw/", 1)
    elif host in ("dropbox.com", "www.dropbox.com"):
        query = urlencode(asked | {"dl": "1"})
    elif host.endswith(".sharepoint.com") and "/:u:/" in path:
        query = urlencode(asked | {"download": "1"})
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else ""), name


def _file_name(text: str) -> str:
    """A name that every system takes, with the ending of the one in an address."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(text)).lstrip(".")
    return name[-_LONGEST:].lstrip(".") or "file"


def way_out(link: Link) -> str:
    """Return what to do about a link that gives a page instead of a file, or asks who is there.

    Args:
        link: The link.

    Returns:
        A sentence or two.
    """
    by_hand = "Open it in a browser, download the file there, and load its path."
    if link.host in _DRIVE:
        return f"Google Drive may ask for a login, or be over its quota for the day. {by_hand}"
    if link.host in _HUB:
        return f"Where the hub asks for a login, load 'hf:owner/name' with filename=, which knows your token. {by_hand}"
    return f"The file may need a login, or the link that its download button has. {by_hand}"
