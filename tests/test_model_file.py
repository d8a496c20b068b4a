import hashlib
import json
import os
import pickle
import random
import re
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from chainrule import model_file, tensor_table
from chainrule.errors import InputError, ModelFileError
from chainrule.model_file import read_model_file, write_model_file

DOCUMENT = {"columns": ["größe", 'a "b" \\', '}"}'], "rate": 1e-3, "history": [{}, None, True]}
TENSORS = {
    "theta": np.linspace(-1, 1, 5),
    "seen": np.arange(3, dtype=np.uint8),
    "edges": np.float32([[1, 2], [3, np.inf]]),
}


CHECKSUM = slice(58, 122)  # where its digits are in every model file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def content(path):
    """The bytes of a small model file, which also lies at `path`."""
    write_model_file(path, DOCUMENT, TENSORS)
    return path.read_bytes()


def sealed(content):
    """The same bytes with the checksum that they should have: what an attacker would write."""
    zeroed = content[: CHECKSUM.start] + b"0" * 64 + content[CHECKSUM.stop :]
    digits = hashlib.sha256(zeroed).hexdigest().encode()
    return content[: CHECKSUM.start] + digits + content[CHECKSUM.stop :]


def with_header(content, change):
    """The file with `change` applied to its header, its length and checksum made right again."""
    n = int.from_bytes(content[:8], "little")
    header = change(content[8 : 8 + n])
    return sealed(len(header).to_bytes(8, "little") + header + content[8 + n :])


def refusal(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_model_file(path)
    assert repr(str(path)) in str(caught.value)
    return str(caught.value)


# -- what is written is read ----------------------------------------------------------------

plain_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**64) | st.floats(-1, 1) | plain_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_text, inner, max_size=3),
    max_leaves=9,
)
tensors = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_./\[\]-]{1,20}", fullmatch=True),
    st.sampled_from([*tensor_table.DTYPES.values(), np.dtype(">f8"), np.dtype(">i4")]).flatmap(
        lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0, max_side=4))
    ),
    max_size=4,
)


@given(st.dictionaries(plain_text, plain_data, max_size=4), tensors)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_and_the_safetensors_library_reads_it_too(path, document, tensors):
    write_model_file(path, document, tensors)
    read_document, read_tensors = read_model_file(path)
    assert json.dumps(read_document) == json.dumps(document)
    official = safetensors.numpy.load_file(path)
    assert read_tensors.keys() == official.keys() == tensors.keys()
    for name, tensor in tensors.items():
        little_endian = tensor.astype(tensor.dtype.newbyteorder("<"))
        for read in (read_tensors[name], official[name]):
            assert read.dtype == little_endian.dtype
            assert read.shape == tensor.shape
            assert read.tobytes() == little_endian.tobytes()
        assert read_tensors[name].flags.aligned
        assert not read_tensors[name].flags.writeable
    with safetensors.safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    assert json.loads(metadata["document"]) == document
    assert metadata["format"] == "chainrule"
    assert metadata["format_version"] == "1"
    assert metadata["library_version"] == version("chainrule")


def test_the_checksum_is_the_sha_256_of_the_file_with_its_own_digits_as_zeros(content):
    assert sealed(content) == content
    assert content[CHECKSUM] == re.search(rb'"checksum":"([0-9a-f]{64})"', content)[1]


def test_the_same_content_gives_the_same_bytes_in_any_order_and_layout_of_tensors(path, content):
    other = {name: np.asfortranarray(TENSORS[name]) for name in reversed(TENSORS)}
    other["theta"] = np.repeat(TENSORS["theta"], 2)[::2]
    write_model_file(path, DOCUMENT, other)
    assert path.read_bytes() == content


