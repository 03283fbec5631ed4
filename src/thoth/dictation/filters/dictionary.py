"""A person's own words: what is heard and what to write for it, and terms that stand for what sounds like them.

Both compare words without case and without the punctuation around them; "tot's" is "tot" with an ending that stays.
What is a spelling of the dictionary already is never changed, so that no entry can undo or repeat another.

Idempotent. Time is linear in the text, times the longest phrase of the dictionary (eight words at most).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.pieces import Piece, join, split
from thoth.dictation.filters.soundalikes import Soundalikes, letters_of

_LONGEST_PHRASE_WORDS: Final = 8
_POSSESSIVES: Final = ("'s", "’s")

_Stem = tuple[str, str]
"""A word without its possessive ending, and that ending."""


def dictionary_for(replacements: Mapping[str, str], terms: Sequence[str], floor: float) -> Filter:
    """Return the filter for these `replacements` and `terms`; for `floor` see `Soundalikes`."""
    spellings = _Spellings((*replacements.values(), *terms))
    exact = {_key(heard): text.strip() for heard, text in replacements.items()}
    # A term in another case is written as the dictionary has it, unless that is what is replaced.
    exact = {_key(term): term.strip() for term in terms} | exact
    exact.pop((), None)
    longest = min(max(map(len, exact), default=0), _LONGEST_PHRASE_WORDS)
    soundalikes = Soundalikes(terms, floor)
    first_words = frozenset(key[0] for key in exact)

    def dictionary(text: str) -> str:
        pieces, tail = split(text)
        kept = spellings.kept(pieces)
        stems = [_stem(piece.core) for piece in pieces]
        letters = [letters_of(stem) for stem, _ in stems] if soundalikes.longest_window else []
        changed: list[Piece] = []
        at = 0
        while at < len(pieces):
            room = _room(pieces, stems, kept, at, max(longest, soundalikes.longest_window))
            words, written = _exact(stems[at : at + min(room, longest)], exact, first_words)
            if not words:
                words, written = soundalikes.find(letters[at : at + room])
                written += stems[at + words - 1][1] if words else ""
            changed.append(_written(pieces[at : at + words], written) if words else pieces[at])
            at += words or 1
        return join(changed, tail)

    return dictionary


def _key(text: str) -> tuple[str, ...]:
    return tuple(piece.key for piece in split(text)[0] if piece.core)[:_LONGEST_PHRASE_WORDS]


def _word_key(core: str) -> str:
    return Piece("", "", core, "").key


def _stem(core: str) -> _Stem:
    return (core[:-2], core[-2:]) if core.endswith(_POSSESSIVES) and len(core) > 2 else (core, "")


def _room(pieces: list[Piece], stems: list[_Stem], kept: list[bool], at: int, most: int) -> int:
    """Return how many words from here may be one phrase: not kept, and nothing but blanks between them."""
    room = 0
    while room < most and at + room < len(pieces) and not kept[at + room]:
        piece = pieces[at + room]
        if not piece.core or (room and (piece.opening or piece.breaks_line)):
            break
        room += 1
        if piece.closing or stems[at + room - 1][1]:
            break
    return room


def _exact(stems: list[_Stem], exact: Mapping[tuple[str, ...], str], first_words: frozenset[str]) -> tuple[int, str]:
    """Return how many of these words are replaced, and by what; the longest phrase wins, none gives 0."""
    keys = [_word_key(stem + ending) for stem, ending in stems]
    if not keys or not first_words & {keys[0], _word_key(stems[0][0])}:
        return 0, ""
    for words in range(len(keys), 0, -1):
        stem, ending = stems[words - 1]
        for last, rest in ((keys[words - 1], ""), (_word_key(stem), ending)):
            found = exact.get((*keys[: words - 1], last))
            # "Yahoo!'s" would not be known again.
            if found is not None and (not rest or found[-1].isalnum()):
                return words, found + rest
    return 0, ""


def _written(replaced: list[Piece], written: str) -> Piece:
    return Piece(replaced[0].gap, replaced[0].opening, written, replaced[-1].closing)


class _Spellings:
    """What the dictionary writes, and where a text has it already, to the letter."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[Piece]]] = {}
        for text in texts:
            pieces = split(text.strip())[0]
            if pieces:
                self._by_first.setdefault(pieces[0].core, []).append(pieces)

    def kept(self, pieces: list[Piece]) -> list[bool]:
        """Return for each piece whether it is part of a spelling."""
        kept = [False] * len(pieces)
        for at, piece in enumerate(pieces):
            for core in {piece.core, _stem(piece.core)[0]}:
                for spelling in self._by_first.get(core, ()):
                    if _is_spelt(pieces[at : at + len(spelling)], spelling):
                        kept[at : at + len(spelling)] = [True] * len(spelling)
        return kept


def _is_spelt(pieces: list[Piece], spelling: list[Piece]) -> bool:
    if len(pieces) < len(spelling):
        return False
    last = len(spelling) - 1
    for at, (piece, spelt) in enumerate(zip(pieces, spelling, strict=True)):
        core = piece.core if piece.core == spelt.core or at < last else _stem(piece.core)[0]
        opening = piece.opening.endswith(spelt.opening) if at == 0 else piece.opening == spelt.opening
        closing = piece.closing.startswith(spelt.closing) if at == last else piece.closing == spelt.closing
        if core != spelt.core or not opening or not closing:
            return False
    return True
