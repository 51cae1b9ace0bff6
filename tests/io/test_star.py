"""Reading and writing STAR loses nothing; the starfile package is the oracle."""

import numpy as np
import pytest
import starfile
from hypothesis import given
from hypothesis import strategies as st

from triskelion.errors import DataError, InputError
from triskelion.io.star import StarTable, quote, read_star, split_line, write_star


def star_files(shared_dir):
    return [*sorted((shared_dir / "data" / "formats").glob("*.star")), shared_dir / "data" / "fsc" / "postprocess.star"]


def means(text, value):
    """Whether starfile's value (text, number, or NaN for empty text in a column of numbers) is this text."""
    if isinstance(value, str):
        return text == value
    return np.isnan(value) if text == "" else float(text) == value


def test_real_files_agree_with_starfile(shared_dir):
    for path in star_files(shared_dir):
        expected = starfile.read(path, always_dict=True, parse_as_string=[])
        tables = read_star(path)
        assert list(tables) == list(expected), path.name
        for name, table in tables.items():
            frame = expected[name]
            labels = list(frame) if isinstance(frame, dict) else list(frame.columns)
            assert list(table.columns) == labels, path.name
            for label in labels:
                values = [frame[label]] if isinstance(frame, dict) else frame[label].tolist()
                assert all(means(*pair) for pair in zip(table.columns[label], values, strict=True)), (path.name, name, label)


def test_every_value_of_real_files_returns(shared_dir, tmp_path):
    for path in star_files(shared_dir):
        tables = read_star(path)
        write_star(tmp_path / "again.star", tables)
        again = read_star(tmp_path / "again.star")
        assert list(again) == list(tables)
        for name, table in tables.items():
            assert again[name].is_loop == table.is_loop
            assert list(again[name].columns) == list(table.columns)
            for label, column in table.columns.items():
                np.testing.assert_array_equal(again[name].columns[label], column)


def test_variants_that_other_readers_stumble_over(tmp_path):
    path = tmp_path / "odd.star"
    path.write_bytes(
        b"# a comment\ndata_ # another\n\nloop_\n_a #1\n_b\n"
        b"  data_1/x.mrc   1#2 # three\n\xb5m\xc3\xa9.mrc\t\"it's\"\n\n_under.mrc [1,2]\n''  $z'\n"
        b"data_second\r\n_k v\r\n"
    )
    tables = read_star(path)
    assert tables[""].columns["a"].tolist() == ["data_1/x.mrc", "\udcb5mé.mrc", "_under.mrc", ""]
    assert tables[""].columns["b"].tolist() == ["1#2", "it's", "[1,2]", "$z'"]
    assert not tables["second"].is_loop
    write_star(tmp_path / "again.star", tables)
    assert read_star(tmp_path / "again.star")[""].columns["a"].tolist() == tables[""].columns["a"].tolist()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12))
def test_any_value_returns(value):
    try:
        written = quote(value)
    except InputError:
        assert "'" in value and '"' in value
    else:
        assert split_line(f" {written}\t{written} # comment") == [value, value]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "line 1.*not a STAR file"),
        ("", "not a STAR file"),
        ("data_a\nloop_\n_x\n_y\n1 2\n3\n", r"data_a, row 2 \(line 6\): 1 values for 2 columns"),
        ("data_a\nloop_\n_x\n_x\n1 2\n", "_x stands there twice"),
        ("data_a\n_x 1\ndata_a\n_x 2\n", "line 3: a second block data_a"),
        ("data_a\n_x 1\nloop_\n_y\n1\n", "line 3: wanted '_label value'"),
    ],
)
def test_broken_files_are_named_with_line(tmp_path, text, message):
    (tmp_path / "broken.star").write_text(text)
    with pytest.raises(DataError, match=f"broken.star.*{message}"):
        read_star(tmp_path / "broken.star")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.star: No such file"):
        read_star(tmp_path / "nowhere.star")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.star"
    write_star(path, {"a": StarTable({"x": np.array(["1"])})})
    before = path.read_bytes()
    with pytest.raises(InputError, match="line break"):
        write_star(path, {"a": StarTable({"x": np.array(["1\n2"])})})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.star"]
