"""Kaggle through its official client: the only code that talks to the network for it.

The client is `kagglesdk`, which `kaggle` brings along: importing `kaggle` itself signs in, prints
and makes folders. It repeats nothing and waits for ever; retries and time-outs are made here.
"""

import functools
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.kaggle.credentials import find_credentials
from digit_recognizer.kaggle.refusals import (
    NO_SUBMISSION,
    STORAGE_REFUSAL,
    WRONG_ANSWER,
    WRONG_ENVIRONMENT,
    KaggleError,
    cleaned,
    explain_absence,
    explain_connection,
    explain_status,
    read_refusal,
)
from digit_recognizer.kaggle.waiting import Patience

_CHUNK_SIZE = 1 << 18
# Rows of a list asked for at once; Kaggle may give fewer.
_PAGE_SIZE = 200


@dataclass(frozen=True)
class Submission:
    """A submission as Kaggle sees it; `status` is pending, complete or error, scores may be ""."""

    reference: int
    status: str
    public_score: str
    private_score: str
    description: str
    error: str


@dataclass(frozen=True)
class Limits:
    """How many submissions were made today and how many may still be made now."""

    made_today: int
    left: int


class Kaggle:
    """A competition on Kaggle, as a context that keeps its connection.

    Parameters
    ----------
    slug : str
        The competition's name in its address.
    patience : Patience
    """

    def __init__(self, slug, patience=None):
        self.slug = slug
        self.patience = patience or Patience()
        self._opened = []
        self._secrets = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        while self._opened:
            self._opened.pop().__exit__(*exception)
        self.__dict__.pop("_api", None)

    @cached_property
    def credentials(self):
        """The user's credentials, or None; nothing is sent anywhere to find them."""
        return find_credentials()

    def require_credentials(self, otherwise=""):
        """Raise KaggleError if there are none; `otherwise` is another way out to tell of.

        What is wrong with them is an InputError, before anything is asked of Kaggle.
        """
        if self.credentials is None:
            raise explain_absence(otherwise)

    def download(self, file):
        """Write the archive of the competition's files to `file`, with a bar on a terminal.

        A download that is cut goes on where it ended, unless the archive changed meanwhile.

        Parameters
        ----------
        file : binary file
            Empty, open for writing.
        """
        seen = None

        def attempt():
            nonlocal seen
            response = self._api.download_data_files(self._request("download_data_files"))
            version, begun = response.headers.get("ETag"), file.tell()
            if begun and version and version == seen:
                url = response.url
                response.close()
                response = self._storage(
                    "GET", url, headers={"Range": f"bytes={begun}-", "If-Range": version}
                )
            seen = version
            with response:
                if response.status_code != 206:
                    file.seek(0)
                    file.truncate()
                self._save(response, file)

        self._patiently(attempt)

    def limits(self):
        """Ask how many submissions are left; returns Limits."""
        answer = self._call("get_submission_limits")
        return Limits(answer.num_today, answer.num_allowed_now)

    def upload(self, name, content, message):
        """Upload a submission, once, whatever answers are lost on the way.

        Parameters
        ----------
        name : str
            The file's name at Kaggle.
        content : bytes
        message : str
            The description at Kaggle.

        Returns
        -------
        reference : int
            The number of the submission at Kaggle.
        """
        known = {submission.reference for submission in self.submissions()}
        token = self._patiently(lambda: self._store(name, content))
        request = self._request(
            "create_submission", blob_file_tokens=token, submission_description=message
        )
        attempts = 0

        def attempt():
            nonlocal attempts
            attempts += 1
            # An answer that was lost may have been about a submission that was made.
            made = self.submissions() if attempts > 1 else []
            for submission in made:
                if submission.reference not in known and submission.description == message:
                    return submission.reference
            answer = self._api.create_submission(request)
            if not answer.ref:
                why = self._clean(answer.message)
                raise KaggleError(NO_SUBMISSION.format(message=why, slug=self.slug))
            return answer.ref

        return self._patiently(attempt)

    def submission(self, reference):
        """Ask for one submission by its reference; returns Submission."""
        return _submission(self._call("get_submission", ref=reference), self._clean)

    def submissions(self):
        """All submissions of the user to the competition, newest first, as Submission."""
        return [
            _submission(one, self._clean) for one in self._pages("list_submissions", "submissions")
        ]

    def leaderboard(self):
        """The teams' scores, best first, as the leaderboard spells them."""
        return [row.score or "" for row in self._pages("get_leaderboard", "submissions")]

    def _pages(self, method, attribute):
        page = ""
        while True:
            answer = self._call(method, page_size=_PAGE_SIZE, page_token=page)
            yield from getattr(answer, attribute)
            if answer.next_page_token in (None, "", page):
                return
            page = answer.next_page_token

    def _call(self, method, **values):
        request = self._request(method, **values)
        return self._patiently(lambda: getattr(self._api, method)(request), values.get("ref"))

    def _request(self, method, **values):
        from kagglesdk.competitions.types import competition_api_service

        name = "".join(word.capitalize() for word in method.split("_"))
        request = getattr(competition_api_service, f"Api{name}Request")()
        if hasattr(request, "competition_name"):
            request.competition_name = self.slug
        for key, value in values.items():
            setattr(request, key, value)
        return request

    @cached_property
    def _api(self):
        """The client's part for competitions, signed in."""
        # The client's warnings would go to the user's standard error.
        logging.getLogger("kagglesdk").setLevel(logging.CRITICAL)
        found = self.credentials
        token = found.token
        if token is None and found.refresh_token is not None:
            token = self._renewed(found.refresh_token)
        self._secrets = [secret for secret in (found.key, token) if secret]
        client = self._open(token, found.key and (found.username, found.key))
        return client.competitions.competition_api_client

    def _renewed(self, refresh_token):
        from kagglesdk import KaggleCredentials

        self._secrets = [refresh_token]
        login = KaggleCredentials(self._open(), refresh_token=refresh_token)
        return login.generate_access_token().token

    def _open(self, token=None, key=None):
        from kagglesdk import KaggleClient

        try:
            # Without a token the client would look for one itself, in files that are not in use.
            client = KaggleClient(api_token=token or "none").__enter__()
        except Exception as error:
            # The client has no kind of its own for it.
            raise KaggleError(WRONG_ENVIRONMENT) from error
        self._opened.append(client)
        session = client.http_client()._session
        if token is None:
            session.auth = key
        # The client hands no time-out to its session, and has no setting for it.
        session.send = functools.partial(session.send, timeout=self._timeout)
        return client

    @property
    def _timeout(self):
        return (self.patience.connect_seconds, self.patience.read_seconds)

    def _store(self, name, content):
        """Put the file into Kaggle's storage; returns the token to submit it by."""
        request = self._request("start_submission_upload", file_name=name)
        request.content_length = len(content)
        request.last_modified_epoch_seconds = int(time.time())
        answer = self._api.start_submission_upload(request)
        self._storage("PUT", answer.create_url, data=content).close()
        return answer.token

    def _storage(self, method, url, **options):
        """Talk to Kaggle's storage, whose addresses are signed: the credentials stay away."""
        import requests

        response = requests.request(method, url, stream=True, timeout=self._timeout, **options)
        if not response.ok:
            with response:
                response.raise_for_status()
        return response

    def _save(self, response, file):
        from requests import exceptions
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress

        if "text/html" in response.headers.get("Content-Type", ""):
            raise ValueError("a page, not an archive")
        total = file.tell() + int(response.headers.get("Content-Length", 0)) or None
        console = Console(stderr=True)
        columns = (*Progress.get_default_columns(), DownloadColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(f"{self.slug}.zip", total=total)
            try:
                for chunk in response.iter_content(_CHUNK_SIZE):
                    file.write(chunk)
                    bar.update(task, completed=file.tell())
            except exceptions.RequestException as error:
                # It does not say itself whom it was about.
                error.request = response.request
                raise

    def _patiently(self, action, reference=None):
        """Return what `action` returns; repeat it while its failures are of the passing kind."""
        self.require_credentials()
        pauses = self.patience.pauses()
        for left in reversed(range(self.patience.retries + 1)):
            try:
                with self._explaining(reference):
                    return action()
            except KaggleError as failure:
                pause = max(next(pauses), failure.wait)
                if not failure.may_pass or not left or pause > self.patience.longest_pause:
                    raise
            self.patience.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _explaining(self, reference):
        """Turn the client's exceptions, and none of ours, into KaggleError."""
        from requests import exceptions

        try:
            yield
        except (InputError, OutsideError):
            raise
        except exceptions.HTTPError as error:
            status, message, wait = read_refusal(error)
            if status < 429 and "/v1/" not in error.response.url:
                raise KaggleError(STORAGE_REFUSAL.format(status=status), may_pass=True) from error
            known = (self.slug, self.credentials, reference)
            raise explain_status(status, self._clean(message), wait, *known) from error
        except (exceptions.InvalidJSONError, exceptions.ContentDecodingError) as error:
            raise KaggleError(WRONG_ANSWER) from error
        except exceptions.RequestException as error:
            raise explain_connection(error, self.patience) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What the client raises when an answer is not the JSON it should be.
            raise KaggleError(WRONG_ANSWER) from error

    def _clean(self, text):
        return cleaned(text, self._secrets)


def _submission(answer, clean):
    return Submission(
        reference=answer.ref,
        status=answer.status.name.lower(),
        public_score=answer.public_score or "",
        private_score=answer.private_score or "",
        description=answer.description or "",
        error=clean(answer.error_description),
    )
