"""Loops: the model says the same words again and again.

Only what hardly anybody says is taken for a loop: one word eight times in a row, two or three words five times, four
to twenty words three times. "I love you, I love you, I love you" and "hip hip hooray" stay. Numbers never are a loop:
"zero zero zero zero" is dictated. What stays is the first turn, with the punctuation of the last one.

Not idempotent in contrived cases, where a loop taken out of another leaves a third. Time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thoth.dictation.filters.languages.language import words as words_of
from thoth.dictation.filters.pieces import Piece, join, split

_LONGEST_PHRASE_WORDS: Final = 20
_NUMBERS: Final = words_of(
    """
    zero oh o one two three four five six seven eight nine ten hundred thousand million double triple point
    null eins zwei zwo drei vier fünf sechs sieben acht neun zehn hundert tausend komma punkt
    zéro un deux trois quatre cinq sept huit neuf dix cent mille virgule
    cero uno dos tres cuatro cinco seis siete ocho nueve diez cien mil coma punto
    """
)


def repeats(text: str) -> str:
    """Return `text` with each loop reduced to one turn."""
    pieces, tail = split(text)
    count = len(pieces)
    keys = _keys(pieces)
    for words in range(1, min(_LONGEST_PHRASE_WORDS, count // 3) + 1):
        dropped = _further_turns(keys, words)
        if dropped:
            pieces = _without(pieces, dropped)
            keys = _keys(pieces)
    return join(pieces, tail) if len(pieces) < count else text


def _keys(pieces: list[Piece]) -> list[str]:
    """Return the words as they are compared; what is none is empty, and like no other."""
    return [piece.key if _is_word(piece.core) else "" for piece in pieces]


def _turns_of_a_loop(words: int) -> int:
    return {1: 8, 2: 5, 3: 5}.get(words, 3)


def _further_turns(keys: list[str], words: int) -> list[tuple[int, int]]:
    """Return the stretches that loops of so many `words` are too long."""
    least = (_turns_of_a_loop(words) - 1) * words
    dropped = []
    for begin, run in _runs(keys, words):
        if run >= least and not all(_is_number(key) for key in keys[begin - words : begin]):
            # The rest of a turn may begin what comes next.
            dropped.append((begin, begin + run // words * words))
    return dropped


def _runs(keys: list[str], words: int) -> Iterator[tuple[int, int]]:
    """Yield where words are the same as so many `words` before, and how many in a row are."""
    begin = run = 0
    for at, (before, key) in enumerate(zip(keys, keys[words:], strict=False), start=words):
        if not key or key != before:
            continue
        if run and at == begin + run:
            run += 1
            continue
        if run:
            yield begin, run
        begin, run = at, 1
    if run:
        yield begin, run


def _without(pieces: list[Piece], dropped: list[tuple[int, int]]) -> list[Piece]:
    kept: list[Piece] = []
    done = 0
    for begin, end in dropped:
        kept += pieces[done:begin]
        kept[-1].closing = pieces[end - 1].closing
        done = end
    return kept + pieces[done:]


def _is_word(core: str) -> bool:
    return core.isalnum() or any(character.isalnum() for character in core)


def _is_number(key: str) -> bool:
    return key in _NUMBERS or key.isdigit()
