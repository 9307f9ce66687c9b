"""What the fuzzer gives its bytes to: every reader, and some behind a wrapping that its changes do not get through."""

import zipfile

from tests.hostile.arrays import npz
from tests.hostile.pickles import archive, legacy
from tests.hostile.readers import READERS

WITHIN = {
    "a pickle in a zip of torch": ("load", archive),
    "a pickle in torch's old layout": ("load", legacy),
    "an array in an archive": ("directions", lambda data: npz({"directions.npy": data}, zipfile.ZIP_STORED)),
    "a pickle of training in a zip": ("checkpoint of GLO", archive),
}
TARGETS = {name: (name, bytes) for name in READERS} | WITHIN
