"""Arrays and a JSON document in one safetensors file that knows whether it is as it was written."""

import hashlib
import json

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

# safetensors reads headers of 100 MB, in which a text of JSON may take twice its length.
MAX_CHARACTERS = 49_000_000
# What values of another kind than was written can lead to.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SafetensorError,
    TypeError,
    ValueError,
)


def pack(kind: str, version: int, arrays: dict[str, np.ndarray], document: dict) -> bytes:
    """A safetensors file with the document, signed, as JSON in its metadata.

    JSON is Python's: floats to the last bit, integers of any size, NaN and Infinity.

    Parameters
    ----------
    kind : str
        Key of the metadata, and what messages call the file.
    version : int
        Of the document.
    arrays : dict of str to ndarray
    document : dict
        Plain values.

    Raises
    ------
    ValueError
        If the document is larger than safetensors reads.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps({"version": version} | document)
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"The description of the {kind} takes {len(text) / 1e6:,.0f} MB, and a safetensors "
            f"file has room for {MAX_CHARACTERS / 1e6:,.0f}; shorten the names of features and "
            "classes, or store it with joblib.dump."
        )
    # As the last entry of the text: to make it twice would cost more than all the rest.
    signed = f'{text.removesuffix("}")}, "sha256": "{_digest(arrays, text)}"}}'
    return safetensors.numpy.save(arrays, metadata={kind: signed})


def unpack(
    kind: str, version: int, content: bytes, name: str = "This"
) -> tuple[dict[str, np.ndarray], dict]:
    """Read what `pack` made; no code from the bytes is run.

    Parameters
    ----------
    kind : str
    version : int
        The one that is known.
    content : bytes
    name : str
        What messages call it.

    Returns
    -------
    arrays : dict of str to ndarray
    document : dict

    Raises
    ------
    ValueError
        If the bytes are truncated, altered, something else, or of another version.
    """
    refusal = f"{name} is no saved {kind}, or a damaged one"
    try:
        arrays = safetensors.numpy.load(content)
        # The header is JSON behind its length in 8 bytes.
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        metadata = json.loads(header).get("__metadata__", {})
        if kind not in metadata:
            raise ValueError("no such entry in its metadata")
        document = json.loads(metadata[kind])
        found, digest = document["version"], document.pop("sha256")
        is_whole = digest == _digest(arrays, json.dumps(document))
    except MALFORMED as error:
        raise ValueError(f"{refusal}: {error}.") from error
    if isinstance(found, int) and found > version:
        raise ValueError(
            f"{name} has format version {found}, newer than {version}, the one known here; "
            "update digit-recognizer."
        )
    if not is_whole or found != version:
        raise ValueError(f"{refusal}: its checksum differs.")
    del document["version"]
    return arrays, document


def _digest(arrays, text):
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()
