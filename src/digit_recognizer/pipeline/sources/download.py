"""The competition's files from Kaggle: downloaded aside, checked, then put in their places."""

import shutil
import zipfile
import zlib
from pathlib import Path

from digit_recognizer.errors import InputError, OutsideError, quoted
from digit_recognizer.files import explain_write, replacing
from digit_recognizer.pipeline.data.data_file import leaves_folder
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.runs.scratch import scratch_folder


def download_data(kaggle, folder, competition):
    """Download the competition's archive and put its files into a folder.

    Files of these names are replaced only after all of the new ones were checked. There need not be
    a sample submission.

    Parameters
    ----------
    kaggle : Kaggle
    folder : str or Path
        Made if need be.
    competition : Competition

    Raises
    ------
    OutsideError
        If the download fails or what comes is damaged; the folder is as before.
    InputError
        If the folder cannot be written to.
    """
    folder = Path(folder)
    kaggle.require_credentials(f", or put the competition's files into {folder}")
    names = (competition.train_file, competition.test_file, competition.sample_submission_file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(".download-", folder) as aside:
            archive = aside / "archive.zip"
            with replacing(archive) as file:
                kaggle.download(file)
            _unpack(archive, aside, names, competition)
            archive.unlink()
            _check(aside, competition)
            for name in [name for name in names if (aside / name).exists()]:
                (aside / name).replace(folder / name)
    except OSError as error:
        raise explain_write(folder, error) from error


def _unpack(archive, target, names, competition):
    page = f"https://www.kaggle.com/competitions/{competition.slug}/data"
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.namelist()
            for name in members:
                if leaves_folder(name):
                    raise OutsideError(
                        f"Kaggle's archive has a member {quoted(name)} outside of its own folder; "
                        f"nothing was unpacked: download the files by hand from {page}."
                    )
            for name in names:
                if name not in members:
                    if name == competition.sample_submission_file:
                        continue
                    raise OutsideError(
                        f"Kaggle's archive lacks {name}; correct the names of the files in the "
                        f"recipe's [competition] to those on {page}."
                    )
                with opened.open(name) as member, replacing(target / name) as file:
                    shutil.copyfileobj(member, file, 1 << 20)
    except OutsideError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # RuntimeError: a password, or a compression that Python does not know.
        raise OutsideError(
            f"Kaggle's archive came damaged ({error}); nothing was changed: run the command again, "
            f"or download the files by hand from {page}."
        ) from error


def _check(folder, competition):
    try:
        load_data(folder, competition)
    except InputError as error:
        text = str(error).replace(f"{folder}/", "").removesuffix(".")
        raise OutsideError(
            f"The files from Kaggle are not those of the recipe's [competition] ({text}); nothing "
            f"was changed: correct the recipe."
        ) from error
