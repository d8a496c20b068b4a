"""Reading tables: any table that was written comes back, whatever the dialect."""

import codecs
import csv
import gzip
import io
import re
import string
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chainrule.errors import InputError, TableError
from chainrule.table import reading as reading_module
from chainrule.table.reading import read_table

# No NUL, which only binary files hold; no digits, for numbers may be rewritten, which has its own
# test. The characters that matter to a reader are drawn as often as all others together.
CELL = st.text(
    st.one_of(
        st.sampled_from(" ,;\t|\"\r\n'#\\.xé"),
        st.characters(codec="utf-8", exclude_characters="\0" + string.digits),
    ),
    max_size=8,
)
# The white space of Unicode; Python's own also counts four separators of ASCII.
WHITE_SPACE = "".join(
    c for c in map(chr, range(0x3001)) if c.isspace() and c not in "\x1c\x1d\x1e\x1f"
)


def stripped(cell):
    return cell.strip(WHITE_SPACE) or None


@st.composite
def tables(draw, cell=CELL):
    width = draw(st.integers(1, 4))
    names = [f"c{i}" for i in range(width)]
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=6))
    if width == 1:  # an unquoted blank cell would be a blank line, which is not read at the end
        rows = [[cell if cell.strip(" \t") else ""] for (cell,) in rows]
    return names, rows


def written(names, rows, line_end, **dialect):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, **dialect)
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def rows_or_refusal(path, **given):
    try:
        return read_table(path, **given).frame.rows()
    except TableError as refusal:
        return str(refusal)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


@settings(max_examples=400, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|:^ é"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    packed=st.booleans(),
)
@example((["c0"], [[""]]), ",", "\n", csv.QUOTE_MINIMAL, "utf-8", False)
@example((["c0", "c1"], [["\r\n", '"\n"']]), ",", "\r\n", csv.QUOTE_ALL, "utf-8", False)
def test_a_table_written_in_any_dialect_reads_back_the_same(
    path, table, delimiter, line_end, quoting, encoding, packed
):
    names, rows = table
    if line_end == "\n" and quoting == csv.QUOTE_MINIMAL:  # Python 3.11 leaves a CR unquoted there
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    if line_end == "\r" and quoting == csv.QUOTE_MINIMAL:
        rows = [[cell.replace("\n", "") for cell in row] for row in rows]
    data = written(names, rows, line_end, delimiter=delimiter, quoting=quoting).encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    read = read_table(path, delimiter=delimiter, encoding=encoding)
    assert read.frame.columns == names
    assert read.frame.rows() == [tuple(map(stripped, row)) for row in rows]


@settings(max_examples=200, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_delimiter_is_found_or_asked_for_but_never_found_wrong(path, table, delimiter, quoting):
    names, rows = table
    path.write_bytes(written(names, rows, "\r\n", delimiter=delimiter, quoting=quoting).encode())
    got = rows_or_refusal(path)
    assert "delimiter" in got or got == [tuple(map(stripped, row)) for row in rows]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('a1 ,"\r\n'), max_size=30))
@example(',"\n"')
def test_the_fast_reader_and_the_careful_one_give_the_same_table(path, text):
    path.write_bytes(("x,y\n" + text).encode())

    either = rows_or_refusal(path, delimiter=",")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_module, "_read_well_formed", lambda *_: None)
        assert rows_or_refusal(path, delimiter=",") == either


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60), st.sampled_from([b"", b"a,b\n", b"PAR1", b"\x1f\x8b\x08", b"\xff\xfe"])
)
def test_any_bytes_are_read_or_refused(path, content, start):
    path.write_bytes(start + content)
    got = rows_or_refusal(path)
    assert isinstance(got, list) or got.startswith(str(path))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_row_that_loses_or_gains_a_cell_is_refused_by_its_line(path, data):
    n, width = data.draw(st.integers(2, 30)), data.draw(st.integers(2, 5))
    row = data.draw(st.integers(1, n))
    change = data.draw(st.sampled_from([-1, 1]))
    lines = [",".join("x" * (width + change * (i == row))) for i in range(1, n + 1)]
    path.write_text("\n".join([",".join("abcde"[:width]), *lines]))
    with pytest.raises(TableError, match=rf"line {row + 1} (has|on,)"):
        read_table(path, delimiter=",")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_quotes_are_followed_from_one_block_of_bytes_to_the_next(size, monkeypatch):
    monkeypatch.setattr(reading_module, "_BYTES_AT_ONCE", size)
    assert reading_module._quotes_enclose_cells(b'"a,""b",c\n"d","e\n"\n', b",")
    assert not reading_module._quotes_enclose_cells(b'"a,"b",c\n"d","e\n"\n', b",")
    assert not reading_module._quotes_enclose_cells(b'a,"b,c\n', b",")


