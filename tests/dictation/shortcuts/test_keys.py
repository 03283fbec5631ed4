"""How shortcuts are written, and which keys make one."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth.dictation.shortcuts.keys import MODIFIERS, Combination, key_named, parse_keys
from thoth.errors import InvalidOption

PARTS = st.sampled_from(["ctrl", "left ctrl", "right ctrl", "alt", "right alt", "altgr", "shift", "super"])
KEYS = st.none() | st.sampled_from(["d", "2", "plus", "minus", "space", "f9", "page up", "numpad 7", "pause", "ß", "ж"])


@st.composite
def written(draw: st.DrawFn) -> str:
    """Some shortcut as it may be written, in any order and case."""
    modifiers = draw(st.lists(PARTS, unique_by=lambda part: part.split()[-1]))
    key = draw(KEYS)
    parts = [*modifiers, *([key] if key else [])] or ["f9"]
    return draw(st.sampled_from(["+", " + "])).join(draw(st.permutations(parts)))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ctrl+alt+d", "ctrl+alt+d"),
        ("<ctrl>+<alt>+d", "ctrl+alt+d"),
        ("D+ALT+Control", "ctrl+alt+d"),
        ("F9", "f9"),
        ("right ctrl", "right ctrl"),
        ("Ctrl_R", "right ctrl"),
        ("<ctrl_l>+a", "left ctrl+a"),
        ("RightControl", "right ctrl"),
        ("super+space", "super+space"),
        ("Win + Spacebar", "super+space"),
        ("pause", "pause"),
        ("break", "pause"),
        ("alt_gr", "altgr"),
        ("shift+2", "shift+2"),
        ("ctrl++", "ctrl+plus"),
        ("+", "plus"),
        ("ctrl+plus", "ctrl+plus"),
        ("ctrl+-", "ctrl+minus"),
        ("page_up", "page up"),
        ("PgUp", "page up"),
        ("numpad 7", "numpad 7"),
        ("left", "left"),
        ("left alt+left", "left alt+left"),
        ("shift+super+ctrl+altgr+alt+ö", "ctrl+alt+altgr+shift+super+ö"),
        ("o\u0308", "ö"),
        ("left ctrl+right ctrl", "left ctrl+right ctrl"),
    ],
)
def test_a_shortcut_is_read_in_the_ways_in_which_people_write_it(text: str, normal: str) -> None:
    assert str(parse_keys(text)) == normal


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ctrl+", "lacks a key"),
        ("ctrl+alt++d", 'has "+d"'),
        ("ctl+d", 'has "ctl", which is no key. Did you mean "ctrl"?'),
        ("ctrl+f25", 'has "f25"'),
        ("ctrl alt d", "has"),
        ("a+b", "has a and b"),
        ("ctrl+control+d", "has ctrl twice"),
        ("ctrl+right ctrl", "has right ctrl twice"),
        ("d+d", "has d twice"),
        ("hyperdrive", "f1 to f24"),
        ("ctrl+\n", "lacks a key"),
        ("ctrl+\x04", "has"),
        (7, "not 7"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_part_at_fault(text: str, names: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        parse_keys(text)
    assert names in str(refused.value)


@given(written())
def test_the_normal_form_reads_as_itself(text: str) -> None:
    combination = parse_keys(text)
    assert parse_keys(str(combination)) == combination


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidOption):
        combination = parse_keys(text)
        assert parse_keys(str(combination)) == combination


@pytest.mark.parametrize(
    ("text", "held", "last", "begins"),
    [
        ("ctrl+alt+d", {"left ctrl", "left alt", "d"}, "d", True),
        ("ctrl+alt+d", {"right ctrl", "left alt", "d"}, "d", True),
        ("ctrl+alt+d", {"left ctrl", "right ctrl", "left alt", "d"}, "d", True),
        ("ctrl+alt+d", {"left ctrl", "d"}, "d", False),
        ("ctrl+d", {"left ctrl", "left alt", "d"}, "d", False),
        ("ctrl+alt+d", {"left ctrl", "left alt", "d"}, "left alt", False),
        ("ctrl+alt+d", {"left ctrl", "left alt", "x", "d"}, "d", True),
        ("right ctrl+d", {"left ctrl", "d"}, "d", False),
        ("right ctrl+d", {"left ctrl", "right ctrl", "d"}, "d", False),
        ("f9", {"f9"}, "f9", True),
        ("f9", {"left shift", "f9"}, "f9", False),
        ("right ctrl", {"right ctrl"}, "right ctrl", True),
        ("right ctrl", {"right ctrl", "d"}, "right ctrl", False),
        ("ctrl+super", {"left ctrl", "right super"}, "right super", True),
        ("alt", {"altgr"}, "altgr", False),
    ],
)
def test_it_begins_with_its_last_key_and_its_modifiers_alone(
    text: str, held: set[str], last: str, begins: bool
) -> None:
    assert parse_keys(text).begins(last, held) is begins


@pytest.mark.parametrize(
    ("one", "other", "overlap", "nested"),
    [
        ("ctrl+d", "ctrl+d", True, True),
        ("ctrl+d", "right ctrl+d", True, True),
        ("left ctrl+d", "right ctrl+d", False, False),
        ("ctrl+d", "ctrl+alt+d", False, True),
        ("ctrl", "right ctrl+alt+d", False, True),
        ("d", "ctrl+d", False, True),
        ("ctrl+d", "alt+d", False, False),
        ("ctrl+d", "ctrl+e", False, False),
        ("ctrl", "left ctrl+right ctrl", True, True),
    ],
)
def test_what_one_press_would_press_together_overlaps(one: str, other: str, overlap: bool, nested: bool) -> None:
    first, second = parse_keys(one), parse_keys(other)
    assert first.overlaps(second) is second.overlaps(first) is overlap
    assert first.is_nested_with(second) is second.is_nested_with(first) is nested


SOME_MODIFIERS = ("left ctrl", "right ctrl", "left alt", "altgr")
HELD = [set(held) for held in chain.from_iterable(combinations(SOME_MODIFIERS, size) for size in range(5))]


def begun_by(combination: Combination) -> set[tuple[frozenset[str], str]]:
    """Every way to press it on a keyboard of four modifiers and one key."""
    presses = [(held | extra, last) for held in HELD for extra in (set(), {"d"}) for last in held | extra]
    return {(frozenset(held), last) for held, last in presses if combination.begins(last, held)}


SMALL = st.builds(
    Combination,
    st.sampled_from(
        [(), ("ctrl",), ("left ctrl",), ("right ctrl",), ("left ctrl", "right ctrl"), ("ctrl", "alt"), ("altgr",)]
    ),
    st.sampled_from([None, "d"]),
).filter(lambda combination: combination != Combination((), None))


@given(SMALL, SMALL)
def test_overlap_means_that_a_press_begins_both(one: Combination, other: Combination) -> None:
    assert one.overlaps(other) is bool(begun_by(one) & begun_by(other))


@given(SMALL, st.sampled_from(HELD), st.sampled_from(["d", *SOME_MODIFIERS]))
def test_what_begins_lasts_until_one_of_its_parts_is_up(combination: Combination, held: set[str], last: str) -> None:
    held = held | {last}
    if combination.begins(last, held):
        assert combination.lasts(held)
        assert combination.lasts(held | {"x", "left super"})
        assert not combination.lasts(set())


def test_all_modifiers_of_a_keyboard_have_names_that_are_read() -> None:
    assert {key_named(name) for name in MODIFIERS} == MODIFIERS
