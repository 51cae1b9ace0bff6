"""Who may come in: an address that opens once, a password where there is one, and then a cookie that is signed and outlives the server."""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from triskelion.errors import DataError

LASTS_S = 30 * 24 * 3600
KEY_BYTES = 32


class Sessions:
    """Gives out tokens and cookies, and knows them again.

    Parameters
    ----------
    key : bytes
        What cookies are signed with; the same after a restart, so that open pages go on.
    scope : str
        What this server is: a cookie of another one (other port, read-only or not) is not one of this.
    password : str or None
        Opens the page where it can be reached from elsewhere; changing it ends all sessions.
    """

    def __init__(self, key: bytes, scope: str, password: str | None = None):
        self._key = hmac.digest(key, f"{scope}\0{password or ''}".encode(), "sha256")
        self._password = password
        self._token = secrets.token_urlsafe(KEY_BYTES)

    @property
    def token(self) -> str:
        """The word in the address that opens the page, once."""
        return self._token

    @property
    def has_password(self) -> bool:
        """Whether a password opens the page."""
        return self._password is not None

    def use_token(self, word: str) -> bool:
        """Say whether this is the token; if so, another takes its place."""
        is_right = hmac.compare_digest(word.encode(errors="replace"), self._token.encode())
        if is_right:
            self._token = secrets.token_urlsafe(KEY_BYTES)
        return is_right

    def knows_password(self, word: str) -> bool:
        """Say whether this is the password; how long that takes tells nothing."""
        return self._password is not None and hmac.compare_digest(word.encode(errors="replace"), self._password.encode())

    def make_cookie(self) -> str:
        """Return the value of a new cookie."""
        body = f"{int(time.time()):x}.{secrets.token_hex(8)}"
        return f"{body}.{self._sign(body)}"

    def knows_cookie(self, value: str) -> bool:
        """Say whether a cookie was given out here, not too long ago."""
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._sign(body).encode()):
            return False
        return 0 <= time.time() - int(body.partition(".")[0], 16) + 60 < LASTS_S

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(errors="replace"), hashlib.sha256).hexdigest()


def read_key(path: Path) -> bytes:
    """Return the key in a file that only its owner may read; made where there is none.

    Raises
    ------
    DataError
        Others may read it, or it is cut short.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass
    if path.stat().st_mode & 0o077:
        raise DataError(f"{path} can be read by others: remove it, and a new one is made")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise DataError(f"{path} is cut short: remove it, and a new one is made")
    return key