def test_a_large_quoted_table_with_line_ends_in_its_cells_reads_as_pythons_csv_does(path):
    rows = [[f'{i}, "so"\nsaid' * (i % 3), str(i), "x" * (i % 50)] for i in range(40_000)]
    path.write_text(written(["a", "b", "c"], rows, "\n", quoting=csv.QUOTE_ALL), newline="")
    read = read_table(path).frame.rows()
    assert read == [tuple(map(stripped, row)) for row in rows]


def test_what_was_found_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("größe;preis\n1,5;2\n2,5;3\n".encode("windows-1252"))
    read = read_table(path)
    assert (read.delimiter, read.encoding, read.decimal) == (";", "windows-1252", ",")
    notes = " / ".join(read.notes)
    for found in ("read as windows-1252, for line 1", "semicolons", "decimal commas", "'größe'"):
        assert found in notes


def test_an_ordinary_table_gives_no_notes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1.5,2\n")
    read = read_table(path)
    assert (read.delimiter, read.encoding, read.decimal, read.notes) == (",", "utf-8", ".", ())


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b",a\n0,5\n", "by their place: column_1"),
        (b"1,2\n3,4\n", "holds only numbers"),
        (b"a,b\n\n1,2\n", r"a blank line was skipped \(line 2\)"),
        (b"x;y\n1,234;a\n", "numbers like 1,234 or 1.234 in column 'x' are left"),
        (b"x;y;z\n1,234;1,5;2.5\n", "in column 'x' are left"),
        (b"x;y\n1,5;1.234\n", "points group the thousands in column 'y'"),
        (b'x,y\n"1,5",2\n', "values like 1,5 in column 'x' are left as text"),
        (b'x,y\n"1,234,567",2\n', "commas group the thousands in column 'x'"),
    ],
)
def test_what_could_surprise_is_noted(content, note, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert any(re.search(note, told) for told in read_table(path).notes)


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=20),
    delimiter=st.sampled_from(";\t|"),
    grouped=st.booleans(),
)
def test_numbers_with_a_decimal_comma_are_read_as_the_same_numbers(
    path, numbers, delimiter, grouped
):
    swap = str.maketrans(",.", ".,")
    cells = [format(number, ",.2f" if grouped else ".2f").translate(swap) for number in numbers]
    path.write_text(
        "\n".join(["x" + delimiter + "t", *(cell + delimiter + "so" for cell in cells)])
    )
    read = read_table(path)
    assert [Decimal(cell) for cell in read.frame["x"]] == numbers
    assert read.decimal == ","


