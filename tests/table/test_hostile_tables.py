"""Text tables as the world writes them, each with its truth: read right, or refused with a reason.

A truth is either the table (column -> cells) or words that the refusal must contain.
"""

import gzip

import pytest

from chainrule.errors import TableError
from chainrule.table.reading import read_table

AB = {"a": ["1", "3"], "b": ["2", "4"]}
EURO = {"x": ["1.5", "3.5"], "y": ["2.5", "4.25"]}

READ = {
    "plain": (b"a,b\n1,2\n3,4\n", AB),
    "no line end at the end": (b"a,b\n1,2\n3,4", AB),
    "CRLF": (b"a,b\r\n1,2\r\n3,4\r\n", AB),
    "CR alone": (b"a,b\r1,2\r3,4\r", AB),
    "mixed line ends": (b"a,b\r\n1,2\n3,4\r", AB),
    "UTF-8 mark": (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", AB),
    "UTF-8 mark before a quote": (b'\xef\xbb\xbf"a",b\n1,2\n3,4\n', AB),
    "UTF-16 little endian": ("a,b\n1,2\n3,4\n".encode("utf-16"), AB),
    "UTF-16 big endian": (b"\xfe\xff" + "a,b\n1,2\n3,4\n".encode("utf-16-be"), AB),
    "UTF-32": ("a,b\n1,2\n3,4\n".encode("utf-32"), AB),
    "gzip": (gzip.compress(b"a,b\n1,2\n3,4\n"), AB),
    "gzip in two members": (gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"), AB),
    "semicolons": (b"a;b\n1;2\n3;4\n", AB),
    "tabs": (b"a\tb\n1\t2\n3\t4\n", AB),
    "bars": (b"a|b\n1|2\n3|4\n", AB),
    "Excel's sep line": (b"sep=;\na;b\n1;2\n3;4\n", AB),
    "Excel's sep line, CRLF": (b"sep=\t\r\na\tb\r\n1\t2\r\n3\t4\r\n", AB),
    "blank lines at the end": (b"a,b\n1,2\n3,4\n\n\n\r\n  \n", AB),
    "blank lines before the header": (b"\n \r\na,b\n1,2\n3,4\n", AB),
    "blank lines between": (b"a,b\n\n1,2\n   \n3,4\n", AB),
    "spaces around cells": (b" a , b \n 1, 2\n3 ,4 \n", AB),
    "tabs around cells": (b"a,\tb\n1,2\t\n3,4\n", AB),
    "all quoted": (b'"a","b"\n"1","2"\n"3","4"\n', AB),
    "blank before a quote": (b'a, "b"\n1, "2"\n3, "4" \n', AB),
    "no-break spaces around cells": ("a,b\n1,\xa02\n3\xa0,4\n".encode(), AB),
    "decimal commas": (b"x;y\n1,5;2,5\n3,5;4,25\n", EURO),
    "decimal commas and quotes": (b'x;y\n"1,5";2,5\n"3,5";4,25\n', EURO),
    "decimal commas and tabs": (b"x\ty\n1,5\t2,5\n3,5\t4,25\n", EURO),
    "decimal comma and thousands": (
        b"x;y\n1.234,56;-0,5\n12.345.678,9;+1,25e3\n",
        {"x": ["1234.56", "12345678.9"], "y": ["-0.5", "+1.25e3"]},
    ),
    "decimal comma, whole numbers among them": (
        b"x;y\n1,5;2\n3;4\n",
        {"x": ["1.5", "3"], "y": ["2", "4"]},
    ),
    "decimal comma, missing": (
        b"x;y\n1,5;\n;NA\nn/a;2,5\n",
        {"x": ["1.5", None, "n/a"], "y": [None, "NA", "2.5"]},
    ),
    "decimal comma beside grouped thousands": (
        b"x;y\n1,5;1.234\n2,5;12.000\n",
        {"x": ["1.5", "2.5"], "y": ["1234", "12000"]},
    ),
    "decimal comma beside a date": (
        b"x;day\n1,5;01.02.2024\n2,5;02.02.2024\n",
        {"x": ["1.5", "2.5"], "day": ["01.02.2024", "02.02.2024"]},
    ),
    "decimal comma beside text": (
        b"x;t\n1,5;red, dark\n2,5;blue\n",
        {"x": ["1.5", "2.5"], "t": ["red, dark", "blue"]},
    ),
    "comma numbers in doubt": (
        b"x;y\n1,234;a\n5,678;b\n",
        {"x": ["1,234", "5,678"], "y": ["a", "b"]},
    ),
    "commas that group thousands": (
        b'x,y\n"1,234,567.5",0.5\n"12,000",1.5\n',
        {"x": ["1234567.5", "12000"], "y": ["0.5", "1.5"]},
    ),
    "a leading zero is no thousand": (
        b"x;y\n0,123;a\n0,456;b\n",
        {"x": ["0.123", "0.456"], "y": ["a", "b"]},
    ),
    "points with semicolons": (
        b"x;y\n1.234;a\n5.678;b\n",
        {"x": ["1.234", "5.678"], "y": ["a", "b"]},
    ),
    "delimiters in quotes": (b'a,b\n"1,5",x\n"y,z",w\n', {"a": ["1,5", "y,z"], "b": ["x", "w"]}),
    "other delimiter in every cell": (
        b"a,b\nx;y,1\nz,2\n",
        {"a": ["x;y", "z"], "b": ["1", "2"]},
    ),
    "quotes that fit one delimiter only": (
        b'a,b;c\n1,"x";2\n',
        {"a,b": ['1,"x"'], "c": ["2"]},
    ),
    "doubled quotes": (b'a,b\n"say ""hi""",""""\n', {"a": ['say "hi"'], "b": ['"']}),
    "line end in quotes": (
        b'a,b\n"x\ny",1\n"z\n\nw",2\n',
        {"a": ["x\ny", "z\n\nw"], "b": ["1", "2"]},
    ),
    "CRLF in quotes": (b'a,b\r\n"x\r\ny",1\r\n', {"a": ["x\r\ny"], "b": ["1"]}),
    "line end in the header": (b'"a\nunit",b\n1,2\n', {"a\nunit": ["1"], "b": ["2"]}),
    "delimiter in the header": (b'"a,b",c\n1,2\n', {"a,b": ["1"], "c": ["2"]}),
    "inches": (
        b'size,n\n5" pipe,1\n7" pipe,2\n',
        {"size": ['5" pipe', '7" pipe'], "n": ["1", "2"]},
    ),
    "one inch": (b'size,n\n"a",1\n7",2\n', {"size": ["a", '7"'], "n": ["1", "2"]}),
    "quoted blanks": (b'a,b\n"  ",1\n"",2\n', {"a": [None, None], "b": ["1", "2"]}),
    "apostrophes": (b"a,b\n'x,y'\n", {"a": ["'x"], "b": ["y'"]}),
    "backslashes": (b"a,b\nc:\\x,\\n\n", {"a": ["c:\\x"], "b": ["\\n"]}),
    "missing words stay": (
        b"country,b\nNA,NaN\nnull,None\n",
        {"country": ["NA", "null"], "b": ["NaN", "None"]},
    ),
    "zeros in front stay": (
        b"zip,b\n01234,1\n00501,2\n",
        {"zip": ["01234", "00501"], "b": ["1", "2"]},
    ),
    "long whole numbers stay": (
        b"id,b\n12345678901234567890,1\n",
        {"id": ["12345678901234567890"], "b": ["1"]},
    ),
    "hash is data": (b"#a,b\n#1,2\n# 3,4\n", {"#a": ["#1", "# 3"], "b": ["2", "4"]}),
    "formula is text": (b"a,b\n=1+1,2\n", {"a": ["=1+1"], "b": ["2"]}),
    "pandas' index": (b",a\n0,5\n1,6\n", {"column_1": ["0", "1"], "a": ["5", "6"]}),
    "unnamed in the middle": (b"a,,c\n1,2,3\n", {"a": ["1"], "column_2": ["2"], "c": ["3"]}),
    "unnamed, name taken": (b",column_1\n1,2\n", {"column_1_": ["1"], "column_1": ["2"]}),
    "delimiter at every end": (b"a,b,\n1,2,\n", {"a": ["1"], "b": ["2"], "column_3": [None]}),
    "rows of nothing": (b"a,b\n,\n1,\n,\n", {"a": [None, "1", None], "b": [None, None, None]}),
    "tabs of nothing at the end": (b"a\tb\n1\t2\n\t\n", {"a": ["1", None], "b": ["2", None]}),
    "one column": (b"a\n1\n2\n", {"a": ["1", "2"]}),
    "one column, a cell missing": (b'a\n1\n\n2\n""\n', {"a": ["1", None, "2", None]}),
    "one column of words": (b"text\nhello world\nhi\n", {"text": ["hello world", "hi"]}),
    "windows-1252": (b"caf\xe9,b\n\x80,\xfc\n", {"café": ["€"], "b": ["ü"]}),
    "UTF-8 letters": ("größe,名前\n1,ß\n".encode(), {"größe": ["1"], "名前": ["ß"]}),
    "line separators of Unicode": (
        "a,b\nx\u2028y,z\x85w\n".encode(),
        {"a": ["x\u2028y"], "b": ["z\x85w"]},
    ),
    "names that differ in case": (b"a,A\n1,2\n", {"a": ["1"], "A": ["2"]}),
    "a cell longer than csv's limit": (
        b"a,b\n" + b"x" * 200_000 + b',"1"\n',
        {"a": ["x" * 200_000], "b": ["1"]},
    ),
    "a header longer than the sample": (
        b",".join(b"%d" % i for i in range(60_000)) + b"\n" + b",".join([b"x"] * 60_000) + b"\n",
        {str(i): ["x"] for i in range(60_000)},
    ),
}

REFUSED = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n\t\n", "blank"),
    "only a UTF-8 mark": (b"\xef\xbb\xbf", "empty"),
    "header only": (b"a,b\n", "2 column names and no rows"),
    "header only, two delimiters": (b"a,b;c\n", "no rows"),
    "header and blank lines": (b"a,b\n\n \n", "no rows"),
    "empty gzip": (gzip.compress(b""), "empty"),
    "truncated gzip": (gzip.compress(b"a,b\n1,2\n" * 999)[:-9], "ends too early"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n")[:-8] + b"12345678", "gzip file is damaged"),
    "gzip of gzip": (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "gzip twice"),
    "duplicate names": (b"a,b,a\n1,2,3\n", r"'a' \(columns 1, 3\)"),
    "duplicate after stripping": (b"a, a\n1,2\n", r"'a' \(columns 1, 2\)"),
    "short row": (b"a,b,c\n1,2,3\n1,2\n", "line 3 has 2 cells, .* 3 columns"),
    "long row": (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, .* 2 columns"),
    "short row after quotes over lines": (b'a,b\n"x\ny",2\n1\n', "line 4 has 1 cell,"),
    "short row after blank lines": (b"\na,b\n\n1,2\n1\n", "line 5 has 1 cell,"),
    "short and long rows that even out": (b"a,b\n1\n1,2,3\n", "line 2 has 1 cell,"),
    "each row one too long": (b"a,b\n1,2,3\n4,5,6\n", "each row.* 3 cells, .* 2 columns: name"),
    "decimal commas unquoted": (b"a,b\n1,5,2\n2,5,3\n", "each row.* 3 cells"),
    "delimiter at every end but the header's": (b"a;b\n1;2;\n3;4;\n", "each row"),
    "a footer": (b"a,b\n1,2\nTotal: 1\n", "line 3 has 1 cell"),
    "a title": (b"Sales of 2024\n\na,b\n1,2\n", "line 3 has 2 cells"),
    "one column of sentences": (b"text\nhello, world\nhi\n", "line 2 has 2 cells, .* 1 column:"),
    "one column of decimal commas": (b"x\n1,5\n2,5\n", "1 column"),
    "one quote too few": (b'a,b\n1,"2\n3,4\n', "quote opened on line 2 is never closed"),
    "one quote too few, others follow": (
        b'a,b\n1,"2\n3,"x"\n',
        "quote opened on line 2 and closed on line 3 is followed by 'x",
    ),
    "text after a quote": (b'a,b\n"1"x,2\n', "quote opened on line 2 is followed by 'x'"),
    "backslash before a quote": (b'a,b\n"say \\"hi\\"",2\n', "opened on line 2 is followed by 'hi"),
    "quote open in the header": (b'"a,b\n1,2\n', "quote opened on line 1 is never closed"),
    "two delimiters fit": (b"a,b;c\n1,5;2\n", "both commas .* and semicolons"),
    "spaces delimit": (b"a b c\n1 2 3\n4 5 6\n", "separated by spaces"),
    "colons delimit": (b"a:b\n1:2\n", "separated by colons"),
    "UTF-8 with one bad byte": ("äöüß,b\n".encode() + b"\xff,2\n", "line 2 is not UTF-8"),
    "neither UTF-8 nor windows-1252": (b"a,b\n\x81,\x8d\n", "not UTF-8 .* not windows-1252"),
    "a NUL": (b"a,b\n1,\x002\n", "line 2 holds a NUL"),
    "UTF-16 without mark": ("a,b\n1,2\n".encode("utf-16-le"), "utf-16-le"),
    "half a UTF-16 letter": (b"\xff\xfea\x00,", "not utf-16"),
    "noise": (bytes(range(256)) * 4, "NUL"),
    "noise without NUL": (bytes(range(1, 128)) + b"\xfe\xfa", "neither text nor Parquet"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
    "xlsx": (b"PK\x03\x04....xl/workbook.xml", "Excel"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "Excel"),
    "zip": (b"PK\x03\x04....data.csv", "zip"),
    "PDF": (b"%PDF-1.7\n", "PDF"),
    "web page": (b"<!DOCTYPE html>\n<html>", "web page"),
    "JSON rows": (b'[{"a": 1, "b": 2},\n {"a": 3, "b": 4}]\n', "JSON"),
    "JSON lines": (b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "JSON"),
    "Parquet cut short": (b"PAR1\x15\x04\x15", "Parquet file ends too early"),
    "Parquet damaged": (b"PAR1" + b"\x15" * 40 + b"\x08\0\0\0PAR1", "Parquet file is damaged"),
}


@pytest.mark.parametrize(("content", "truth"), READ.values(), ids=READ)
def test_a_hostile_table_is_read_right(content, truth, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert read_table(path).frame.to_dict(as_series=False) == truth


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_is_not_sure_is_refused_with_the_reason(content, reason, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=reason) as refusal:
        read_table(path)
    assert str(refusal.value).startswith(str(path))
