"""Writes what is dictated, word by word and command by command; see `spoken`."""

from __future__ import annotations

from typing import Final

from thoth.dictation.filters.languages.language import Command, Language
from thoth.dictation.filters.pieces import STOPS, Piece, join
from thoth.dictation.filters.sentences import ends_sentence

_MODELS_OWN: Final = ",.;:?!…—–-"
_PAUSES: Final = ",;—–-"
_LONGEST_BREAK: Final = "\n\n"
CLOSER_OF: Final = {'"': '"', "„": "“", "«": "»", "(": ")"}
"""Which mark closes what another opens; question marks are closed by themselves."""
_LIST_MARK: Final = "-"
"""What a hyphen or dash at the beginning of a line is."""


class CommandWriter:
    """The text so far, and what the next word will get: line breaks, an opening quote. One text, one thread."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._out: list[Piece] = []
        self._dictated = 0
        """How much of the last piece's closing punctuation was dictated; only the rest is the model's to take back."""
        self._breaks = ""
        self._opening = ""
        self._opened: list[str] = []
        """The closing marks of what was opened."""
        self._glued = False
        self._small = False
        self._commanded = False

    @property
    def has_something(self) -> bool:
        """Whether there is anything to take back."""
        return bool(self._out or self._breaks)

    def has_open(self, closing: str) -> bool:
        """Whether what `closing` closes was opened."""
        return closing in self._opened

    @property
    def after_break(self) -> bool:
        """Whether a line break was dictated just before."""
        return bool(self._breaks)

    @property
    def at_line_start(self) -> bool:
        """Whether the next word begins a line."""
        return bool(self._breaks) or not self._out

    @property
    def at_sentence_start(self) -> bool:
        """Whether the next word begins a line, or follows what the model took for the end of a sentence."""
        return self.at_line_start or (not self._dictated and ends_sentence(self._out[-1], self._language))

    @property
    def _blank(self) -> str:
        return " " if self._out and not self._glued else ""

    def word(self, piece: Piece) -> None:
        """Write a word as the model had it, but for what commands before it ask."""
        piece.opening = self._opening + piece.opening
        if self._breaks:
            piece.gap = self._breaks
        elif self._glued or (self._commanded and not self._out):
            piece.gap = ""
        if self._small and piece.key in self._language.small_words:
            piece.core = piece.core.lower()
        self._append(piece)

    def command(self, command: Command, first: Piece, own: str) -> None:
        """Carry `command` out; `first` is its first word, `own` the punctuation that the model put after it."""
        self._commanded = True
        match command.does:
            case "mark":
                self._mark(command.text, own)
            case "close":
                self._opened.remove(command.text)
                self._close(command.text, own)
            case "join" | "dash" if self.after_break:
                self._append(Piece(self._breaks, self._opening, "", _LIST_MARK))
            case "join":
                self._mark(command.text, own)
                self._glued = True
            case "dash":
                self._take_back(_MODELS_OWN)
                self._small = True
                self._append(Piece(self._breaks or self._blank, self._opening, command.text, ""))
            case "open":
                self._opening += command.text
                self._opened.append(CLOSER_OF.get(command.text, ""))
                self._glued = self._glued and not self._breaks
            case "break":
                self._break(command.text)
            case "delete":
                self._delete()
        if not self._out and not self._breaks and first.breaks_line:
            self._breaks = first.gap

    def text(self, tail: str) -> str:
        """Return all that was written."""
        if self._opening:
            self._append(Piece(self._breaks or self._blank, self._opening, "", ""))
        return join(self._out, self._breaks or (tail if self._out else ""))

    def _append(self, piece: Piece) -> None:
        self._out.append(piece)
        self._dictated = 0
        self._breaks = self._opening = ""
        self._glued = self._small = False

    def _mark(self, mark: str, own: str) -> None:
        if not self._out or self._breaks or self._opening:
            self._append(Piece(self._breaks, self._opening, "", ""))
        if mark == "." and self._out[-1].closing.endswith(("?", "!")):
            # "How are you? Period.": the model heard that it is a question.
            mark = ""
        else:
            self._take_back(_MODELS_OWN)
        self._add(mark)
        self._small = bool(mark) and mark not in STOPS and own.endswith(tuple(STOPS))

    def _close(self, mark: str, own: str) -> None:
        if not self._out or self._breaks or self._opening:
            self._append(Piece(self._breaks, self._opening, "", ""))
        self._take_back(_PAUSES)
        ended = self._out[-1].closing.endswith(tuple(STOPS))
        # What ends the sentence is the model's guess for the whole of it.
        stop = "" if ended else own.strip(_PAUSES)
        self._add(mark + stop)

    def _break(self, text: str) -> None:
        mark = text.rstrip("\n")
        if mark:
            self._mark(mark, "")
        elif self._out and not self._breaks:
            self._take_back(_PAUSES)
        self._breaks = (self._breaks + text[len(mark) :])[: len(_LONGEST_BREAK)]
        self._small = self._glued = False

    def _delete(self) -> None:
        if self._breaks:
            self._breaks = ""
            return
        self._opening = ""
        self._glued = self._small = False
        self._dictated = 0
        while self._out:
            last = self._out.pop()
            if last.breaks_line:
                self._breaks = last.gap if self._out else ""
                return
            if self._out and ends_sentence(self._out[-1], self._language):
                return

    def _take_back(self, marks: str) -> None:
        """Take back the model's own punctuation after the last word."""
        if self._out:
            last = self._out[-1]
            last.closing = last.closing[: self._dictated] + last.closing[self._dictated :].rstrip(marks)

    def _add(self, mark: str) -> None:
        last = self._out[-1]
        last.closing += mark
        self._dictated = len(last.closing)
