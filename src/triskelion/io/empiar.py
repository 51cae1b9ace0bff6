"""EMPIAR entries over HTTPS: what files they have, by the pages that list their folders.

An entry is a folder named by its number, https://ftp.ebi.ac.uk/empiar/world_availability/10073/, which holds an XML file about it and ``data/``.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urljoin, urlsplit

from triskelion.errors import DataError, InputError
from triskelion.io.download import Patience, RemoteFile, measure_file, read_page

ADDRESS = "https://ftp.ebi.ac.uk/empiar/world_availability"
DEEPEST = 20  # folders in folders: more is a circle of links


def parse_entry(text: str) -> str:
    """Return the number of an entry written as 10073 or EMPIAR-10073.

    Raises
    ------
    InputError
        It is neither.
    """
    match = re.fullmatch(r"(?:EMPIAR-?)?(\d{4,6})", text.strip(), re.IGNORECASE)
    if match is None:
        raise InputError(f"entry is {text!r}, wanted the number of an EMPIAR entry as 10073 or EMPIAR-10073")
    return match[1]


def entry_address(entry: str, address: str = ADDRESS) -> str:
    """Return the address of the folder of an entry."""
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
        raise InputError(f"address is {address!r}, wanted one that starts with https:// (or http://)")
    return f"{address.rstrip('/')}/{parse_entry(entry)}/"


def list_files(address: str, patterns: Sequence[str] = ("*",), parallel: int = 4, patience: Patience | None = None) -> list[str]:
    """Return the paths of all files below a folder on a server that fit one of the patterns, in order.

    Only folders are looked into that can hold such files.

    Parameters
    ----------
    address : str
        Of the folder.
    patterns : sequence of str
        Paths below it, in which * stands for any characters, also slashes: ``data/*.star``; the name of a folder stands for all in it.

    Raises
    ------
    DataError
        The server cannot be reached, has no such folder, or offers a file with an impossible name.
    """
    found: list[str] = []
    folders = [""]
    with ThreadPoolExecutor(parallel) as pool:
        for _ in range(DEEPEST):
            pages = list(pool.map(lambda folder: _list_folder(address, folder, patience or Patience()), folders))
            listed = [folder + name for folder, names in zip(folders, pages, strict=True) for name in names]
            found += [path for path in listed if not path.endswith("/") and any(_fits(path, pattern) for pattern in patterns)]
            folders = [path for path in listed if path.endswith("/") and any(_may_hold(path, pattern) for pattern in patterns)]
            if not folders:
                return sorted(found)
    raise DataError(f"{address} has more than {DEEPEST} folders in one another, as {folders[0]}: name fewer of them")


def measure_files(
    address: str, paths: Sequence[str], parallel: int = 4, patience: Patience | None = None, advance: Callable[[int], None] = lambda n: None
) -> list[RemoteFile]:
    """Ask for the size of every file; ``advance`` is told of each."""
    found = []
    with ThreadPoolExecutor(parallel) as pool:
        for file in pool.map(lambda path: measure_file(path, urljoin(address, quote(path)), patience or Patience()), paths):
            found.append(file)
            advance(1)
    return found


def _fits(path: str, pattern: str) -> bool:
    pattern = pattern.lstrip("/")
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern.rstrip('/')}/*")


def _may_hold(folder: str, pattern: str) -> bool:
    """Whether files below a folder may fit: as far as the pattern is literal, both must agree."""
    literal = re.split(r"[*?\[]", pattern.lstrip("/"), maxsplit=1)[0]
    return folder.startswith(literal) or literal.startswith(folder) or folder.rstrip("/") == literal


def _list_folder(address: str, folder: str, patience: Patience) -> list[str]:
    """Return the names in a folder, those of folders with a slash behind."""
    here = urljoin(address, quote(folder))
    links = _Links()
    links.feed(read_page(here, patience))
    names = (_name_below(here, link) for link in links.found)
    return list(dict.fromkeys(name for name in names if name is not None))


def _name_below(here: str, link: str) -> str | None:
    """Return what a link calls a thing in this folder; None where it leads elsewhere: up, to other sites, to another order of the list."""
    target = urlsplit(urljoin(here, link))
    base = urlsplit(here)
    if target.query or target.netloc != base.netloc or not target.path.startswith(base.path):
        return None
    name = unquote(target.path.removeprefix(base.path))
    bare = name.removesuffix("/")
    if not bare:
        return None
    if "/" in unquote(bare) or "\\" in bare or "\0" in bare or PurePosixPath(bare).name in ("", ".", ".."):
        raise DataError(f"{here} lists {link!r}, which is no name of a file in it: refused")
    return name


class _Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what an <a> leads to."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]