def test_a_tensor_that_is_copied_can_be_changed(content, path):
    _, tensors = read_model_file(path)
    with pytest.raises(ValueError, match="read-only"):
        tensors["theta"][0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        tensors["theta"].flags.writeable = True
    tensors["theta"].copy()[0] = 1


@pytest.mark.parametrize(
    ("document", "tensors", "error", "said"),
    [
        ({"a": {"b": float("nan")}}, {}, ValueError, r"document\['a'\]\['b'\] is nan"),
        ({"a": np.int64(1)}, {}, TypeError, r"document\['a'\] is of type int64"),
        ({}, {"W": np.zeros(2, complex)}, TypeError, "'W' has the dtype complex128"),
        ({}, {"W": np.zeros(2, np.float16)}, TypeError, "'W' has the dtype float16; use one of F"),
        ({}, {"W": np.array([{}])}, TypeError, "'W' has the dtype object"),
        ({}, {'"': np.zeros(2)}, ValueError, "the tensor name '\"' is not"),
        ({}, {"": np.zeros(2)}, ValueError, "the tensor name '' is not"),
        ({}, {"ß": np.zeros(2)}, ValueError, "the tensor name 'ß' is not"),
        ({}, {"a\n": np.zeros(2)}, ValueError, "the tensor name"),
        ({}, {"a" * 129: np.zeros(2)}, ValueError, "the tensor name"),
        ({}, {"__metadata__": np.zeros(2)}, ValueError, "the tensor name"),
        ({}, {"W": np.zeros((1,) * 9)}, ValueError, "'W' has more than 8 dimensions"),
        ({}, {"W": np.zeros((0, 2**46))}, ValueError, "'W' is larger than"),
        ({}, {str(i): np.zeros(0) for i in range(4097)}, ValueError, "4097 tensors are more"),
        ({"a": "x" * 2**24}, {}, InputError, r"needs 16,777,\d* bytes, and a model file holds"),
    ],
)
def test_what_the_format_does_not_hold_is_refused_when_it_is_written(
    path, content, document, tensors, error, said
):
    with pytest.raises(error, match=said):
        write_model_file(path, document, tensors)
    assert path.read_bytes() == content


def test_as_many_and_as_long_tensors_as_are_allowed_can_be_read(path):
    names = [f"{i:0128}" for i in range(tensor_table.MAX_TENSORS)]
    write_model_file(path, {}, {name: np.zeros((1, 0, 2**10) + (1,) * 5) for name in names})
    assert list(read_model_file(path)[1]) == names


def test_the_largest_document_that_is_written_can_be_read(path):
    document = {"a": "x" * (model_file.MAX_HEADER - 500)}
    write_model_file(path, document, TENSORS)
    assert read_model_file(path)[0] == document


def test_a_model_is_read_through_a_link_and_from_a_relative_path(content, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (path.parent / "link").symlink_to(path.name)
    assert read_model_file("link")[0] == DOCUMENT


# -- what is damaged is refused -------------------------------------------------------------


def test_every_flipped_bit_is_refused(path, content):
    with path.open("r+b", buffering=0) as file:
        for i, byte in enumerate(content):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), i)
                with pytest.raises(ModelFileError) as caught:
                    read_model_file(path)
                said = "is not a chainrule model" if 8 <= i < CHECKSUM.start else "is damaged"
                assert said in str(caught.value)
            os.pwrite(file.fileno(), bytes([byte]), i)
    assert read_model_file(path)[0] == DOCUMENT


def test_every_truncation_is_refused(path, content):
    for length in range(len(content)):
        said = refusal(path, content[:length])
        if length == 0:
            assert "is empty" in said
        elif length <= 8:
            assert f"has only {length} bytes" in said
        else:
            assert f"it is cut off: {length:,}" in said
    assert f"{len(content) - 1:,} of {len(content):,} bytes came" in said


@pytest.mark.parametrize("added", [b"\0", b" ", b"x" * 1000])
def test_appended_and_prepended_bytes_are_refused(path, content, added):
    assert f"has {len(content) + len(added):,} bytes" in refusal(path, content + added)
    assert "is not a chainrule model" in refusal(path, added + content)


def mutations(content, count):
    """This many files that differ from it in up to three places; the same ones every time."""
    drawn = random.Random(0)
    pieces = [b"", b"0", b"9", b'"', b",", b"{}", b"[", b"\\", b" ", b"\0", b"\xff", b"1e999"]
    pieces += [content[i : i + n] for i, n in ((8, 49), (58, 64), (100, 300), (400, 100))]
    for _ in range(count):
        mutated = bytearray(content)
        while mutated == content:
            for _ in range(drawn.randint(1, 3)):
                start = drawn.randrange(len(mutated) + 1)
                end = min(len(mutated), start + drawn.choice([0, 1, 1, 2, 8, 64]))
                mutated[start:end] = drawn.choice([*pieces, drawn.randbytes(end - start)])
        yield bytes(mutated)


