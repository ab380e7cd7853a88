"""What a laptop can do for somebody who speaks to another device."""

import re
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field

from manyends.protocol.errors import ErrorCode
from manyends.protocol.roster import Profile
from manyends.protocol.task import Effect, Result, Risk

from ..phrases import the
from ..sdk import RunContext, action

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?!\d+(/|\?|#|$))", re.IGNORECASE)
"""`javascript:` and `https:`, but not the port of `example.org:8080`."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|localhost|([\w-]{1,63}\.)+[\w-]{1,63}\.?)", re.IGNORECASE)


def page_address(text: str) -> str:
    """Return the web address in full: `example.org` becomes `https://example.org/`.

    Raises `ValueError` for what no browser should be sent to: another scheme, a name or password
    inside, or no address at all.
    """
    text = text.strip()
    if not text or any(each.isspace() or not each.isprintable() for each in text):
        raise ValueError("a web address has no spaces")
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise ValueError(f"only http and https are opened, not {scheme[1]}")
    parts = urlsplit(text if scheme else f"https://{text}")
    if "@" in parts.netloc or "\\" in text:
        raise ValueError("a web address must not hold a name or password")
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(bracketed):
        raise ValueError("this is not a web address")
    if not host.isascii():
        host = bracketed = host.encode("idna").decode()
    port = "" if parts.port is None else f":{parts.port}"
    where = (parts.scheme, bracketed + port, parts.path or "/", parts.query, parts.fragment)
    return urlunsplit(where)


PageAddress = Annotated[
    str, Field(max_length=2000, description="web address"), AfterValidator(page_address)
]


@action("laptop.open_page", risk=Risk.LOW, effect=Effect.ONCE, runs_on=(Profile.LAPTOP,))
async def open_page(context: RunContext, url: PageAddress) -> Result:
    """Open a web page in the browser of a laptop."""
    device = the(context.device.name)
    site = urlsplit(url).netloc
    try:
        context.open_page(url)
    except OSError as error:
        text = f"I could not open {site} on {device}: {error.strerror or error}."
        return Result(text=text, error=ErrorCode.UNSUPPORTED)
    return Result(text=f"I opened {site} on {device}.", data={"url": url})
