"""Ada brings files of every kind; no line of them is lost silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm.errors import Problems
from crm.imports import mapping
from crm.imports.tables import Rejected, Row, Table


def table(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> Table:
    path = tmp_path / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return Table(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_ada_brings_a_file_from_any_office_program(tmp_path: Path, encoding: str) -> None:
    read = table(tmp_path, "E-mail;Name\nada@example.com;Ada Muñoz\n", encoding)
    assert read.header == ["E-mail", "Name"]
    assert list(read) == [Row(2, ["ada@example.com", "Ada Muñoz"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    read = table(tmp_path, f"a{delimiter}b\n1{delimiter}2\n")
    assert list(read) == [Row(2, ["1", "2"])]


def test_a_cell_may_hold_quotes_commas_and_line_breaks(tmp_path: Path) -> None:
    read = table(tmp_path, 'a,b\n"x, ""y""","one\ntwo"\nz,5" pipe\nz,7" pipe\n')
    assert list(read) == [
        Row(2, ['x, "y"', "one\ntwo"]), Row(4, ["z", '5" pipe']), Row(5, ["z", '7" pipe']),
    ]  # fmt: skip


def test_a_quote_left_open_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = list(table(tmp_path, 'a,b\n1,"open\n' + "".join(f"{n},x\n" for n in range(500))))
    assert isinstance(rows[0], Rejected)
    assert (rows[0].line, rows[0].code) == (2, "open_quote")
    assert len(rows) == 501
    assert all(isinstance(row, Row) for row in rows[1:])


def test_broken_lines_are_named_with_their_number_and_reason(tmp_path: Path) -> None:
    content = b"a,b\n1,2,3\n1\n\n1,\x00\nok,ok\n" + b"x" * 70_000 + b",\xff\n"
    rows = list(table(tmp_path, content))
    assert [(row.line, row.code) for row in rows if isinstance(row, Rejected)] == [
        (2, "ragged_row"), (3, "ragged_row"), (5, "nul"), (7, "encoding"),
    ]  # fmt: skip
    assert [row for row in rows if isinstance(row, Row)] == [Row(6, ["ok", "ok"])]


def test_a_huge_cell_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = list(table(tmp_path, "a,b\n1," + "y" * 10_000_000 + "\n2,z\n"))
    assert [type(row).__name__ for row in rows] == ["Rejected", "Row"]


@pytest.mark.parametrize(("content", "code"), [("", "empty_file"), ("a,a\n", "doubled_column"), ('"a\n', "open_quote")])
def test_a_file_without_a_header_says_so(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(Problems) as caught:
        table(tmp_path, content)
    assert caught.value.problems[0].code == code


def test_a_mapping_names_every_mistake_at_once(tmp_path: Path) -> None:
    read = table(tmp_path, "E-mail,Name\n")
    with pytest.raises(Problems) as caught:
        mapping.parse({"email": "Mail", "nonsense": "Name"}, read, mapping.FIELDS)
    assert {problem.pointer: problem.code for problem in caught.value.problems} == {
        "/email": "unknown_column", "/nonsense": "unknown_target",
    }  # fmt: skip
    with pytest.raises(Problems, match="recognised"):
        mapping.parse({"given_name": "Name"}, read, mapping.FIELDS)
    assert mapping.parse({"email": "e-mail"}, read, mapping.FIELDS).traces == {"email": 0}
