"""Punctuation and commands that are said: "comma", "new line", "scratch that".

A phrase is taken for a command unless its neighbours tell that it is talked about: "the comma", "a period of time".
Phrases that are said in other senses as well ("period", "colon", "dash") are in doubt left as they are: they need the
model's punctuation on both sides, another command in the text, or, for a full stop, the end of the text. Quotes and
parentheses are commands in pairs only. The punctuation that the model put around a command, as in "Hello, comma,
world.", goes with it. "Literal comma" gives the word itself.

A hyphen or dash right after "new line" begins an item of a list.

"Scratch that" takes back the last sentence: everything back to the sentence end or line break before it. Right after a
line break it takes back that break.

Not idempotent: "literal comma" becomes "comma". Time is linear in the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from thoth.dictation.filters.command_writer import CLOSER_OF, CommandWriter
from thoth.dictation.filters.kinds import Filter
from thoth.dictation.filters.languages.language import Command, Language
from thoth.dictation.filters.pieces import QUOTES, Piece, split
from thoth.dictation.filters.sentences import ends_sentence

_MARKING = ("mark", "close", "dash", "join")
_LONGEST_NOUN_PHRASE = 3
"""Words before "period" in which "the" and its like tell that it is a noun: "the long recovery period"."""


def spoken_for(language: Language) -> Filter:
    """Return the filter that carries out the commands of `language`."""
    phrases = _by_first_word(language)

    def spoken(text: str) -> str:
        pieces, tail = split(text)
        if not any(piece.key in phrases for piece in pieces):
            return text
        return _Reader(language, phrases, pieces).read(tail)

    return spoken


@dataclass(frozen=True, slots=True)
class _Found:
    """A phrase of so many words, and what it does."""

    words: int
    command: Command


_Phrases = dict[str, list[tuple[tuple[str, ...], Command]]]


def _by_first_word(language: Language) -> _Phrases:
    """Return the commands by their first word, longest first."""
    table: _Phrases = {}
    for phrase in sorted(language.commands, key=len, reverse=True):
        table.setdefault(phrase[0], []).append((phrase, language.commands[phrase]))
    return table


class _Reader:
    """Goes through the pieces of one text; used once."""

    def __init__(self, language: Language, phrases: _Phrases, pieces: list[Piece]) -> None:
        self._language = language
        self._phrases = phrases
        self._pieces = pieces
        self._keys = [piece.key for piece in pieces]
        # A text in which the model wrote no punctuation has none around its commands either.
        self._punctuated = any(piece.closing for piece in pieces)
        self._writer = CommandWriter(language)
        self._found = [self._find(at) for at in range(len(pieces))]
        self._last_close = {
            found.command.text: at for at, found in enumerate(self._found) if found and found.command.does == "close"
        }
        self._is_dictated = any(found and self._is_sure(found, at) for at, found in enumerate(self._found))

    def read(self, tail: str) -> str:
        at = 0
        while at < len(self._pieces):
            at = self._literal(at) or self._command(at) or self._word(at)
        return self._writer.text(tail)

    def _word(self, at: int) -> int:
        self._writer.word(self._pieces[at])
        return at + 1

    def _literal(self, at: int) -> int:
        """Write the words of a command that "literal" stands before; 0 if this is no such thing."""
        piece = self._pieces[at]
        if self._keys[at] not in self._language.literals or piece.closing:
            return 0
        found = self._found[at + 1] if at + 1 < len(self._found) else None
        if found is None:
            return 0
        begin, end = at + 1, at + 1 + found.words
        if self._word_before(at) in self._language.determiners:
            begin = at
        else:
            first = self._pieces[begin]
            first.gap, first.opening = piece.gap, piece.opening + first.opening
        return self._words(begin, end)

    def _words(self, begin: int, end: int) -> int:
        for word in range(begin, end):
            self._writer.word(self._pieces[word])
        return end

    def _command(self, at: int) -> int:
        found = self._found[at]
        if found is None:
            return 0
        end = at + found.words
        if not self._is_meant(found, at):
            # All of it, as a shorter command in it is not meant either: "a semi colon".
            return self._words(at, end)
        self._writer.command(found.command, self._pieces[at], self._pieces[end - 1].closing)
        return end

    def _find(self, at: int) -> _Found | None:
        """Return the longest phrase that begins here, with nothing but blanks between its words."""
        for phrase, command in self._phrases.get(self._keys[at], ()):
            end = at + len(phrase)
            if tuple(self._keys[at:end]) == phrase and self._is_whole(at, end):
                return _Found(len(phrase), command)
        return None

    def _is_whole(self, at: int, end: int) -> bool:
        parted = any(piece.closing for piece in self._pieces[at : end - 1])
        return not parted and not any(piece.opening or piece.breaks_line for piece in self._pieces[at + 1 : end])

    def _is_meant(self, found: _Found, at: int) -> bool:
        command, end = found.command, at + found.words
        if not self._fits(found, at) or not self._is_beyond_doubt(command, at, end):
            return False
        if command.does == "delete":
            return self._writer.has_something
        if command.does == "close":
            return self._writer.has_open(command.text)
        if command.does in ("dash", "join") and self._writer.after_break:
            return True
        # "Period dramas", "Dash to the shop": a mark marks something.
        return not (command.does in _MARKING and self._word_after(end) and self._writer.at_sentence_start)

    def _fits(self, found: _Found, at: int) -> bool:
        """Whether the words beside a phrase let it be a command."""
        command, end = found.command, at + found.words
        before, after = self._word_before(at), self._word_after(end)
        if self._pieces[at].opening or set(self._pieces[end - 1].closing) & set(QUOTES):
            return False
        if before in self._language.determiners or before in command.not_after or after in command.not_before:
            return False
        if command.decimal and self._is_number(before) and self._is_number(after):
            return False
        if before and found.words == 1 and not self._language.nouns_are_large and self._pieces[at].core[0].isupper():
            return False  # "Rainbow Dash"
        if command.does == "open" and (closer := CLOSER_OF.get(command.text)):
            return self._last_close.get(closer, -1) >= end
        return command.does != "dash" or end < len(self._pieces)

    def _is_sure(self, found: _Found, at: int) -> bool:
        """Whether a phrase tells, whatever the writer has made of the text before, that this text has commands."""
        command, end = found.command, at + found.words
        if command.does in ("delete", "close") or not self._fits(found, at):
            return False
        if self._word_after(end) and (at == 0 or ends_sentence(self._pieces[at - 1], self._language)):
            return False
        if command.doubtful:
            return self._is_between_marks(at, end) or (command.text == "." and self._ends_the_text(at, end))
        return not command.careful

    def _is_beyond_doubt(self, command: Command, at: int, end: int) -> bool:
        if command.doubtful:
            return self._is_dictated
        if not command.careful or not self._punctuated:
            return True
        # "New line. Scratch that.": a break that was dictated parts as well as one of the model's marks.
        if self._is_between_marks(at, end, after_break=self._writer.at_line_start):
            return True
        return self._is_dictated and command.does != "delete"

    def _is_between_marks(self, at: int, end: int, *, after_break: bool = False) -> bool:
        """Whether the model's punctuation stands on both sides."""
        before = at > 0 and (self._pieces[at - 1].closing or self._pieces[at].breaks_line or after_break)
        return bool(before and (self._pieces[end - 1].closing or end == len(self._pieces)))

    def _ends_the_text(self, at: int, end: int) -> bool:
        if end < len(self._pieces):
            return False
        if not self._punctuated:
            return True
        nouns = self._language.determiners | self._language.prepositions
        return nouns.isdisjoint(self._keys[max(0, at - _LONGEST_NOUN_PHRASE) : at])

    def _word_before(self, at: int) -> str:
        if at == 0 or self._pieces[at - 1].closing or self._pieces[at].breaks_line:
            return ""
        return self._keys[at - 1]

    def _word_after(self, end: int) -> str:
        if end >= len(self._pieces) or self._pieces[end - 1].closing or self._pieces[end].breaks_line:
            return ""
        return self._keys[end]

    def _is_number(self, key: str) -> bool:
        return key.isdigit() or key in self._language.numbers
