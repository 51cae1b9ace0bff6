"""What a build adds: the files of others that the page in the browser uses, taken from npm's packages without npm and without Node.

``package.json`` names the packages, their versions and the files to take; ``package-lock.json`` holds the sha512 of each package, which is checked.
The registry is the one npm would use: ``npm_config_registry``, a ``registry=`` line in .npmrc, else what npm itself says, where it is installed.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "src/triskelion/web/static/third_party"
TIMEOUT_S = 60
LARGEST_BYTES = 64 * 2**20


class ThirdPartyFiles(BuildHookInterface):
    """Puts the files into the tree before the build, and into the wheel though git ignores them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what is missing.

        Parameters
        ----------
        version : str
            ``editable`` for ``pip install -e``, which goes on without the files: only ``triskelion serve`` needs them.

        Raises
        ------
        OSError
            The registry cannot be reached, and this is not an editable install.
        ValueError
            A package is not the one that was locked.
        """
        root = Path(self.root)
        build_data["artifacts"].append(f"/{FOLDER}/")
        try:
            install_files(root)
        except (OSError, HTTPException) as error:
            if version != "editable":
                raise
            self.app.display_warning(f"files of the page could not be fetched ({error}): for 'triskelion serve', install again with a network")


def install_files(root: Path) -> None:
    """Make the folder of third-party files what package.json and the lock say; nothing to do where it is already."""
    taken = json.loads((root / "package.json").read_text())["take"]
    locked = json.loads((root / "package-lock.json").read_text())["packages"]
    wanted = {
        name: {"files": files, **{key: locked[f"node_modules/{name}"][key] for key in ("version", "integrity")}} for name, files in taken.items()
    }
    folder = root / FOLDER
    stamp = folder / "packages.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == wanted:
        return
    contents = {path: data for name, package in wanted.items() for path, data in fetch_files(name, package).items()}
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    stamp.write_text(json.dumps(wanted, indent=1) + "\n")


def fetch_files(name: str, package: dict[str, Any]) -> dict[str, bytes]:
    """Fetch one package, check that it is the locked one, and return the files to take by their new names."""
    address = f"{find_registry()}{name}/-/{name.split('/')[-1]}-{package['version']}.tgz"
    with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
        tarball = answer.read(LARGEST_BYTES)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if integrity != package["integrity"]:
        raise ValueError(f"{address} has {integrity}: package-lock.json wants {package['integrity']}")
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        return {path: read_member(archive, f"package/{member}") for member, path in package["files"].items()}


def read_member(archive: tarfile.TarFile, member: str) -> bytes:
    """Return the bytes of one file of a package."""
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"{member} is no file")
    return file.read()


def find_registry() -> str:
    """Return the address of the registry, with a slash at its end.

    Raises
    ------
    OSError
        None is named, and npm is not there to ask.
    ValueError
        It is not reached by https.
    """
    named = next((value for key, value in os.environ.items() if key.lower() == "npm_config_registry" and value), None)
    for settings in (Path(".npmrc"), Path.home() / ".npmrc"):
        if named is None and settings.is_file():
            lines = (line.partition("=") for line in settings.read_text().splitlines())
            named = next((value.strip() for key, _, value in lines if key.strip() == "registry"), None)
    registry = (named or ask_npm()).rstrip("/") + "/"
    if not registry.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise ValueError(f"the registry {registry} is not reached by https: set npm_config_registry")
    return registry


def ask_npm() -> str:
    """Return the registry that npm would use."""
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("no registry of npm packages is known here: set npm_config_registry to its address, or install npm")
    try:
        asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except subprocess.SubprocessError as error:
        raise OSError(f"npm does not say which registry it uses ({error}): set npm_config_registry to its address") from error
    return asked.stdout.strip()
