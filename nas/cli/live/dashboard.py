"""Optuna's dashboard of a run, served to this machine alone, from memory: what it writes reaches no file."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Annotated
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from nas.cli.options import Folder, Json
from nas.cli.terminal import emit_json, say
from nas.errors import Refused

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


LOOPBACK = "127.0.0.1"
REFUSAL = b'{"reason": "nas dashboard shows a run and changes nothing in it"}'
"""What the dashboard's page shows where a button would write."""


class Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at once, and ends without waiting for them."""

    daemon_threads = True


class Silent(WSGIRequestHandler):
    """A request is no news."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


def dashboard(
    folder: Folder,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.", min=0, max=65535)] = 0,
    json: Json = False,
) -> None:
    """Optuna's dashboard of a run, in a browser on this machine, also while it trains; Ctrl-C ends it."""
    with serving(folder, port) as server:
        url = f"http://{LOOPBACK}:{server.server_port}/dashboard"
        if json:
            emit_json(url=url)
        else:
            say(url)
        say("it reads the run and can't change it; Ctrl-C ends it", err=True)
        server.serve_forever()


def serving(folder: Path, port: int = 0) -> WSGIServer:
    """The dashboard of a run, ready to serve this machine; refused where its library is absent, or the port taken."""
    from nas.storage.database import require_run

    require_run(folder)
    if find_spec("optuna_dashboard") is None:
        raise Refused(
            "the dashboard is optuna-dashboard, not installed here", hint="pip install 'nas-atlas[dashboard]'"
        )
    from optuna_dashboard import wsgi

    from nas.storage.optuna_view import view

    try:
        return make_server(LOOPBACK, port, _reading(wsgi(view(folder))), server_class=Server, handler_class=Silent)
    except OSError as error:
        raise Refused(
            f"port {port} can't be used: {error.strerror}", hint="leave --port out: a free one is taken"
        ) from None


def _reading(application: WSGIApplication) -> WSGIApplication:
    """The application without requests that would write."""

    def answer(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environment["REQUEST_METHOD"] in ("GET", "HEAD"):
            return application(environment, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [REFUSAL]

    return answer
