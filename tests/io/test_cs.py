"""CryoSPARC's .cs and .csg files: what is read, what is refused, and in which words."""

import numpy as np
import pytest
from numpy.lib import format as npy

from triskelion.errors import DataError
from triskelion.io.cs import build_table, format_csg, join_tables, read_cs, read_csg, write_cs


def make_table(n=4, **fields):
    return build_table({"uid": np.arange(10, 10 + n, dtype=np.uint64), **fields})


def test_a_table_returns(tmp_path):
    table = make_table(**{"blob/path": np.array([b"a", b"bcd", b"", b"e"]), "ctf/tilt_A": np.arange(8, dtype=np.float32).reshape(4, 2)})
    write_cs(tmp_path / "a.cs", table)
    again = read_cs(tmp_path / "a.cs")
    assert again.dtype == table.dtype and (again == table).all()
    np.testing.assert_array_equal(np.load(tmp_path / "a.cs", allow_pickle=False), table)


def test_real_files_return(shared_dir, tmp_path):
    for path in sorted((shared_dir / "data" / "formats").glob("*.cs")):
        table = read_cs(path)
        write_cs(tmp_path / path.name, table)
        again = read_cs(tmp_path / path.name)
        assert again.dtype == table.dtype and again.tobytes() == table.tobytes() and table.tobytes() in path.read_bytes()


def test_tables_are_joined_by_uid_in_the_order_of_the_first():
    first = make_table(a=np.arange(4))
    second = make_table(6, a=-np.arange(6), b=np.arange(6) * 10)[[5, 2, 0, 4, 3, 1]]
    joined = join_tables({"first.cs": first, "second.cs": second})
    assert joined.dtype.names == ("uid", "a", "b")
    assert joined["a"].tolist() == [0, 1, 2, 3] and joined["b"].tolist() == [0, 10, 20, 30]
    with pytest.raises(DataError, match=r"first\.cs lacks 2 of the 6 particles of second\.cs, the first in row 1 \(uid 15\)"):
        join_tables({"second.cs": second, "first.cs": make_table(c=np.arange(4))})


def announce(path, descr, shape, body=b"", version=(1, 0)):
    """Write the header of an array that need not be there."""
    with path.open("wb") as file:
        write = npy.write_array_header_1_0 if version == (1, 0) else npy.write_array_header_2_0
        write(file, {"descr": descr, "fortran_order": False, "shape": shape})
        file.write(body)


@pytest.mark.parametrize(
    ("descr", "shape", "message"),
    [
        ([("uid", "<u8")], (10**15,), "cut short: its header promises 1000000000000000 rows, it holds 2"),
        ([("uid", "<u8"), ("a", "<f4", (10**9,))], (3,), "not a .cs file that can be read"),
        ([("uid", "<u8"), ("a", "<f4", (10**8,))], (30,), "cut short"),
        ([("uid", "<u8"), ("a", "|O")], (1,), "the column 'a' holds object, wanted numbers or text"),
        ([("uid", "<u8"), ("a", [("b", "<f4")])], (1,), "the column 'a' holds"),
        ([("uid", "<u8"), ("a b", "<f4")], (1,), "'a b' is no name of a column"),
        ([("a", "<f4")], (1,), "no column of uids"),
        ("<f4", (2,), "holds an array of float32, wanted a table of named columns"),
        ([("uid", "<u8")], (1, 2), "wanted a table of named columns"),
        ([("uid", "<u8")], (-1,), "not a .cs file"),
        ([("uid", "<u8")], (2,), "row 2: the uid 0 stands there twice"),
    ],
)
def test_what_is_no_table_is_refused_before_it_gets_room(tmp_path, descr, shape, message):
    announce(tmp_path / "a.cs", descr, shape, bytes(16))
    with pytest.raises(DataError, match=f"a\\.cs.*{message}"):
        read_cs(tmp_path / "a.cs")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as numpy's arrays do"),
        (b"\x95CSDAT\x01", "compressed format: save it with cryosparc-tools"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "not a .cs file that can be read"),
        (b"\x93NUMPY\x09\x00\x02\x00{}", "not a .cs file that can be read"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, "not a .cs file that can be read"),
        (b"\x93NUMPY\x02\x00\x00\x00\x08\x00" + b"-" * 2**19, "not a .cs file that can be read"),
    ],
)
def test_what_is_no_array_is_refused(tmp_path, content, message):
    (tmp_path / "a.cs").write_bytes(content)
    with pytest.raises(DataError, match=f"a\\.cs.*{message}"):
        read_cs(tmp_path / "a.cs")
    with pytest.raises(DataError, match=r"nowhere\.cs: No such file"):
        read_cs(tmp_path / "nowhere.cs")


def test_pickles_are_never_opened(tmp_path):
    class Explosive:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    np.save(tmp_path / "a.npy", np.array([Explosive()], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="holds an array"):
        read_cs(tmp_path / "a.npy")


CSG = """created: 2023-02-01 10:00:00.123456
group:
  description: All particles, with alignments
  name: particles
  title: 'All: particles'
  type: particle
results:
  alignments3D:
    metafile: '>J7_012_particles.cs'
    num_items: 4
    type: particle.alignments3D
  blob:
    metafile: J5/J5_passthrough_particles.cs
    num_items: 4
    type: particle.blob
version: v4.4.1
"""


def test_groups_name_their_files(tmp_path):
    (tmp_path / "J7").mkdir()
    (tmp_path / "J5").mkdir()
    for name in ("J7/J7_012_particles.cs", "J5/J5_passthrough_particles.cs"):
        write_cs(tmp_path / name, make_table())
    path = tmp_path / "J7" / "J7_particles.csg"
    path.write_text(CSG)
    kind, parts = read_csg(path)
    assert kind == "particle"
    assert {part: file.relative_to(tmp_path).as_posix() for part, file in parts.items()} == {
        "alignments3D": "J7/J7_012_particles.cs",
        "blob": "J5/J5_passthrough_particles.cs",
    }
    (tmp_path / "J5" / "J5_passthrough_particles.cs").unlink()
    with pytest.raises(DataError, match=r"J7_particles\.csg, line 13: there is no file J5/J5_passthrough_particles\.cs"):
        read_csg(path)
    path.write_text("group:\n  type: particle\n")
    with pytest.raises(DataError, match=r"names no \.cs file"):
        read_csg(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="it is not text"):
        read_csg(path)


def test_our_groups_are_read_back(tmp_path):
    write_cs(tmp_path / "particles.cs", make_table())
    (tmp_path / "particles.csg").write_text(format_csg("Particles of J5: 'ours'", "particle", "particles.cs", {"ctf": 4, "blob": 4}))
    kind, parts = read_csg(tmp_path / "particles.csg")
    assert kind == "particle" and parts == dict.fromkeys(("blob", "ctf"), tmp_path / "particles.cs")
