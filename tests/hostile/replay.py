"""Files that the fuzzer found: what showed a fault, and of the others those that are small in an archive.

They lie in one archive for each target, so that a checkout does not have thousands of tiny files.
"""

import re
import zipfile
from pathlib import Path

from tests.hostile.targets import TARGETS

CORPUS = Path(__file__).resolve().parent / "corpus"


def place(folder, target):
    """Where the files of a target lie in a folder."""
    return folder / re.sub(r"\W+", "-", target)


def kept(target):
    """The files of a target, as the fuzzer made them."""
    path = place(CORPUS, target).with_suffix(".zip")
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def keep(target, folder):
    """Put the files of a folder into the archive of a target; the same files make the same archive."""
    CORPUS.mkdir(exist_ok=True)
    with zipfile.ZipFile(
        place(CORPUS, target).with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9
    ) as archive:
        for number, data in enumerate(sorted(path.read_bytes() for path in folder.iterdir())):
            archive.writestr(zipfile.ZipInfo(str(number)), data, zipfile.ZIP_DEFLATED, 9)


def pairs(target, folder):
    """Write the files of a target to a folder, and return each path with the reader that reads it."""
    reader, make = TARGETS[target]
    found = []
    for number, data in enumerate(kept(target)):
        path = folder / str(number)
        path.write_bytes(make(data))
        found.append((path, reader))
    return found
