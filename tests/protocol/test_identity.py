"""Keys, signatures, and the bytes that are signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.household import identity

from manyends.protocol.identity import Identity, b64, canonical, digest, unb64, verify

WHOLE_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.binary(max_size=100))
def test_base_64_has_no_padding_and_can_be_read_back(data: bytes) -> None:
    text = b64(data)
    assert unb64(text) == data
    assert not set(text) & set("=+/")


@pytest.mark.parametrize("text", ["a", "ab cd", "äöü!", "ab\ncd", "a=b="])
def test_what_is_not_base_64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unb64(text)


def test_canonical_json_sorts_keys_and_has_no_spaces() -> None:
    value = {"b": [1, None, True], "a": {"ö": "é😀", "Z": "\n\x00"}, "": ""}
    expected = '{"":"","a":{"Z":"\\n\\u0000","ö":"é😀"},"b":[1,null,true]}'
    assert canonical(value) == expected.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
def test_what_json_cannot_say_has_no_canonical_form(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


@given(st.dictionaries(st.text(max_size=4), WHOLE_JSON))
def test_the_order_of_keys_does_not_change_what_is_signed(value: dict[str, object]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_a_digest_depends_on_its_salt_and_its_value() -> None:
    first = digest("salt", {"a": 1})
    assert len(first) == 43
    assert len({first, digest("other", {"a": 1}), digest("salt", {"a": 2})}) == 3


def test_a_secret_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        Identity(b"short")


def test_only_the_keys_own_signature_of_the_same_bytes_is_taken() -> None:
    ana, ben = identity("ana"), identity("ben")
    signature = ana.sign(b"yes")
    assert verify(ana.public, b"yes", signature)
    assert not verify(ana.public, b"no", signature)
    assert not verify(ben.public, b"yes", signature)


@given(st.text(max_size=100), st.text(max_size=100))
def test_malformed_keys_and_signatures_are_a_no(public: str, signature: str) -> None:
    good = identity("ana")
    assert not verify(public, b"yes", good.sign(b"yes"))
    assert not verify(good.public, b"yes", signature)
