"""A server of PostgreSQL of the tests' own, on a socket in a temporary folder, by another user where root may not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

PROGRAMS = ("initdb", "postgres")
USER = "65534"
"""Who runs it where we are root, whom it refuses, and where users have no namespaces of their own."""


def why_none() -> str:
    """Why there can be none here; empty where there can."""
    try:
        import psycopg
    except ImportError as error:
        return str(error)
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no {absent[0]} on the PATH, {psycopg.__name__} alone is no server" if absent else ""


class Address(TypedDict):
    """Settings of a connection."""

    host: str
    user: str
    dbname: str


class Postgres:
    """A server that is started, stopped and killed as a test wants."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._disguise = _disguise()
        if f"--reuid={USER}" in self._disguise:
            os.chown(self._folder, int(USER), int(USER))
        self._process: subprocess.Popen[bytes] | None = None
        self._call("initdb", "--auth=trust", "--username=nas", "--encoding=UTF8", "--locale=C", "--no-sync").wait()
        self.start()

    @property
    def url(self) -> str:
        """Of its database."""
        return f"postgresql+psycopg://nas@/postgres?host={self._folder}"

    @property
    def address(self) -> Address:
        """The same as libpq's settings."""
        return {"host": str(self._folder), "user": "nas", "dbname": "postgres"}

    def start(self) -> None:
        """Begin to serve; returns when it does."""
        serve = ("-k", str(self._folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=30")
        self._process = self._call("postgres", *serve)
        for _ in range(600):
            with suppress(Exception):
                self.execute("SELECT 1")
                return
            time.sleep(0.05)
        raise RuntimeError((self._folder / "log").read_text())

    def stop(self, how: int = signal.SIGINT) -> None:
        """End all connections, then the server: at once, or with SIGQUIT as if the machine had failed."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement; its rows."""
        import psycopg

        with psycopg.connect(**self.address, connect_timeout=2) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _call(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        path = shutil.which(program)
        if path is None:
            raise FileNotFoundError(program)
        with (self._folder / "log").open("ab") as log:
            command = [*self._disguise, path, "-D", str(self._folder / "data"), *words]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd="/")


def _disguise() -> tuple[str, ...]:
    """What begins a command that mustn't know that we are root, if we are: a user's namespace, else another user."""
    if os.geteuid():
        return ()
    words = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
    if not subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        return words
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
