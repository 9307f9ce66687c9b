"""One question to a host: the file of a link, or the rest of it; the answer is one of success, or an error in words."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from latent_widgets.generators.checkpoints.links import Link, LinkError, shown, way_out

__all__ = ["Part", "ask", "mark_of", "total_of", "why"]

_SILENCE = 30.0  # seconds without a byte, after which a host is given up
_HOPS = 10  # redirects


@dataclass(frozen=True)
class Part:
    """What an earlier try left of a file.

    Attributes:
        size: How many bytes.
        total: How many the file has; None where the host did not say.
        mark: What the host gave to tell whether the file is still the same; empty without it.
    """

    size: int = 0
    total: int | None = None
    mark: str = ""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to another host, but never off ``https``; the login goes to the first host alone."""

    max_redirections = _HOPS

    def __init__(self, link: Link) -> None:
        self._link = link

    def redirect_request(self, request: Any, file: Any, code: int, words: str, headers: Any, url: str) -> Any:
        old, new, first = urlsplit(request.full_url), urlsplit(url), urlsplit(self._link.url)
        if new.scheme != "https" and (new.scheme != "http" or old.scheme == "https"):
            raise LinkError(
                f"the link {self._link.shown!r} must stay on {old.scheme}, got a redirect to {shown(url)!r}. If you "
                "trust it, download that file and give its path."
            )
        further = super().redirect_request(request, file, code, words, headers, url)
        if further is not None and self._link.login and (new.scheme, new.netloc) == (first.scheme, first.netloc):
            further.add_unredirected_header("Authorization", self._link.login)
        return further


def ask(link: Link, part: Part) -> http.client.HTTPResponse:
    """Ask for a file, or for the rest of it where a part of the same file is there.

    Args:
        link: The link.
        part: What is there.

    Returns:
        The answer: the rest with the status 206, or else the whole file.

    Raises:
        LinkError: If the host is silent, refuses, or leads elsewhere than it may.
    """
    headers = {"User-Agent": "latent_widgets", "Accept": "*/*", "Accept-Encoding": "identity"}
    if part.size:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.mark}
    try:
        answer = _open(link, headers)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and part.size:  # the file has become shorter
            return ask(link, Part())
        raise LinkError(_refused(link, error.code)) from None
    except LinkError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LinkError(
            f"the host of {link.shown!r} must answer, got {why(error)}. Look whether the address and your connection "
            "are right."
        ) from None
    if answer.status == 200 or (answer.status == 206 and _fits(answer, part)):
        return answer
    answer.close()
    if answer.status == 206 and part.size:
        return ask(link, Part())
    raise LinkError(_refused(link, answer.status))


def _open(link: Link, headers: dict[str, str]) -> http.client.HTTPResponse:
    request = urllib.request.Request(link.url, headers=headers)
    if link.login:
        request.add_unredirected_header("Authorization", link.login)
    opener = urllib.request.OpenerDirector()  # what build_opener() makes would open file: and ftp: too
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(link),
    ):
        opener.add_handler(handler)
    answer: http.client.HTTPResponse = opener.open(request, timeout=_SILENCE)
    return answer


def _refused(link: Link, status: int) -> str:
    words = http.client.responses.get(status, "unknown")
    if status // 100 == 3:
        words, fix = f"{words}, in a circle or to where nobody may follow", way_out(link)
    elif status in (401, 402, 403, 407):
        fix = way_out(link)
    elif status in (404, 410):
        fix = "Look whether the address is right."
    else:
        fix = "Try again later."
    return f"the link {link.shown!r} must lead to a file, got the answer {status} ({words}). {fix}"


def why(error: Exception) -> str:
    """Return why a host could not be heard; what it or the link say is left out, as it may hold secrets."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"silence for {_SILENCE:g} seconds"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"a certificate that is not to be trusted ({reason.verify_message})"
    if isinstance(reason, http.client.IncompleteRead):
        return "an end of the connection"
    return getattr(reason, "strerror", None) or type(reason).__name__


def _fits(answer: http.client.HTTPResponse, part: Part) -> bool:
    """Whether what was sent is the rest of the file of which there is a part."""
    start = _range_of(answer)[0]
    same = mark_of(answer) in ("", part.mark) and part.total in (None, total_of(answer))
    return bool(part.size) and start == part.size and same


def total_of(answer: http.client.HTTPResponse) -> int | None:
    """Return how many bytes the whole file has, before a byte is read; None where the host does not say."""
    return _range_of(answer)[1] if answer.status == 206 else answer.length


def mark_of(answer: http.client.HTTPResponse) -> str:
    """Return what tells whether a file is byte for byte the same; empty without it. A weak tag does not."""
    tag = (answer.getheader("ETag") or "").strip()
    return tag if tag and not tag.startswith("W/") else (answer.getheader("Last-Modified") or "").strip()


def _range_of(answer: http.client.HTTPResponse) -> tuple[int | None, int | None]:
    unit, _, rest = (answer.getheader("Content-Range") or "").partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdecimal() else None, int(total) if total.isdecimal() else None
