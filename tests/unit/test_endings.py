"""Why a completion ended, in the words that servers and tools have for it."""

from __future__ import annotations

import pytest

from sormctl.endings import LENGTH, STOP, ending

WORDS = {
    STOP: "stop STOP eos eos_token EOS end_turn end_of_sequence endOfTurn endoftext stop_sequence "
    "stop_str stopSequence eosFound stopped STOPPED finished completed complete COMPLETE done "
    "stopped_eos FinishReason.STOP FINISH_REASON_STOP",
    LENGTH: "length max_tokens MAX_TOKENS model_length token_limit max_length ERROR_LIMIT "
    "truncated maxPredictedTokensReached budget_exceeded context_window_exceeded stopped_limit "
    "generated_max contextLengthReached completion_tokens_exceeded FINISH_REASON_MAX_TOKENS",
}
# neither: who breaks off for these has not reached the limit of what may be written
OTHERS = (
    "rate_limit rate_limit_exceeded deadline_exceeded time_limit TimeLimit maxTime quota_exceeded "
    "max_retries_exceeded stopped_by_moderation stop_moderation ended_by_client endpoint_failed "
    "stop_client_disconnect end_of_quota stopped_by_filter content_filter safety tool_calls "
    "endpoint donation eosinophil FinishReason.SAFETY FINISH_REASON_RECITATION stopped_by_user "
    "complete_with_errors"
)


@pytest.mark.parametrize(
    ("word", "expected"), [(word, kind) for kind, words in WORDS.items() for word in words.split()]
)
def test_words_for_an_end_and_for_a_limit(word: str, expected: str) -> None:
    assert ending(word) == expected


@pytest.mark.parametrize("word", OTHERS.split())
def test_other_words_stay_as_they_are(word: str) -> None:
    assert ending(word) == word