def test_mutated_files_are_refused(path, content):
    for mutated in mutations(content, 2000):
        refusal(path, mutated)


def test_a_mutated_file_with_a_right_checksum_is_what_is_written_for_its_content_or_refused(
    path, content, monkeypatch
):
    n_read = 0
    for mutated in map(sealed, mutations(content, 1500)):
        path.write_bytes(mutated)
        try:
            document, tensors = read_model_file(path)
        except ModelFileError:
            continue
        n_read += 1
        written_by = re.search(rb'"library_version":"([^"]*)"', mutated)[1].decode()
        monkeypatch.setattr(model_file, "_library_version", lambda name=written_by: name)
        write_model_file(path, document, tensors)
        assert path.read_bytes() == mutated
    assert n_read > 20  # those whose tensors or versions were changed, and nothing else


LIMITS = {
    "a duplicate tensor": (rb'(,"seen":\{[^}]*\})', rb"\1\1"),
    "an unknown key": (rb"\}\}( *)$", rb'},"x":1}\1'),
    "an unknown key of a tensor": (rb'"dtype":"U8"', rb'"dtype":"U8","x":1'),
    "an unknown key of the metadata": (rb',"document"', rb',"x":"1","document"'),
    "a duplicate key of the metadata": (rb',"document"', rb',"format_version":"1","document"'),
    "a duplicate document": (rb"\}\"\}", rb'}","document":"{}"}'),
    "another key in place of the document": (rb',"document"', b',"documend"'),
    "an unknown dtype": (rb'"U8"', b'"BF16"'),
    "a dtype of another size": (rb'"U8"', b'"F32"'),
    "a gap": (rb"\[40,56\]", b"[41,57]"),
    "an overlap": (rb"\[40,56\]", b"[39,55]"),
    "offsets that disagree with the shape": (rb'"shape":\[5\]', b'"shape":[4]'),
    "a negative length": (rb'"shape":\[5\]', b'"shape":[-5]'),
    "a length that is no integer": (rb'"shape":\[5\]', b'"shape":[5.0]'),
    "a length with a leading zero": (rb'"shape":\[5\]', b'"shape":[05]'),
    "a shape with a trailing comma": (rb'"shape":\[5\]', b'"shape":[5,]'),
    "a huge length": (rb'"shape":\[5\]', b'"shape":[4611686018427387904]'),
    "a product that overflows": (rb'"shape":\[5\]', b'"shape":[4294967296,4294967296,5]'),
    "a huge length beside an empty one": (rb'"shape":\[5\]', b'"shape":[0,9223372036854775807]'),
    "too many dimensions": (rb'"shape":\[5\]', b'"shape":[5,1,1,1,1,1,1,1,1]'),
    "tensors in another order": (rb'(,"theta":\{[^}]*\})(,"edges":\{[^}]*\})', rb"\2\1"),
    "a name of another alphabet": (rb'"seen"', b'"s\xc3\xa9en"'),
    "a name with an escape": (rb'"seen"', rb'"s\\u0065en"'),
    "no padding": (rb" +$", b""),
    "more padding": (rb" *$", b" " * 16),
    "padding by other spaces": (rb"\}$|\} ", b"}\n"),
    "spaces in JSON": (rb'"dtype":', b'"dtype": '),
    "a zero format": (rb'"format_version":"1"', b'"format_version":"0"'),
    "a format that is no number": (rb'"format_version":"1"', b'"format_version":"one"'),
    "a library version with an escape": (rb'version":"[0-9.]+"', b'version":"\x1b[2J"'),
    "another encoding of the document": (rb"gr\xc3\xb6", rb"gr\\\\u00f6"),
    "bytes that are not UTF-8": (rb"gr\xc3\xb6", b"gr\xf6"),
    "an infinity": (rb"0\.001", b"1e999"),
    "NaN": (rb"0\.001", b"NaN"),
    "a duplicate key of the document": (rb'\\"rate\\"', rb'\\"columns\\":1,\\"rate\\"'),
    "a document that is a list": (rb'"document":"\{.*?\}"\}', b'"document":"[{}"}'),
    "a document of other JSON": (rb'"document":".*?\}"\}', b'"document":{"a":"}"}'),
    "a deep document": (rb"0\.001", b"[" * 100 + b"]" * 100),
    "another format": (rb'"format":"chainrule"', b'"format":"chainrul3"'),
}


