"""Finding statements: by module, by id, by source and kind; and which ones correct which."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
from small_statements import FALSE, OPEN, SLIP, SLIP_MENDED, STATEMENTS, TRUE

from simulate.errors import BadInput
from theorems.registry import corrections, find, flaw, is_slip, near, registry, select, statements_of

BY_ID = {one.id: one for one in STATEMENTS}


def module(**names: object) -> ModuleType:
    """A module that assigns these names."""
    made = ModuleType("made")
    vars(made).update(names)
    return made


def test_statements_are_found_in_order() -> None:
    """Names, lists and tuples of statements are found as written; the same object under two names is one."""
    found = statements_of(
        module(a=OPEN, b=3, c=[FALSE, "x", SLIP], d=(TRUE,), e=FALSE, f={"no": SLIP_MENDED})
    )
    assert found == (OPEN, FALSE, SLIP, TRUE)


def test_an_id_is_used_once() -> None:
    """Two different statements with one id are refused by that id."""
    with pytest.raises(BadInput, match=r"two statements have the id small\.norms$"):
        statements_of(module(a=FALSE, b=replace(FALSE, title="another")))


def test_an_unknown_id_names_its_neighbours() -> None:
    """A wrong id is answered with the ids it may have meant, and with none where nothing is similar."""
    assert find("small.norms", BY_ID) is FALSE
    with pytest.raises(BadInput) as error:
        find("small.norm", BY_ID)
    assert str(error.value).startswith("no statement is called 'small.norm'; did you mean small.norms or ")
    with pytest.raises(BadInput, match=r"no statement is called '§'$"):
        find("§", BY_ID)
    assert near("Small.Opn", BY_ID).startswith("; did you mean small.open")
    assert near("", BY_ID) == ""


def test_selection() -> None:
    """Source and kind narrow a selection together, and a kind may be written with a hyphen."""
    assert select(STATEMENTS, source="901", kind="existence") == (OPEN,)
    assert select(STATEMENTS, kind="value") == (SLIP, SLIP_MENDED)
    assert select(STATEMENTS, kind="high-probability") == ()
    assert select(STATEMENTS) == STATEMENTS


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"source": "002"}, "no statement has the source '002': there are 900, 901"),
        ({"kind": "maybe"}, "no statement is of the kind 'maybe': there are universal, high probability, "),
    ],
)
def test_unknown_selections_are_refused(options: dict[str, str], line: str) -> None:
    """A source or kind that does not exist is refused with those that do."""
    with pytest.raises(BadInput) as error:
        select(STATEMENTS, **options)
    assert str(error.value).startswith(line)


def test_slips_are_told_from_false_theorems() -> None:
    """What is corrected as a typo is a slip; a wrong constant, or no correction at all, is not."""
    corrected_by = corrections(STATEMENTS)
    assert {name: [one.id for one in many] for name, many in corrected_by.items()} == {
        "small.norms": ["small.norms.corrected"],
        "small.number": ["small.number.corrected"],
    }
    assert is_slip(SLIP, corrected_by)
    assert not is_slip(FALSE, corrected_by)
    assert not is_slip(OPEN, corrected_by)
    assert (flaw(SLIP, corrected_by), flaw(FALSE, corrected_by), flaw(OPEN, corrected_by)) == (
        "typo",
        "constant",
        None,
    )
    both = [replace(SLIP_MENDED, id=repair, repair=repair) for repair in ("typo", "false", "convention")]
    assert flaw(SLIP, {SLIP.id: both}) == "false"


def test_the_registry_is_one_object() -> None:
    """The shipped statements are read once, and stand under their own ids."""
    assert registry() is registry()
    assert all(name == one.id for name, one in registry().items())
