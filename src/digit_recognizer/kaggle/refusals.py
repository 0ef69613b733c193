"""What Kaggle's refusals and failures mean for the user, in sentences."""

from urllib.parse import urlsplit

from digit_recognizer.errors import OutsideError
from digit_recognizer.kaggle.credentials import SETTINGS_PAGE, home

_PAGE = "https://www.kaggle.com/competitions/{slug}"
# The sentences for a refused call, by its status.
_BY_STATUS = {
    401: "Kaggle does not accept the {credentials.kind} from {credentials.origin}: it is wrong or "
    f"expired; make a new one at {SETTINGS_PAGE} and store it there{{or_hidden}}.",
    403: "Kaggle refuses access to {slug} ({message}); accept the competition's rules at "
    f"{_PAGE}/rules and try again.",
    404: "Kaggle knows no competition {slug!r}; correct slug in the recipe's [competition] to the "
    "name in the competition's address.",
    429: "Kaggle takes no more requests for now (429); try again {when}.",
}
_FAILURE = "Kaggle fails with an error of its own ({status}); try again later."
_REFUSAL = f"Kaggle refuses the request ({{status}}: {{message}}); see {_PAGE}/submissions."
# The storage knows nobody but its addresses.
STORAGE_REFUSAL = (
    "Kaggle's storage refuses the transfer ({status}), as it does when the address it was given "
    "has expired; try again."
)
NO_SUBMISSION = (
    "Kaggle made no submission of the uploaded file ({message}); check the competition's page "
    f"{_PAGE}/submissions and upload it again."
)
WRONG_ENVIRONMENT = (
    "KAGGLE_API_ENVIRONMENT names a Kaggle that cannot be reached from here; unset it."
)
WRONG_ANSWER = (
    "The answer is not Kaggle's (a web page or broken data instead of JSON); a proxy or a "
    "network's login page may stand between: open https://www.kaggle.com in a browser, then try "
    "again."
)


class KaggleError(OutsideError):
    """Kaggle's refusal or failure in a sentence.

    Parameters
    ----------
    text : str
    may_pass : bool
        Whether the same call may succeed a little later.
    wait : float
        Seconds to wait before, if Kaggle says so.
    """

    def __init__(self, text, may_pass=False, wait=0.0):
        super().__init__(text)
        self.may_pass = may_pass
        self.wait = wait


def cleaned(text, secrets):
    """Return a text of Kaggle's on one line, not long, without the user's secrets."""
    text = " ".join((text or "").split())
    for secret in secrets:
        text = text.replace(secret, "***")
    text = text.removesuffix(".") or "no reason given"
    return text if len(text) <= 200 else f"{text[:197]}..."


def read_refusal(error):
    """Take apart the HTTPError of a refused call.

    Returns
    -------
    status : int
    message : str
        Kaggle's own.
    wait : float
        Seconds Kaggle wants to be left alone; 0 if it does not say.
    """
    response = error.response
    status, message = response.status_code, response.reason or ""
    try:
        body = response.json()
        message = str(body["message"])
        status = int(body["code"])
    except (ValueError, KeyError, TypeError, RuntimeError):
        pass  # the refusal of something before Kaggle: its status says all there is
    try:
        wait = float(response.headers.get("Retry-After", 0))
    except ValueError:  # a date
        wait = 0.0
    return status, message, wait


def explain_status(status, message, wait, slug, credentials, reference=None):
    """Make the KaggleError for a call that was refused.

    Parameters
    ----------
    status : int
    message : str
    wait : float
        As `read_refusal` returns them.
    slug : str
    credentials : Credentials
    reference : int or None
        The submission that was asked for, if it was one.
    """
    if status == 404 and reference is not None:
        return KaggleError(
            f"Kaggle knows no submission {reference}; correct kaggle_reference in the log."
        )
    may_pass = status in (408, 429) or status >= 500
    text = _BY_STATUS.get(status, _FAILURE if may_pass else _REFUSAL)
    hidden = credentials.hidden if status == 401 else None
    text = text.format(
        status=status,
        message=message,
        slug=slug,
        credentials=credentials,
        or_hidden=f", or remove it to use the credentials from {hidden}" if hidden else "",
        when=f"in {wait:.0f} seconds" if wait else "in some minutes",
    )
    return KaggleError(text, may_pass, wait)


def explain_connection(error, patience):
    """Make the KaggleError for a call that got no answer, or half of one.

    Parameters
    ----------
    error : requests.RequestException
        Its own text is not shown: it may hold a signed address.
    patience : Patience
    """
    host = urlsplit(getattr(error.request, "url", None) or "").hostname or "Kaggle"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = str(error)
    if "SSLError" in kinds:
        return KaggleError(
            f"The certificate of {host} is not trusted; check the computer's clock and the proxy."
        )
    if kinds & {"InvalidURL", "MissingSchema", "InvalidSchema", "TooManyRedirects"}:
        return KaggleError(
            f"The connection to {host} leads nowhere (its address or the proxy's is not valid); "
            f"check http_proxy and https_proxy."
        )
    if "Timeout" in kinds or "timed out" in text:
        seconds = patience.connect_seconds if "ConnectTimeout" in kinds else patience.read_seconds
        return KaggleError(
            f"{host} did not answer within {seconds:g} seconds; check the network and try again.",
            may_pass=True,
        )
    return KaggleError(
        f"The connection to {host} failed ({_reason(text)}); check the network and try again.",
        may_pass=True,
    )


def _reason(text):
    reasons = {
        "refused": "refused",
        "resolve": "its name is unknown",
        "Name or service": "its name is unknown",
        "reset": "cut off",
        "closed": "cut off",
        "Broken pipe": "cut off",
        "proxy": "at the proxy",
    }
    return next((reason for sign, reason in reasons.items() if sign in text), "cut off")


def explain_absence(otherwise=""):
    """Make the KaggleError for a user without credentials; `otherwise` is another way out."""
    if home() is None:
        remedy = f"set KAGGLE_API_TOKEN to a token of {SETTINGS_PAGE}, as there is no home folder"
    else:
        remedy = f"make a token at {SETTINGS_PAGE} and store it in ~/.kaggle/access_token"
    return KaggleError(f"There are no Kaggle credentials; {remedy}{otherwise}.")
