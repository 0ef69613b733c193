"""A Kaggle on this machine: the calls that the client makes, scored submissions, faults on demand.

It is reached as a proxy: the client asks it for ``http://localhost/api/…``. It may be started as a
program for trials by hand: ``python tests/kaggle/kaggle_server.py archive.zip labels.csv``.
"""

import base64
import contextlib
import csv
import io
import json
import socket
import struct
import sys
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

# Signed addresses, and the call that makes tokens.
_OPEN_CALLS = ("blob", "storage", "GenerateAccessToken")
TOKEN = "KGAT_0123456789abcdef0123456789abcdef"
REFRESH_TOKEN = "refresh-0123456789abcdef"
USERNAME = "ada"
KEY = "fedcba9876543210fedcba9876543210"


@dataclass
class Fault:
    """What goes wrong with a call, so many times.

    Parameters
    ----------
    kind : {"status", "cut", "html", "stall", "redirect", "garbage", "lost"}
        "cut" ends the connection after the share `at` of the body; "lost" does the work and ends
        the connection in place of the answer.
    """

    kind: str
    status: int = 500
    message: str = "Internal error"
    headers: dict = field(default_factory=dict)
    at: float = 0.5
    url: str = ""
    times: int = 10**6


class KaggleServer(ThreadingHTTPServer):
    """A competition with an archive of data and the labels that score submissions.

    Parameters
    ----------
    slug : str
    archive : bytes
        What is downloaded.
    labels : dict of str to str
        The right label for each id.
    """

    daemon_threads = True

    def __init__(self, slug="digit-recognizer", archive=b"", labels=None, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.slug, self.archive, self.labels = slug, archive, labels or {}
        self.faults = {}
        self.calls = []  # name and headers of each request
        self.submissions = []
        self.blobs, self.lengths = {}, {}
        self.allowed_today = 5
        self.pending_polls = 1
        self.page_size = 2
        self.error = ""
        self.create_answers_ref = True
        self.after_create = lambda: None
        self.teams = [("first", "1.0"), ("second", "0.5"), ("third", "0.25")]
        self.released = threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.released.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing of connections that the client or a fault has ended."""

    def fail(self, call, kind, **values):
        """Let a call (a method's name, "storage" or "blob") fail."""
        self.faults[call] = Fault(kind, **values)

    def count(self, call):
        """How often a call was made."""
        return sum(name == call for name, _ in self.calls)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def score(self, content):
        """Share of right labels, as Kaggle spells it; None for a file that is no submission."""
        if content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(archive.namelist()[0])
        rows = list(csv.reader(io.StringIO(content.decode())))[1:]
        if [row[0] for row in rows] != list(self.labels):
            return None
        right = sum(self.labels[row[0]] == row[1] for row in rows)
        return f"{right / len(rows):.5f}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        self._serve(urlsplit(self.path).path.rsplit("/", 1)[-1])

    def do_PUT(self):
        self._serve("blob")

    def do_GET(self):
        self._serve("storage")

    def _serve(self, call):
        server = self.server
        server.calls.append((call, dict(self.headers)))
        fault = server.faults.get(call)
        if fault is not None and fault.times > 0:
            fault.times -= 1
        else:
            fault = None
        length = int(self.headers.get("Content-Length", 0))
        if fault and fault.kind == "cut" and call == "blob":
            self.rfile.read(int(length * fault.at))
            return self._reset()
        self.body = self.rfile.read(length)
        if fault and fault.kind not in ("cut", "lost"):
            return self._fail(fault)
        if call not in _OPEN_CALLS and not self._is_signed_in():
            return self._json({"code": 401, "message": f"Unauthenticated {KEY} {TOKEN}"}, 401)
        self.cut_at = fault.at if fault and fault.kind == "cut" else None
        self.is_lost = bool(fault and fault.kind == "lost")
        getattr(self, f"_{call}")(json.loads(self.body) if call[0].isupper() else None)

    def _is_signed_in(self):
        basic = base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()
        return self.headers.get("Authorization") in (f"Bearer {TOKEN}", f"Basic {basic}")

    def _fail(self, fault):
        if fault.kind == "status":
            body = {"code": fault.status, "message": fault.message}
            return self._json(body, fault.status, fault.headers)
        if fault.kind == "html":
            return self._send(b"<html>Log in to the network</html>", 200, "text/html")
        if fault.kind == "garbage":
            return self._send(b'{"ref": ', 200, "application/json")
        if fault.kind == "redirect":
            return self._send(b"", 302, "text/plain", {"Location": fault.url})
        self.server.released.wait(30)  # a stall
        return self._reset()

    def _reset(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def _json(self, value, status=200, headers=None):
        self._send(json.dumps(value).encode(), status, "application/json", headers)

    def _send(self, body, status, kind, headers=None):
        if getattr(self, "is_lost", False):
            return self._reset()
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut_at = getattr(self, "cut_at", None)
        if cut_at is None:
            self.wfile.write(body)
            return None
        self.wfile.write(body[: int(len(body) * cut_at)])
        self.wfile.flush()
        self.close_connection = True
        return None

    def _refuses(self, request):
        if request["competitionName"] == self.server.slug:
            return False
        self._json({"code": 404, "message": "Not found"}, 404)
        return True

    def _DownloadDataFiles(self, request):
        if not self._refuses(request):
            url = f"{self.server.address}/storage/{self.server.slug}.zip?signature=secret"
            self._send(b"", 302, "text/plain", {"Location": url})

    def _storage(self, _):
        archive, begun, status = self.server.archive, 0, 200
        headers = {"ETag": f'"{hash(archive)}"', "Accept-Ranges": "bytes"}
        if "Range" in self.headers and self.headers["If-Range"] == headers["ETag"]:
            begun, status = int(self.headers["Range"][len("bytes=") : -1]), 206
            headers["Content-Range"] = f"bytes {begun}-{len(archive) - 1}/{len(archive)}"
        self._send(archive[begun:], status, "application/zip", headers)

    def _GetSubmissionLimits(self, request):
        if not self._refuses(request):
            made = len(self.server.submissions)
            allowed = max(0, self.server.allowed_today - made)
            self._json({"numToday": made, "numTotal": made, "numAllowedNow": allowed})

    def _StartSubmissionUpload(self, request):
        if not self._refuses(request):
            now = time.time()
            if abs(int(request["lastModifiedEpochSeconds"]) - now) > 1e6 or not request["fileName"]:
                self._json({"code": 400, "message": "Bad file"}, 400)
                return
            token = f"blob-{len(self.server.blobs) + 1}"
            self.server.lengths[token] = int(request["contentLength"])
            self.server.blobs[token] = None
            self._json({"token": token, "createUrl": f"{self.server.address}/blob/{token}"})

    def _blob(self, _):
        token = urlsplit(self.path).path.rsplit("/", 1)[-1]
        is_whole = len(self.body) == self.server.lengths[token]
        self.server.blobs[token] = self.body
        self._send(b"", 200 if is_whole else 400, "text/plain")

    def _CreateSubmission(self, request):
        if self._refuses(request):
            return
        if not self.server.create_answers_ref:
            self._json({"message": "Could not submit to competition", "ref": 0})
            return
        score = self.server.score(self.server.blobs[request["blobFileTokens"]])
        error = self.server.error or ("" if score else "The ids are wrong")
        submission = {
            "ref": 1001 + len(self.server.submissions),
            "description": request.get("submissionDescription", ""),
            "error": error,
            "score": "" if error else score,
            "polls": 0,
        }
        self.server.submissions.append(submission)
        self.server.after_create()
        self._json({"message": "Successfully submitted", "ref": submission["ref"]})

    def _GetSubmission(self, request):
        for submission in self.server.submissions:
            if submission["ref"] == request["ref"]:
                submission["polls"] += 1
                self._json(self._shown(submission))
                return
        self._json({"code": 404, "message": "Not found"}, 404)

    def _shown(self, submission):
        shown = {"ref": submission["ref"], "description": submission["description"]}
        if submission["polls"] <= self.server.pending_polls:
            return shown | {"status": "PENDING"}
        if submission["error"]:
            return shown | {"status": "ERROR", "errorDescription": submission["error"]}
        return shown | {"status": "COMPLETE", "publicScore": submission["score"]}

    def _GenerateAccessToken(self, request):
        if request["refreshToken"] != REFRESH_TOKEN:
            self._json({"code": 401, "message": f"Unknown {request['refreshToken']}"}, 401)
            return
        self._json({"token": TOKEN, "expiresIn": 3600})

    def _ListSubmissions(self, request):
        if not self._refuses(request):
            shown = [self._shown(one) for one in reversed(self.server.submissions)]
            self._paged(request, shown)

    def _GetLeaderboard(self, request):
        if not self._refuses(request):
            rows = [{"teamName": name, "score": score} for name, score in self.server.teams]
            self._paged(request, rows)

    def _paged(self, request, rows):
        begun = int(request.get("pageToken") or 0)
        end = begun + self.server.page_size
        more = str(end) if end < len(rows) else ""
        self._json({"submissions": rows[begun:end], "nextPageToken": more})


def _main(archive, labels, port="8765"):
    rows = csv.reader(Path(labels).read_text().splitlines()[1:])
    server = KaggleServer(archive=Path(archive).read_bytes(), labels=dict(rows), port=int(port))
    print(f"http_proxy={server.address} KAGGLE_API_TOKEN={TOKEN}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
