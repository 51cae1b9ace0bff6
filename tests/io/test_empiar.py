"""What files an entry has, from pages as servers write them."""

import pytest
from tests.io.archive_server import serve_archive

from triskelion.errors import DataError, InputError
from triskelion.io.download import Patience
from triskelion.io.empiar import entry_address, list_files, measure_files, parse_entry

PATIENCE = Patience(attempts=2, first_wait_s=0.005)
FILES = ("10073.xml", "data/shiny.star", "data/rawdata/one stack.mrcs", "data/rawdata/m#1%.mrcs", "data/movies/a.tif")
# a list as Apache writes it: links that sort it, one to the parent, one to another site
PAGE = b"""<html><head><title>Index of /10073</title></head><body><h1>Index of /10073</h1><table>
<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=S;O=A">Size</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td><td>-</td></tr><tr><td><a href="https://www.ebi.ac.uk/">EBI</a></td></tr>
<tr><td><a href="a%20b.star">a b.star</a></td><td>1.2M</td></tr><tr><td><a href="/10073/./c.xml">c.xml</a></td><td>2K</td></tr>
</table></body></html>"""


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """Address of an entry and the faults of its server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in FILES:
        path = tmp_path / "10073" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    with serve_archive(tmp_path) as (address, faults):
        yield entry_address("EMPIAR-10073", address), faults


@pytest.mark.parametrize("text", ["10073", "EMPIAR-10073", " empiar-10073 ", "EMPIAR10073"])
def test_entries_are_read(text):
    assert parse_entry(text) == "10073"
    assert entry_address(text) == "https://ftp.ebi.ac.uk/empiar/world_availability/10073/"


@pytest.mark.parametrize("text", ["", "EMD-1832", "../10073", "10073/data"])
def test_what_is_no_entry_is_refused(text):
    with pytest.raises(InputError, match="wanted the number of an EMPIAR entry"):
        parse_entry(text)


@pytest.mark.parametrize("address", ["ftp.ebi.ac.uk/empiar", "file:///etc", "https://"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InputError, match="starts with https"):
        entry_address("10073", address)


def test_all_files_of_all_folders_with_their_sizes(entry):
    address, _ = entry
    paths = list_files(address, patience=PATIENCE)
    assert paths == sorted(FILES)
    files = measure_files(address, paths, patience=PATIENCE)
    assert [(file.path, file.size_bytes) for file in files] == [(name, len(name)) for name in sorted(FILES)]


def test_patterns_choose_and_other_folders_are_not_looked_into(entry):
    address, faults = entry
    assert list_files(address, ("*.star",), patience=PATIENCE) == ["data/shiny.star"]
    faults.seen.clear()
    assert list_files(address, ("data/rawdata/*",), patience=PATIENCE) == sorted(FILES[2:4])
    assert (
        list_files(address, ("data/rawdata/",), patience=PATIENCE) == list_files(address, ("/data/rawdata",), patience=PATIENCE) == sorted(FILES[2:4])
    )
    assert not any("movies" in path for _, path, _ in faults.seen)
    assert list_files(address, ("*.xml", "data/movies"), patience=PATIENCE) == ["10073.xml", "data/movies/a.tif"]
    assert list_files(address, ("nothing/*",), patience=PATIENCE) == []


def test_a_page_of_apache(entry):
    address, faults = entry
    faults.page = PAGE
    assert list_files(address, patience=PATIENCE) == ["a b.star", "c.xml"]


@pytest.mark.parametrize("link", ["..%2f..%2fetc", "a%2Fb", "a%252Fb", "a%5cb", "x%00", "%2e%2e"])
def test_names_that_lead_out_of_the_folder_are_refused(entry, link):
    address, faults = entry
    faults.page = f'<a href="{link}">x</a>'.encode()
    with pytest.raises(DataError, match="no name of a file"):
        list_files(address, patience=PATIENCE)


def test_links_up_are_not_followed(entry):
    address, faults = entry
    faults.page = b'<a href="../">up</a><a href="../../etc/passwd">x</a><a href="//other.org/10073/b">y</a><a href="ok.star">z</a>'
    assert list_files(address, patience=PATIENCE) == ["ok.star"]


def test_circles_of_folders_end(entry):
    address, faults = entry
    faults.page = b'<a href="again/">again</a>'
    with pytest.raises(DataError, match="more than 20 folders"):
        list_files(address, patience=PATIENCE)


def test_an_entry_that_is_not_there(entry):
    address, faults = entry
    with pytest.raises(DataError, match=r"404 .*check entry and address"):
        list_files(address.replace("10073", "99999"), patience=PATIENCE)
    faults.busy = 1
    assert len(list_files(address, patience=PATIENCE)) == len(FILES)
