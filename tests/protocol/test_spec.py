"""The specification is true: its tables and vectors are the code's, each MUST has its tests."""

import importlib
import re

import pytest
from tests.protocol import spec
from tests.protocol.test_messages import TYPES

from manyends.endpoints.replica import MAX_PAYLOAD
from manyends.protocol.codec import MAX_TEXT_FRAME, decode
from manyends.protocol.errors import ErrorCode
from manyends.protocol.hlc import MAX_AHEAD_MS
from manyends.protocol.identity import verify
from manyends.protocol.io.websockets import HANDSHAKE_SECONDS
from manyends.protocol.ops import MAX_BATCH
from manyends.protocol.payloads import PAYLOADS
from manyends.protocol.session import Happening, Phase
from manyends.protocol.task import Event, State

TEXT = spec.SPEC.read_text()

P, E, S = "tests.protocol.", "tests.endpoints.", "tests.skills."
MUSTS: dict[str, list[str]] = {
    "M1": [P + "test_messages.test_numbers_are_whole_and_in_range_and_not_spelt_otherwise"],
    "M2": [P + "test_codec.test_numbers_that_are_not_finite_are_refused"],
    "M3": [P + "test_spec.test_absent_and_null_mean_the_default"],
    "M4": [P + "test_identity.test_canonical_json_sorts_keys_and_has_no_spaces"],
    "M5": [P + "io.test_websockets.test_a_connection_without_the_subprotocol_is_refused"],
    "M6": [
        P + "io.test_tls.test_both_sides_speak_tls_1_3_only",
        P + "io.test_tls.test_the_pin_is_the_unpadded_hash_of_the_public_key",
    ],
    "M7": [
        P + "io.test_websockets."
        "test_a_certificate_that_is_not_in_the_roster_is_refused_before_anything_is_said"
    ],
    "M8": [
        P + "io.test_websockets.test_a_frame_over_our_limit_is_too_big_on_both_sides",
        P + "io.test_websockets.test_a_frame_over_the_librarys_limit_is_too_big_on_both_sides",
        P + "test_codec.test_of_a_key_that_comes_twice_the_last_counts",
    ],
    "M9": [
        P + "io.test_websockets.test_a_client_that_does_not_greet_is_shut_out",
        P + "io.test_websockets.test_a_connection_without_tls_is_shut",
        P + "io.test_websockets.test_a_connection_that_never_becomes_a_websocket_is_shut",
    ],
    "M10": [P + "test_session.test_a_stranger_learns_nothing_whatever_it_sends_first"],
    "M11": [
        P + "test_session.test_impostors_are_refused_as_not_paired",
        P + "test_session.test_a_client_refuses_versions_that_it_does_not_speak",
    ],
    "M12": [
        P + "test_session.test_impostors_are_refused_as_not_paired",
        P + "test_session.test_a_signature_is_good_for_its_own_link_only",
        P + "test_session.test_a_server_refuses_a_version_that_it_does_not_speak",
    ],
    "M13": [
        P + "io.test_websockets.test_what_is_not_supported_is_answered_and_the_link_goes_on",
    ],
    "M14": [
        P + "test_messages.test_unknown_fields_of_a_message_are_kept",
        P + "test_messages.test_unknown_fields_of_an_op_and_its_payload_are_kept",
        E + "test_replication.test_unknown_kinds_and_fields_are_passed_on_as_they_came",
    ],
    "M15": [
        P + "test_session.test_only_what_the_table_lists_may_happen",
        P + "io.test_websockets.test_a_bad_message_is_told_and_closes_the_link",
    ],
    "M16": [
        P + "io.test_websockets.test_an_error_on_an_open_link_does_not_close_it",
        P + "test_session.test_a_client_that_is_refused_hears_the_servers_reason",
    ],
    "M17": [E + "test_replication_links.test_a_peer_that_answers_no_ping_is_taken_to_be_gone"],
    "M18": [P + "io.test_websockets.test_who_closes_says_goodbye"],
    "M19": [E + "test_replication_links.test_a_newer_link_takes_the_older_ones_place"],
    "M20": [P + "test_spec.test_a_table_is_what_the_code_says"],
    "M21": [P + "test_codec.test_a_refusal_says_where_but_does_not_repeat_what_was_sent"],
    "M22": [E + "test_replication.test_a_killed_node_goes_on_numbering_where_it_was"],
    "M23": [P + "test_ops.test_nothing_of_an_op_can_be_changed_without_being_found"],
    "M24": [
        E + "test_replication.test_a_changed_op_is_refused_and_leaves_no_trace",
        E + "test_replication.test_an_op_of_a_stranger_is_refused",
        E + "test_replication.test_a_node_takes_no_feed_that_it_may_not_hold",
        E + "test_replication.test_a_payload_that_is_not_what_its_kind_says_is_refused",
    ],
    "M25": [E + "test_replication.test_an_erased_op_is_passed_on_without_its_payload"],
    "M26": [E + "test_replication.test_unknown_kinds_and_fields_are_passed_on_as_they_came"],
    "M27": [
        P + "test_hlc.test_a_clock_that_is_far_ahead_is_followed_for_a_minute_only",
        E + "test_replication.test_random_histories_end_in_equal_replicas",
    ],
    "M28": [
        E + "test_replication.test_a_vector_tells_a_peer_only_of_what_it_might_send",
        E + "test_replication_links.test_what_the_other_one_lacks_is_sent_and_acknowledged",
    ],
    "M29": [
        E + "test_replication.test_an_op_that_comes_by_two_ways_is_applied_once",
        E + "test_replication.test_an_op_that_comes_too_early_changes_nothing",
        E + "test_replication_links.test_a_gap_is_told_with_what_is_there",
    ],
    "M30": [E + "test_replication_links.test_nothing_is_acknowledged_that_is_not_on_disk"],
    "M31": [
        P + "test_messages.test_a_batch_has_a_limit",
        E + "test_replication.test_a_payload_that_no_frame_could_carry_is_not_written",
    ],
    "M32": [P + "test_task.test_an_event_moves_a_task_as_the_table_says"],
    "M33": [P + "test_task.test_a_report_counts_under_the_tasks_own_epoch_only"],
    "M34": [P + "test_task.test_the_newer_copy_is_that_of_the_later_epoch_and_version"],
    "M35": [
        E + "test_worker.test_a_lease_of_somebody_else_or_for_somebody_else_is_refused",
        E + "test_keeper.test_an_offer_for_another_keeper_or_in_anothers_name_is_refused",
        E + "test_keeper.test_a_report_counts_only_from_the_worker_under_its_lease",
    ],
    "M36": [
        E + "test_worker.test_a_known_key_reports_again_and_runs_nothing",
        E + "test_effects.test_after_a_crash_a_settable_effect_runs_again_under_its_key",
        E + "test_effects.test_after_a_crash_a_once_effect_nobody_can_tell_of_is_in_doubt",
    ],
    "M37": [E + "test_keeper.test_what_has_not_begun_by_its_deadline_expires_and_is_never_run"],
    "M38": [
        E + "test_grants.test_a_yes_of_the_wrong_device_person_or_key_is_refused",
        E + "test_grants.test_a_yes_is_good_for_these_arguments_only",
        E + "test_grants.test_a_used_grant_is_no_good_even_for_a_task_that_waits",
        E + "test_grants.test_a_yes_comes_too_late",
    ],
    "M39": [
        S + "test_virtual.test_a_big_home_comes_in_several_frames",
        S + "test_virtual.test_a_command_changes_the_state_and_everybody_linked_hears",
    ],
    "M40": [
        S + "test_virtual.test_one_key_is_one_effect",
        S + "test_virtual.test_unchanged_refuses_what_somebody_has_touched",
    ],
    "M41": [S + "test_virtual.test_reading_back_tells_what_a_key_came_to"],
}
"""Each MUST with the tests that hold it."""