@pytest.mark.parametrize("what", LIMITS)
def test_a_forged_file_with_a_right_checksum_is_refused_for(what, path, content):
    pattern, replacement = LIMITS[what]

    def change(header):
        changed, n = re.subn(pattern, replacement, header, count=1, flags=re.DOTALL)
        assert n == 1, "the forgery changed nothing"
        assert changed != header
        return changed

    assert with_header(content, bytes) == content
    said = refusal(path, with_header(content, change))
    assert "damaged" in said
    assert said.isprintable()


# -- what is foreign is named ---------------------------------------------------------------


def test_a_missing_file_is_said_with_the_nearest_name(path, content):
    with pytest.raises(ModelFileError, match=r"no such file \(did you mean 'model\.safetensors'"):
        read_model_file(path.with_name("modle.safetensors"))
    with pytest.raises(ModelFileError, match=r"no such file\."):
        read_model_file(path.with_name("xyz"))
    with pytest.raises(ModelFileError, match=r"there is no folder '.*/out'"):
        read_model_file(path.parent / "out" / "model")
    with pytest.raises(ModelFileError, match="there is no folder"):
        read_model_file(path / "model")


def test_a_folder_a_pipe_and_an_impossible_name_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="is a folder"):
        read_model_file(tmp_path)
    with pytest.raises(ModelFileError, match="is a device or a pipe"):
        read_model_file(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="is a device or a pipe"):
        read_model_file("/dev/zero")
    with pytest.raises(ModelFileError, match="not a file name"):
        read_model_file(f"{tmp_path}/nu\0ll")
    with pytest.raises(ModelFileError, match="File name too long"):
        read_model_file(tmp_path / ("x" * 256))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(path, content):
    path.chmod(0)
    with pytest.raises(ModelFileError, match="Permission denied"):
        read_model_file(path)


