from __future__ import annotations

from typing import Any

import long_file
import pytest
from long_file import Placed

pytestmark = pytest.mark.timeout(300)

MINUTES = 20
# 20 minutes as float32 are 77 MB: under this bound they cannot have been held whole.
MOST_EXTRA_BYTES = 40_000_000


@pytest.fixture(scope="module")
def placed_and_found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Placed], dict[str, Any]]:
    path = tmp_path_factory.mktemp("long") / "long.flac"
    placed = long_file.write_long_file(path, MINUTES * 60)
    return placed, long_file.in_own_process(path)


def test_memory_stays_bounded(placed_and_found: tuple[list[Placed], dict[str, Any]]) -> None:
    _, found = placed_and_found
    assert found["duration_s"] == pytest.approx(MINUTES * 60)
    assert found["peak_rss"] - found["own_peak_rss"] < MOST_EXTRA_BYTES


def test_words_stand_in_their_places_after_long_silence(
    placed_and_found: tuple[list[Placed], dict[str, Any]],
) -> None:
    placed, found = placed_and_found
    assert len(placed) == MINUTES * 60 // long_file.GAP_S
    assert long_file.wrong_places(placed, found["segments"]) == []
