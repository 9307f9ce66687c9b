"""What the interpreter does while a file is read: anything that runs, connects, imports or writes is told."""

import os
import re
import site
import sys
from dataclasses import dataclass, field

RUNS = re.compile(
    r"exec|marshal\.|os\.(exec|posix_spawn|spawn|system|fork|forkpty|startfile|kill|putenv)|subprocess\.|pty\.|"
    r"pickle\.|code\.__new__|function\.__new__|ctypes\.|socket\.|ftplib\.|http\.|urllib\.|smtplib\.|webbrowser\.|"
    r"import|cpython\.run|sys\.(addaudithook|setprofile|settrace)|shutil\.(unpack|make)|signal\.|syslog\."
)
TOUCHES = {
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate",
    "os.utime", "os.listdir", "os.scandir", "os.chdir", "shutil.rmtree", "shutil.copyfile", "shutil.move",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Watch:
    """An audit hook; it stays for the life of the process, and looks only while `on`.

    Attributes:
        folder: The only one in which files may be written, and where the file lies that is read.
        seen: What was done that reading a file should not.
    """

    folder: str = "/nonexistent"
    on: bool = False
    seen: list[str] = field(default_factory=list)

    def install(self):
        ours = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, *site.getsitepackages(), os.getcwd())}
        self.readable = tuple(f"{path}{os.sep}" for path in ours if path != os.sep)
        sys.addaudithook(self._hook)
        return self

    def _hook(self, event, arguments):
        if not self.on:
            return
        self.on = False  # what is done in here is not looked at
        try:
            if said := self._wrong(event, arguments):
                self.seen.append(said)
        finally:
            self.on = True

    def _wrong(self, event, arguments):
        told = f"{event} {str(arguments)[:100]}"
        if event == "compile":  # a tree of literals, as headers of arrays are read, is not run
            frame = sys._getframe(2)
            return "" if frame.f_code.co_filename.endswith(f"{os.sep}ast.py") else told
        if event == "open":
            path, _, flags = arguments
            inside = self._lies(path, (f"{self.folder}{os.sep}",))
            return "" if inside or (not flags & WRITING and self._lies(path, self.readable)) else told
        if event in TOUCHES:
            in_open_folder = event in ("os.remove", "os.rmdir") and arguments[1] >= 0  # the opening was looked at
            return "" if in_open_folder or self._lies(arguments[0], (f"{self.folder}{os.sep}",)) else told
        return told if RUNS.match(event) else ""

    @staticmethod
    def _lies(path, folders):
        if isinstance(path, int):  # a file that is open already
            return True
        path = os.path.realpath(os.fsdecode(path))
        return f"{path}{os.sep}".startswith(folders)
