"""One link's life: who gets in, who doesn't, and what each side may do when."""

import pytest
from tests.protocol.household import (
    BRAIN,
    LAPTOP,
    MESSAGE_EXAMPLES,
    NOW,
    opened,
    pair,
    session,
)
from tests.protocol.properties import (
    check_binding,
    check_session_cell,
    check_strangers,
    in_phase,
    refused,
)

from manyends.protocol.errors import ErrorCode, ProtocolError, Retry
from manyends.protocol.messages import Bye, Challenge, Error, Hello, Message, Ping, Welcome
from manyends.protocol.session import Happening, Phase, Side


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("side", Side)
def test_only_what_the_table_lists_may_happen(
    side: Side, phase: Phase, happening: Happening
) -> None:
    check_session_cell(side, phase, happening)


def test_two_devices_of_a_household_become_a_link_and_know_each_other() -> None:
    both = opened()
    assert both.client.peer == BRAIN
    assert both.server.peer == LAPTOP
    assert both.client.link == both.server.link != ""


def test_the_client_learns_how_far_ahead_the_servers_clock_is() -> None:
    assert opened().client.time_ahead_ms == 5


def test_impostors_are_refused_as_not_paired() -> None:
    check_strangers()


def test_a_signature_is_good_for_its_own_link_only() -> None:
    check_binding()


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_a_stranger_learns_nothing_whatever_it_sends_first(message: Message) -> None:
    server, _both = in_phase(Side.SERVER, Phase.CHALLENGED)
    code = refused(server, message)
    if isinstance(message, Error):
        assert code is message.code
    elif isinstance(message, Bye):
        assert code is None
        assert server.phase is Phase.CLOSED
    else:
        assert code is ErrorCode.NOT_PAIRED
        assert [each.type for each in server.outbox] == ["error"]


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_an_open_link_passes_traffic_on_and_refuses_another_handshake(message: Message) -> None:
    both = opened()
    if isinstance(message, Challenge | Hello | Welcome):
        assert refused(both.server, message) is ErrorCode.OUT_OF_ORDER
    else:
        assert both.server.receive(message, NOW) is message
        assert both.server.phase is (Phase.CLOSED if isinstance(message, Bye) else Phase.OPEN)


def test_an_error_on_an_open_link_is_the_nodes_business_and_closes_nothing() -> None:
    both = opened()
    told = Error(code=ErrorCode.GAP, reason="one is missing", retry=Retry.NOW)
    assert both.client.receive(told, NOW) is told
    assert both.client.phase is Phase.OPEN


def test_a_client_that_is_refused_hears_the_servers_reason() -> None:
    both = pair(client=session(Side.CLIENT, LAPTOP, key="thief"))
    both.start()
    both.deliver(Side.CLIENT)
    with pytest.raises(ProtocolError):
        both.deliver(Side.SERVER)
    with pytest.raises(ProtocolError) as caught:
        both.deliver(Side.CLIENT)
    assert caught.value.code is ErrorCode.NOT_PAIRED
    assert both.client.outbox == []


@pytest.mark.parametrize("versions", [[2], [2, 3]])
def test_a_client_refuses_versions_that_it_does_not_speak(versions: list[int]) -> None:
    both = pair()
    both.start()
    challenge = both.to_client[0].model_copy(update={"versions": versions})
    assert refused(both.client, challenge) is ErrorCode.UNSUPPORTED_VERSION


def test_a_client_picks_its_own_version_of_several() -> None:
    both = pair()
    both.start()
    challenge = both.to_client[0].model_copy(update={"versions": [1, 2]})
    assert refused(both.client, challenge) is None


def test_a_server_refuses_a_version_that_it_does_not_speak() -> None:
    both = pair()
    both.start()
    both.deliver(Side.CLIENT)
    hello = both.to_server[0].model_copy(update={"version": 2})
    assert refused(both.server, hello) is ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.parametrize("nonce", ["n" * 21 + "!", "A" * 20 + "==", "ü" * 22, "n" * 25])
def test_a_nonce_must_carry_enough_random_bytes(nonce: str) -> None:
    both = pair()
    both.start()
    challenge = both.to_client[0].model_copy(update={"nonce": nonce})
    assert refused(both.client, challenge) is ErrorCode.BAD_MESSAGE
    hello = MESSAGE_EXAMPLES[1].model_copy(update={"nonce": nonce})
    assert refused(both.server, hello) is ErrorCode.BAD_MESSAGE


def test_a_reason_that_is_too_long_for_a_message_is_cut() -> None:
    both = opened()
    both.server.fail(ProtocolError(ErrorCode.INTERNAL, "x" * 5000))
    error = both.server.outbox[0]
    assert isinstance(error, Error)
    assert len(error.reason) == 2000
    other = opened().client
    other.close("y" * 5000)
    assert other.outbox == [Bye(reason="y" * 200)]


def test_closing_before_the_link_is_open_says_nothing() -> None:
    both = pair()
    both.start()
    both.client.close("enough")
    assert both.client.outbox == []
    assert both.client.phase is Phase.CLOSED


def test_what_the_node_sends_waits_in_the_outbox_in_order() -> None:
    both = opened()
    for number in (1, 2):
        both.client.send(Ping(id=number))
    assert both.client.outbox == [Ping(id=1), Ping(id=2)]
