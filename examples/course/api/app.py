"""The course's api: says whether it reaches PostgreSQL and Redis, by speaking a few words of their protocols.

Only Python's standard library, so that no packages are downloaded. GET / answers 200 if both are there, else 503;
GET /healthz says only that the api itself runs.
"""

import json
import os
import signal
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_SECONDS = 2


def ask_postgres():
    """Knocks as a client does: an empty SSL request, then the startup packet. Needs no password to get an answer."""
    host = os.environ.get("POSTGRES_HOST", "postgres")
    user = os.environ.get("POSTGRES_USER", "postgres")
    database = os.environ.get("POSTGRES_DB", user)
    with socket.create_connection((host, 5432), TIMEOUT_SECONDS) as connection:
        connection.sendall(struct.pack("!ii", 8, 80877103))
        if connection.recv(1) == b"S":
            return "answers, and offers TLS"
        names = f"user\0{user}\0database\0{database}\0\0".encode()
        connection.sendall(struct.pack("!ii", 8 + len(names), 196608) + names)
        answer = connection.recv(1024)
    # "R" asks for a password or lets in; "E" is an error, whose fields are separated by zeros.
    if answer[:1] != b"R":
        raise OSError(answer[5:].decode(errors="replace").replace("\0", " ").strip() or "closed the connection")
    return "answers, and asks for a password" if answer[5:9] != b"\0\0\0\0" else "answers, and lets in"


def ask_redis():
    """Says PING, and counts the visits, so that something is stored."""
    host = os.environ.get("REDIS_HOST", "redis")
    with socket.create_connection((host, 6379), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"PING\r\nINCR visits\r\nQUIT\r\n")
        answer = b"".join(iter(lambda: connection.recv(1024), b"")).decode()
    if not answer.startswith("+PONG\r\n:"):
        raise OSError(answer.strip() or "closed the connection")
    return f"answers; visits so far: {answer.split()[1].lstrip(':')}"


def check(ask):
    """Turns an answer or an error into what goes into the JSON."""
    try:
        return {"ok": True, "detail": ask()}
    except OSError as error:
        return {"ok": False, "detail": str(error)}


class Handler(BaseHTTPRequestHandler):
    """Answers / and /healthz."""

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"ok": True})
        elif self.path == "/":
            result = {"hostname": socket.gethostname(), "postgres": check(ask_postgres), "redis": check(ask_redis)}
            self.answer(200 if result["postgres"]["ok"] and result["redis"]["ok"] else 503, result)
        else:
            self.answer(404, {"error": "there are only / and /healthz"})

    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        if self.path != "/healthz":
            super().log_request(code, size)


if __name__ == "__main__":
    # The first process of a container ignores signals that it has no handler for; `down` would wait in vain.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("api listens on port 8000")
    ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