def test_the_files_of_other_programs_are_named(path, tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    np.save(tmp_path / "x.npy", np.zeros(3))
    for content, said in [
        (b"", "is empty; a model file was expected"),
        (b"a;b\n1;2\n" * 200, "it is text, perhaps a table; the model is named first"),
        (b"a,b", "has only 3 bytes"),
        (b"a,b\n1,2\n3,4\n", "it is text"),
        ("name\tgröße\n".encode("latin-1") * 20, "it is text"),
        ((tmp_path / "x.npz").read_bytes(), "a zip archive"),
        ((tmp_path / "x.npy").read_bytes(), "a NumPy array"),
        (pickle.dumps({"a": 1}), "a Python pickle, which is never loaded"),
        (pickle.dumps({"a": 1}, 2), "a Python pickle"),
        (safetensors.numpy.save({"a": np.zeros(3)}), "a safetensors file of another program"),
        (bytes(1000), "written by another program"),
    ]:
        said_of_it = refusal(path, content)
        assert said in said_of_it
        assert len(content) < 9 or "'chainrule train' is needed" in said_of_it


def test_a_model_that_the_safetensors_library_wrote_again_is_refused(path, content):
    with safetensors.safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    written = safetensors.numpy.save(safetensors.numpy.load_file(path), metadata)
    if written != content:  # its order of the metadata changes from run to run
        assert "not a chainrule model" in refusal(path, written) or "damaged" in refusal(
            path, written
        )


def test_a_newer_format_is_told_from_a_damaged_file(path, content):
    newer = content.replace(b'"format_version":"1"', b'"format_version":"3"')
    assert "damaged: its checksum does not match" in refusal(path, newer)
    newer = newer.replace(
        f'"library_version":"{version("chainrule")}"'.encode(), b'"library_version":"7.0rc1"'
    )
    newer = newer + b"whatever comes" * 100_000
    assert (
        f"was written by chainrule 7.0rc1 with format 3; this is chainrule {version('chainrule')}, "
        "which reads format 1: upgrade chainrule."
    ) in refusal(path, sealed(newer))


# -- what is hostile costs nothing ----------------------------------------------------------

MB = 2**20


def hostile(content, table=b"", document=b"{}"):
    """A file with a table and document of the attacker's, and everything else as it should be."""
    header = content[8 : content.index(b'"document":')]
    header += b'"document":"' + document + b'"}' + table + b"}"
    header += b" " * (-len(header) % 8)
    return sealed(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    "make",
    [
        lambda c: bytes(64 * MB),
        lambda c: b"{" * 64 * MB,
        lambda c: (64 * MB - 8).to_bytes(8, "little") + b"{" * 64 * MB,
        lambda c: (2**63).to_bytes(8, "little") + c[8:],
        lambda c: (60 * MB).to_bytes(8, "little") + c[8:] + b" " * 64 * MB,
        lambda c: hostile(c, table=b"[" * 15 * MB),
        lambda c: hostile(c, table=b',"' * (7 * MB)),
        lambda c: hostile(c, table=b',"a":{"dtype":"F64","shape":[1]' * 30_000),
        lambda c: hostile(c, table=b',"a":{"dtype":"F64","shape":[' + b"1" * MB + b"]}"),
        lambda c: hostile(
            c, table=b',"a":{"dtype":"F64","shape":[9999999],"data_offsets":[0,79999992]}'
        ),
        lambda c: hostile(c, document=b"{" + b"[" * 15 * MB),
        lambda c: hostile(c, document=b"[" * 2 * MB + b"{}"),
        lambda c: hostile(c, document=b"[" + b"0," * 7 * MB + b"{}"),
        lambda c: hostile(c, document=b'{\\"a\\":' + b"9" * 15 * MB + b"}"),
    ],
    ids=lambda make: "hostile",
)
def test_a_hostile_file_is_refused_at_once(path, content, make):
    path.write_bytes(make(content))
    took = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(ModelFileError):
            read_model_file(path)
        took.append(time.process_time() - start)
    assert min(took) < 0.5  # on a slow and busy machine; docs/decisions/0002 has the figures


EMPTY = b',"%d":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}'


@pytest.mark.parametrize(
    ("table", "document", "said"),
    [
        (EMPTY % 1 + EMPTY % 1, b"{}", "header is not what"),
        (b"".join(EMPTY % i for i in range(1000, 5097)), b"{}", "header is not what"),
        (b"", b'{\\"a\\":\\"' + b"x" * 16 * MB + b'\\"}', "announces a header of 16,77"),
    ],
    ids=["duplicate tensors", "too many tensors", "too long a header"],
)
def test_a_file_is_refused_even_if_all_is_right_but_for(path, content, table, document, said):
    path.write_bytes(hostile(content, EMPTY % 1 + EMPTY % 2, b'{\\"a\\":\\"x\\"}'))
    assert read_model_file(path)[0] == {"a": "x"}
    assert said in refusal(path, hostile(content, table, document))


def test_nothing_is_allocated_for_bytes_that_are_not_there(path, content, monkeypatch):
    monkeypatch.setattr(np, "empty", None)
    table = b',"a":{"dtype":"F64","shape":[134217728],"data_offsets":[0,1073741824]}'
    assert "cut off" in refusal(path, hostile(content, table))


def test_loading_opens_one_file_and_imports_and_executes_nothing(path, content):
    damaged = path.with_name("damaged")
    damaged.write_bytes(content[:-1] + b"x")
    script = (
        "import sys\n"
        "from chainrule.errors import ModelFileError\n"
        "from chainrule.model_file import read_model_file\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: seen.append((event, args)))\n"
        "read_model_file(sys.argv[1])\n"
        "try: read_model_file(sys.argv[2])\n"
        "except ModelFileError: pass\n"
        "print([(event, str(args[0])) for event, args in list(seen)])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, path, damaged], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str([("open", str(path)), ("open", str(damaged))])


def test_a_model_file_can_be_loaded_without_heavy_imports():
    script = "import sys, chainrule.model_file; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"scipy", "sklearn", "polars", "pickle5", "importlib.metadata"}
