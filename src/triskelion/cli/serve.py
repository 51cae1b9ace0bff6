"""``triskelion serve``: the browser's server, on this machine and for one person unless told otherwise."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from triskelion.errors import InputError

PASSWORD_VARIABLE = "TRISKELION_PASSWORD"
HERE = "127.0.0.1"

app = typer.Typer()


@app.command()
def serve(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Projects, or folders with projects; this folder.", show_default=False)
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", metavar="FOLDER", help="Where data to import may lie; as often as wanted.", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option("--host", help=f"Where to listen; anywhere else than here wants a password ({PASSWORD_VARIABLE}).")] = HERE,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="HOST", help="A name by which browsers call this server.", show_default=False)
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", metavar="", help="Show everything, change nothing.")] = False,
) -> None:
    """Work in the browser: jobs, plots, maps, regions, masks. Stop it with Ctrl-C; jobs go on."""
    from triskelion.runners.host import HostPaths
    from triskelion.web.app import Serving
    from triskelion.web.roots import Workplace
    from triskelion.web.running import make_server
    from triskelion.web.sessions import Sessions, read_key

    password = read_password(host)
    workplace = Workplace(folders or [Path(".")], data or ())
    listening = listen(host, port)
    port = listening.getsockname()[1]
    sessions = Sessions(read_key(HostPaths.here().browser_key), f"{port} {read_only}", password)

    def print_address(what: str) -> None:
        typer.echo(f"{what}: http://{name_address(host)}:{port}/" + ("" if password else f"?token={sessions.token}"))

    own_names = [] if is_here(host) else [host, socket.gethostname(), socket.getfqdn()]
    serving = Serving(
        workplace,
        sessions,
        port=port,
        hosts=frozenset(each.lower() for each in [*(name or ()), *own_names]),
        any_number=not is_here(host),
        read_only=read_only,
        tell_of_entry=lambda: print_address("opened; for another browser"),
    )
    server = make_server(serving)
    count = len(workplace.projects)
    typer.echo(f"{count} project{'' if count == 1 else 's'} in {', '.join(map(str, workplace.folders))}")
    print_address("open" if password else "open this address, it works once")
    server.serve_until_stopped(listening)
    typer.echo("stopped; jobs go on")


def read_password(host: str) -> str | None:
    """Return the password that opens the page, and forget it where jobs would inherit it.

    Raises
    ------
    InputError
        The page could be reached from elsewhere, and there is none.
    """
    password = os.environ.pop(PASSWORD_VARIABLE, None) or None
    if password is None and not is_here(host):
        raise InputError(f"{host} can be reached from other machines: set {PASSWORD_VARIABLE}, or leave --host out and come through ssh -L")
    return password


def is_here(host: str) -> bool:
    """Say whether an address is this machine's own, which no other reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def name_address(host: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]" if ":" in host else socket.gethostname() if host == "0.0.0.0" else host


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    InputError
        Another program does, or there is no such address.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"cannot listen at {host}, port {port} ({error.strerror}): choose another with --port") from None
