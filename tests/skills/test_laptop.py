"""Opening pages: which addresses are taken, and what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.skills.contexts import Bench, device

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.roster import Profile
from manyends.protocol.task import Effect, Risk
from manyends.skills.builtin.laptop import open_page, page_address


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("example.org", "https://example.org/"),
        ("http://example.org/", "http://example.org/"),
        ("HTTPS://Example.ORG/A?b=c d#e".replace(" ", "%20"), "https://example.org/A?b=c%20d#e"),
        ("example.org:8080/x", "https://example.org:8080/x"),
        ("localhost:3000", "https://localhost:3000/"),
        ("http://192.168.0.7/lights", "http://192.168.0.7/lights"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("b\u00fccher.example", "https://xn--bcher-kva.example/"),
        (" example.org ", "https://example.org/"),
    ],
)
def test_an_address_is_completed(said: str, address: str) -> None:
    assert open_page.check({"url": said}) == {"url": address}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "not a url",
        "word",
        "javascript:alert(1)",
        "JavaScript:1",
        "file:///etc/passwd",
        "data:text/html,x",
        "ftp://example.org",
        "https://ana:secret@example.org/",
        "https://example.org@evil.example/",
        "https:/\\evil.example",
        "example.org\n/x",
        "https://",
        "https://exa mple.org",
        "https://-/",
        "http://example.org:99999/",
        "http://[::1/",
        "x" * 3000 + ".org",
    ],
)
def test_anything_else_is_refused_before_there_is_a_task(said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        open_page.check({"url": said})
    assert refused.value.code is ErrorCode.BAD_MESSAGE


@given(st.text(alphabet="ab.:/@?#[]\\ %-\u00e41", max_size=30))
def test_what_is_taken_is_http_and_stays_as_it_is(said: str) -> None:
    try:
        address = page_address(said)
    except ValueError:
        return
    assert address.startswith(("https://", "http://"))
    assert page_address(address) == address


async def test_it_opens_on_the_laptop_and_says_so() -> None:
    here = Bench(device("laptop", Profile.LAPTOP))
    result = await here.go(open_page, url="http://example.org/")
    assert here.opened == ["http://example.org/"]
    assert result.text == "I opened example.org on the laptop."


async def test_without_a_browser_it_says_so() -> None:
    here = Bench(device("Ana's laptop", Profile.LAPTOP), browser=False)
    result = await here.go(open_page, url="example.org")
    assert result.error is ErrorCode.UNSUPPORTED
    assert result.text == "I could not open example.org on Ana's laptop: there is no browser."


def test_it_is_for_laptops_and_never_repeated() -> None:
    assert open_page.profiles == {Profile.LAPTOP}
    assert (open_page.effect, open_page.risk) == (Effect.ONCE, Risk.LOW)
    assert open_page.read_back is None
