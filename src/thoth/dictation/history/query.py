"""Which entries are asked for, as SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any, Final

from thoth.dictation.history.entry import ENTRY_STATES, ChosenState
from thoth.dictation.history.rows import storable
from thoth.dictation.states import STAGES
from thoth.errors import InvalidOption

INTERRUPTED: Final = "interrupted"


def conditions(
    states: Collection[ChosenState] | None, search: str | None, live: Collection[int]
) -> tuple[str, list[Any]]:
    """Return a WHERE clause, and what its question marks stand for. Raises InvalidOption for a state there is not.

    states: any of these; None: all. search: what occurs in one of the texts. live: the ids of the entries in work.
    """
    clauses, values = ["1"], list[Any]()
    if states is not None:
        clause, values = _of_states(states, live)
        clauses.append(clause)
    if search:
        clauses.append("(instr(folded(text), ?) OR instr(folded(raw_text), ?))")
        values += [storable(search).casefold()] * 2
    return " AND ".join(clauses), values


def add_functions(connection: sqlite3.Connection) -> None:
    """Let statements call folded(text), which makes it comparable without regard to case, in any script."""
    connection.create_function("folded", 1, str.casefold, deterministic=True)


def _of_states(states: Collection[ChosenState], live: Collection[int]) -> tuple[str, list[Any]]:
    for state in states:
        if state not in (*ENTRY_STATES, INTERRUPTED):
            raise InvalidOption(f"states takes {', '.join(ENTRY_STATES)} and {INTERRUPTED}, not {state!r}")
    plain = [state for state in states if state != INTERRUPTED]
    clause, values = f"state IN ({_marks(plain)})", list[Any](plain)
    if INTERRUPTED in states:
        clause += f" OR (state IN ({_marks(STAGES)}) AND id NOT IN ({_marks(live)}))"
        values += [*STAGES, *live]
    return f"({clause})", values


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
