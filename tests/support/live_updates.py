"""What holds for the updates of every recording, and the text that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from thoth.errors import ThothError
from thoth.live.update import LiveUpdate


def said(updates: Sequence[LiveUpdate]) -> str:
    """The text as a user puts it together."""
    return "".join(update.committed for update in updates)


def read_to_error(updates: Iterable[LiveUpdate]) -> tuple[list[LiveUpdate], ThothError | None]:
    """All updates, and what iterating over them raises at its end."""
    got: list[LiveUpdate] = []
    try:
        got.extend(updates)
    except ThothError as error:
        return got, error
    return got, None


def check_updates(updates: Sequence[LiveUpdate]) -> None:
    """Of one recording, all of them, from the first to the last."""
    words = [word for update in updates for word in update.words]
    assert said(updates) == "".join(word.word for word in words).lstrip()
    utterance = 1
    for update in updates:
        assert update.utterance == utterance
        assert update.committed.split() == "".join(word.word for word in update.words).split()
        assert not (update.is_final and update.tentative)
        for gap in update.gaps:  # how much a device lost it does not tell
            assert 0 <= gap.start_s <= gap.end_s, gap
            assert gap.start_s < gap.end_s or gap.reason == "source", gap
        assert update.delay_s >= 0
        assert 0 <= update.start_s <= update.end_s
        utterance += update.is_final
    for word in words:
        assert 0 <= word.start <= word.end
        assert 0 <= word.probability <= 1
    for before, after in pairwise(words):
        assert before.end <= after.start, (before, after)