def test_musts_are_numbered_from_one_without_holes_and_each_once() -> None:
    numbers = re.findall(r"^- \*\*M(\d+)\*\*", TEXT, re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))


def test_each_must_has_its_tests_and_no_test_is_for_what_is_not_there() -> None:
    assert set(re.findall(r"^- \*\*(M\d+)\*\*", TEXT, re.MULTILINE)) == set(MUSTS)
    assert set(re.findall(r"\bM\d+\b", TEXT)) <= set(MUSTS)


@pytest.mark.parametrize("must", MUSTS)
def test_the_tests_of_a_must_are_there(must: str) -> None:
    for name in MUSTS[must]:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function)), name


@pytest.mark.parametrize("name", spec.blocks())
def test_a_table_is_what_the_code_says(name: str) -> None:
    begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
    assert TEXT.split(begin)[1].split(end)[0] == spec.blocks()[name]


@pytest.mark.parametrize(
    "word", [*TYPES, *PAYLOADS, *ErrorCode, *State, *Event], ids=lambda each: str(each)
)
def test_each_name_of_the_wire_is_explained(word: str) -> None:
    assert f"`{word}`" in TEXT


@pytest.mark.parametrize("word", [*Phase, *Happening])
def test_each_name_of_the_session_is_there(word: str) -> None:
    assert word in TEXT


def test_the_numbers_in_it_are_the_codes() -> None:
    for number in (MAX_TEXT_FRAME, MAX_PAYLOAD):
        assert f"{number:,} bytes" in TEXT
    assert f"{HANDSHAKE_SECONDS:.0f} seconds" in TEXT
    assert f"{MAX_AHEAD_MS // 1000} seconds" in TEXT
    assert f"at most {MAX_BATCH} ops" in TEXT


def test_the_vectors_verify_by_what_stands_beside_them() -> None:
    shake = spec.handshake()
    for side, message in (("client", "hello"), ("server", "welcome")):
        signed = shake[f"bytes_signed_by_{side}"].encode()
        assert verify(shake[f"{side}_device_key"], signed, shake[message]["signature"])
    op = spec.op()
    assert verify(shake["client_device_key"], op["bytes_signed"].encode(), op["op"]["signature"])
    grant = spec.grant()
    signature = grant["grant"]["signature"]
    assert verify(shake["client_device_key"], grant["bytes_signed"].encode(), signature)


def test_absent_and_null_mean_the_default() -> None:
    absent = decode('{"type":"home.read","id":"1"}')
    null = decode('{"type":"home.read","id":"1","key":null}')
    assert absent == null
