"""Gives files to the warm process, and hears how reading them ended."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class WarmReaders:
    """The process of `tests.hostile.warm`, from its start to :meth:`close`."""

    def __init__(self):
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # threads do not fork
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.warm"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=os.environ | single | {"PYTHONPATH": path},
        )  # fmt: skip
        if self.process.stdout.readline() != "warm\n":
            raise RuntimeError("every reader must read its good file, see above")

    def read(self, pairs):
        """How reading each (path, reader) ended: dictionaries with `ended`, `wrong`, `bytes` and `seconds`.

        What took too much is read once more, by a process that has read nothing else: a file takes as much each time,
        whereas the peak that the system tells has been known to be that of the whole process.
        """
        ends = self._read(pairs)
        for i, end in enumerate(ends):
            if any(said.startswith("took") for said in end["wrong"]):
                ends[i] = self._read([pairs[i]])[0]
        return ends

    def _read(self, pairs):
        print(json.dumps([(str(path), reader) for path, reader in pairs]), file=self.process.stdin, flush=True)
        ends = []
        while (line := self.process.stdout.readline()) != "done\n":
            if not line:
                raise RuntimeError("the warm process must go on, got its end")
            ends.append(json.loads(line))
        return ends

    def read_class(self, hostile, folder, readers=()):
        """What is wrong, who reads and how it ended, for all files of a class and those of `readers` who get them."""
        asked = []
        for index, (wrong, data, apt) in enumerate(hostile.files()):
            path = folder / str(index)
            path.write_bytes(data)
            asked += [(wrong, path, reader) for reader in apt if not readers or reader in readers]
        ends = self.read([(path, reader) for _, path, reader in asked])
        return [
            (wrong, path.stat().st_size, reader, end)
            for (wrong, path, reader), end in zip(asked, ends, strict=True)
        ]  # fmt: skip

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