@pytest.mark.parametrize(
    ("content", "given", "truth"),
    [
        (b"a;b,c\n1;2,3\n", {"delimiter": ";"}, {"a": ["1"], "b,c": ["2.3"]}),
        (b"a b\n1 2\n", {"delimiter": " "}, {"a": ["1"], "b": ["2"]}),
        (b"a b\n1 2\n", {"delimiter": ","}, {"a b": ["1 2"]}),
        (b"a\tb\n1\t2\n", {"delimiter": r"\t"}, {"a": ["1"], "b": ["2"]}),
        ("a§b\n1§2\n".encode(), {"delimiter": "§"}, {"a": ["1"], "b": ["2"]}),
        (b"x;y\n1,234;a\n", {"decimal": ","}, {"x": ["1.234"], "y": ["a"]}),
        (b"x;y\n1,234;a\n", {"decimal": "."}, {"x": ["1234"], "y": ["a"]}),
        (b"x;y\n1.234;a\n", {"decimal": ","}, {"x": ["1234"], "y": ["a"]}),
        (b'x,y\n"1,5",a\n', {"decimal": ","}, {"x": ["1.5"], "y": ["a"]}),
        ("имя,b\nя,1\n".encode("cp1251"), {"encoding": "cp1251"}, {"имя": ["я"], "b": ["1"]}),
        ("a,b\n1,2\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, {"a": ["1"], "b": ["2"]}),
        (b"\xef\xbb\xbfa,b\n1,2\n", {"encoding": "utf8"}, {"a": ["1"], "b": ["2"]}),
    ],
)
def test_what_is_given_is_used(content, given, truth, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert read_table(path, **given).frame.to_dict(as_series=False) == truth


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"delimiter": ",,"}, "',,', one character was expected"),
        ({"delimiter": ""}, "one character was expected"),
        ({"delimiter": '"'}, "cannot delimit"),
        ({"delimiter": "\n"}, "cannot delimit"),
        ({"decimal": "'"}, "give . or ,"),
        ({"encoding": "utf-9"}, "encoding 'utf-9' is not known: give for example"),
        ({"encoding": "base64"}, "encoding 'base64' is not known"),
        ({"encoding": "utf-8"}, "line 2 is not UTF-8"),
        ({"encoding": "ascii"}, "line 2 is not ascii"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(given, reason, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n\xe9,2\n")
    with pytest.raises(TableError, match=reason):
        read_table(path, **given)


def test_an_encoding_that_contradicts_the_byte_order_mark_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"a,b\n1,2\n")
    with pytest.raises(TableError, match="mark of utf-8, but the encoding was given as latin-1"):
        read_table(path, encoding="latin-1")


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path):
    (tmp_path / "penguins.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"no such file: did you mean 'penguins.csv'\?"):
        read_table(tmp_path / "Penguin.csv")
    with pytest.raises(TableError, match="no such file in"):
        read_table(tmp_path / "x.parquet")
    with pytest.raises(TableError, match="nor a folder"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "penguins.csv" / "x.csv")


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(TableError, match="this is a folder"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="cannot be read"):
        read_table(str(tmp_path / "a\0b"))
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / ("x" * 300))


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # the tests may run as root, who reads all
    with pytest.raises(TableError, match="may not be read"):
        read_table(tmp_path / "t.csv")


def test_a_parquet_table_keeps_its_types(tmp_path):
    frame = pl.DataFrame(
        {"a": [1, None], "b": [0.5, 1.5], "c": ["x", " y "], "d": [date(2024, 1, 2)] * 2}
    )
    path = tmp_path / "table.csv"  # what a file is called is not trusted
    frame.write_parquet(path)
    read = read_table(path)
    assert read.frame.to_native().equals(frame)
    assert read.frame.to_native().schema == frame.schema
    assert (read.delimiter, read.encoding, read.decimal, read.notes) == (None, None, None, ())
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_table(path).frame.to_native().equals(frame)
    assert (
        "needs no delimiter or decimal mark"
        in read_table(path, delimiter=";", decimal=",").notes[0]
    )


@pytest.mark.parametrize("cells", [[[1, 2]], [{"x": 1}], [b"x"]])
def test_a_parquet_column_of_no_single_values_is_refused_by_name(cells, tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1], "odd": cells}).write_parquet(path)
    with pytest.raises(TableError, match="column 'odd' has the type"):
        read_table(path)


def test_a_parquet_table_without_rows_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": []}).write_parquet(path)
    with pytest.raises(TableError, match="no rows"):
        read_table(path)


def test_a_damaged_parquet_table_is_refused_without_a_word_from_the_decoder(tmp_path, capfd):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [0.5, 1.5, 2.5] * 20, "b": ["x", "y", None] * 20}).write_parquet(path)
    good = path.read_bytes()
    refused = 0
    for place in range(4, len(good) - 8, 5):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        try:
            read_table(path)
        except TableError:
            refused += 1
    assert refused > 20
    assert capfd.readouterr() == ("", "")
