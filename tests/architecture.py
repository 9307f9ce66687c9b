"""The rules that the package's files keep, as functions from source text to a list of violations.

Each rule reads text, never the imported package, so that a planted violation shows that it can fail
(`test_architecture.py`).
"""

import ast
import configparser
import functools
import inspect
import json
import re
import string
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

PACKAGE = "latent_widgets"
ROOT = Path(__file__).resolve().parent.parent

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
SLOW_TO_LOAD = {"scipy", "sklearn", "matplotlib"}  # each takes as long as the package itself
INTERFACE = {"ipywidgets", "anywidget", "ipycanvas", "IPython", "matplotlib"}
NAMED = {"name", "names", "label", "labels", "part", "parts", "region", "title", "class_names", "stem"}
COPIED = NAMED | {"generator", "weights_hash", "method", "origin", "caption", "space", "unit", "words", "message"}
TEXT_DOORS = ("page_text", "python_text", "one_line", "_literal", "_arguments", "checked", "len")
TRANSLATORS = {"tr": 1, "trn": 2}  # and how many texts each takes
PROGRAMS = {"latent_widgets.edits.text"}  # which write programs
PLOTTED = {"label", "labels", "title", "xlabel", "ylabel", "zlabel", "xticklabels", "yticklabels"}
PLOTTERS = {
    "annotate", "bar", "errorbar", "figtext", "legend", "plot", "set_label", "set_title", "set_xlabel", "set_ylabel",
    "set_xticks", "set_yticks", "set_xticklabels", "set_yticklabels", "suptitle", "supxlabel", "supylabel", "text",
}  # fmt: skip
PICTURE_READERS = {"imread", "read_image", "decode_image", "decode_jpeg", "decode_png", "decode_webp", "decode_gif"}
OPEN_FILES = {"file", "draft", "drawn", "pixels"}  # what is written to and is no path is called so
DOOR = {"latent_widgets.core.paths", "latent_widgets.core.drafts"}
WRITERS = {
    "FileHandler", "FileIO", "NamedTemporaryFile", "copy2", "copyfile", "copytree", "expanduser", "fdopen",
    "hardlink_to", "imsave", "imwrite", "makedirs", "mkdir", "mkdtemp", "mkstemp", "rmtree", "save_file",
    "savetxt", "serialize_file", "symlink_to", "to_csv", "tofile", "touch", "truncate", "urlretrieve", "write_bytes",
    "write_text",
}  # fmt: skip
SYSTEM_WRITERS = {
    f"os.{name}" for name in ("chmod", "chown", "link", "open", "rename", "renames", "replace", "symlink", "write")
} | {"shutil.copy", "shutil.move"}
PATHS = {"draft", "file", "folder", "part", "path", "source", "target"}  # what is a path is called so
SAVERS = {"edit", "files", "found", "kept", "self", "state.edit", "super()", "training"}  # ours, which take a path
LIBRARY_READERS = {  # each believes a file, or says in its own errors what it does not
    "json.load", "json.loads", "numpy.load", "torch.load", "pickle.load", "pickle.loads", "safetensors.safe_open",
    "safetensors.torch.load", "safetensors.torch.load_file", "zipfile.ZipFile",
}  # fmt: skip
READING_DOORS = {
    "latent_widgets.core.array_files", "latent_widgets.core.files", "latent_widgets.core.json_text",
    "latent_widgets.generators.checkpoints._archive", "latent_widgets.generators.checkpoints.native",
}  # fmt: skip
LIBRARY_WRITERS = {"torch.save", "numpy.save", "numpy.savez", "numpy.savez_compressed"}
DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson"}
TENSORS = DRAWS - {"normal", "bernoulli", "multinomial", "poisson"} | {
    "arange", "as_tensor", "asarray", "empty", "empty_strided", "eye", "full", "linspace", "logspace", "ones",
    "scalar_tensor", "sparse_coo_tensor", "tensor", "tril_indices", "triu_indices", "zeros", "hann_window",
    "hamming_window", "kaiser_window", "FloatTensor",
}  # fmt: skip
GLOBALS = {
    "get_default_dtype", "get_default_device", "set_default_dtype", "set_default_device", "set_default_tensor_type",
    "manual_seed", "seed", "initial_seed", "set_rng_state", "set_num_threads", "use_deterministic_algorithms",
    "set_grad_enabled", "set_float32_matmul_precision",
}  # fmt: skip
SENDERS = {"latent_widgets.core.sweep.tasks", "latent_widgets.generators.sending"}
WORKER = ("latent_widgets.core.sweep.worker", "set_num_threads")  # of a process that is there for nothing else
COMPUTING = {"values", "edits", "geometry", "methods", "inversion", "segmentation", "readers"}
COMPARED = {
    "Citation",
    "Goodness",
    "Interval",
    "MethodInfo",
    "Options",
    "ParameterInfo",
    "Recipe",
}  # values made of plain values
CHANGED = {"Known"}  # what a dataclass holds that is found out later
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "IPython": "ipython"}


@dataclass(frozen=True)
class Source:
    """The text of one file and the dotted name under which it is imported."""

    module: str
    text: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def parts(self) -> list[str]:
        return self.module.split(".")

    @property
    def top(self) -> str:
        """Which part of the package this is: "geometry"; "" for the package's own __init__."""
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def is_main(self) -> bool:
        return self.parts[-1] == "__main__"


@dataclass(frozen=True)
class Import:
    """One imported name, made absolute: `from ..methods import sefa` -> "latent_widgets.methods.sefa"."""

    target: str
    line: int
    at_import_time: bool

    @property
    def parts(self) -> list[str]:
        return self.target.split(".")

    @property
    def is_internal(self) -> bool:
        return self.parts[0] == PACKAGE


def package_sources(root: Path = ROOT) -> list[Source]:
    """Every Python file of the package."""
    return [
        Source(
            module=".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"),
            text=path.read_text(encoding="utf-8"),
            is_package=path.name == "__init__.py",
        )
        for path in sorted((root / PACKAGE).rglob("*.py"))
    ]


def imports(source: Source) -> Iterator[Import]:
    """Every import of a file, wherever it stands in it."""
    for node, at_import_time in _walk(source.tree, True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_import_time)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(source.parts) - node.level + source.is_package
                base = ".".join([*source.parts[:keep], *([base] if base else [])])
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, at_import_time)


def _walk(node: ast.AST, at_import_time: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below `node`, each with whether importing the file runs it."""
    for child in ast.iter_child_nodes(node):
        runs = at_import_time and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            runs = False
        yield child, runs
        yield from _walk(child, runs)


# --- rules on one file ---------------------------------------------------------------------------


def surface(source: Source) -> list[str]:
    """The package's own __init__ shows what the rooms make: no room imports it, and it shows no training command."""
    rooms = {path.stem for path in (ROOT / PACKAGE).iterdir()}
    found = []
    for i in imports(source):
        if i.is_internal and source.module != PACKAGE and (len(i.parts) == 1 or i.parts[1] not in rooms):
            found.append(f"{source.module}:{i.line} imports {i.target}: import it from where it is made")
        if i.is_internal and source.module == PACKAGE and i.parts[1:2] == ["training"]:
            found.append(f"{source.module}:{i.line} imports training, which only its own command may")
    return found


def interface_only_in_widgets(source: Source) -> list[str]:
    """Nothing below the widgets loads a user interface or a plotting library when it is imported."""
    if source.top == "widgets":
        return []
    return [
        f"{source.module}:{i.line} imports {i.parts[0]} at import time"
        for i in imports(source)
        if i.at_import_time and i.parts[0] in INTERFACE
    ]


def quick_to_import(source: Source) -> list[str]:
    """Libraries that are slow to load are imported by the function that needs them."""
    return [
        f"{source.module}:{i.line} imports {i.parts[0]} at import time: it is slow to load"
        for i in imports(source)
        if i.at_import_time and i.parts[0] in SLOW_TO_LOAD
    ]


def imports_late_ones_whole(source: Source) -> list[str]:
    """What a function imports of others is imported whole first: Ctrl-C would cut an import statement in half."""
    if source.top == "training" or source.is_main:  # commands, which end with the interrupt
        return []
    found = []
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        whole: set[str] = set()
        for node in sorted(_own(function), key=lambda node: node.lineno):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_whole":
                whole |= {ast.literal_eval(name) for name in node.args if isinstance(name, ast.Constant)}
            elif isinstance(node, ast.Import):
                wanted = [{alias.name} for alias in node.names]
                found += [(node.lineno, names) for names in wanted if not names & whole]
            elif isinstance(node, ast.ImportFrom):
                wanted = [{f"{node.module}", f"{node.module}.{alias.name}"} for alias in node.names]
                found += [(node.lineno, names) for names in wanted if not names & whole]
    return [
        f"{source.module}:{line} imports {min(names)}, which import_whole must have done before"
        for line, names in found
        if min(names).partition(".")[0] not in {PACKAGE, *sys.stdlib_module_names}
    ]


def _own(function: ast.FunctionDef) -> Iterator[ast.Call | ast.Import | ast.ImportFrom]:
    """The calls and imports of a function, without those of functions within it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call | ast.Import | ast.ImportFrom):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def init_only_lists(source: Source) -> list[str]:
    """An __init__.py imports and lists; a lazy `__getattr__` with its private table is the one extra."""
    if not source.is_package:
        return []
    lazy = any(_is_function(node, "__getattr__") for node in source.tree.body)
    found = []
    for index, node in enumerate(source.tree.body):
        docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        type_checking = (
            isinstance(node, ast.If)
            and ast.unparse(node.test).endswith("TYPE_CHECKING")
            and all(isinstance(child, ast.Import | ast.ImportFrom) for child in node.body)
        )
        listing = (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and (name := _assigned_name(node)) is not None
            and (name in ("__all__", "__version__") or (lazy and name.startswith("_")))
        )
        hook = lazy and (_is_function(node, "__getattr__") or _is_function(node, "__dir__"))
        plain = isinstance(node, ast.Import | ast.ImportFrom)
        if not (docstring or plain or type_checking or listing or hook):
            found.append(f"{source.module}:{node.lineno} does more than import and list")
    return found


def _is_function(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == name


def _assigned_name(node: ast.Assign | ast.AnnAssign) -> str | None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target.id if isinstance(target, ast.Name) else None


def silent(source: Source) -> list[str]:
    """The package prints nothing; only command lines do."""
    if source.top == "training" or source.is_main:
        return []
    return [
        f"{source.module}:{call.lineno} prints" for call, name in _calls(source) if name in ("print", "builtins.print")
    ]


def runs_no_data(source: Source) -> list[str]:
    """A file that is read is data: it is never unpickled, evaluated or executed.

    What a process sends to the workers that it has started is no file: it comes from the program itself.
    """
    found = []
    for call, name in _calls(source):
        keywords = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
        module, _, function = name.rpartition(".")
        unsafe = (
            (module in ("pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
             and function in ("load", "loads", "open"))
            or (name in ("pickle.Unpickler", "pickle._Unpickler"))
            or name == "torch.load"  # which trusts a machine of its own, with no account of what a file may cost
            or (name == "numpy.load" and keywords.get("allow_pickle", False) is not False)
            or name in ("eval", "exec", "builtins.eval", "builtins.exec")
        )  # fmt: skip
        sent = source.module in SENDERS and name == "cloudpickle.loads"
        if unsafe and not sent:
            found.append(f"{source.module}:{call.lineno} calls {name}, which may run what it reads")
    return found


def writes_through_one_door(source: Source) -> list[str]:
    """Paths are checked and files written by `core/paths.py` alone: `~`, links, permissions, whole or not at all.

    What a library writes goes into an open file, which is no path.
    """
    if source.module in DOOR:
        return []
    found = [
        f"{source.module}:{node.lineno} uses {name}: files go through core/paths.py"
        for node in ast.walk(source.tree)
        for name in _last_names(node)
        if name in WRITERS
    ]
    for call, name in _calls(source):
        module, _, function = name.rpartition(".")
        first, keywords = call.args[0] if call.args else None, {k.arg for k in call.keywords}
        opened = isinstance(first, ast.Name) and first.id in OPEN_FILES
        saves = (  # a picture of Pillow's, which takes a format too, or something else that is not ours
            function == "save"
            and bool(call.args or call.keywords)
            and module not in ("torch", "numpy", "safetensors.torch")
            and (len(call.args) + len(keywords) > 1 or module not in SAVERS)
        )
        wrong = (
            name in SYSTEM_WRITERS
            or (function in ("replace", "rename") and module.rpartition(".")[2] in PATHS and len(call.args) == 1)
            or _mode(call, function, module) & set("wax+")
            or ((function == "savefig" or saves) and not opened)
            or (name in LIBRARY_WRITERS and not {a.id for a in call.args if isinstance(a, ast.Name)} & OPEN_FILES)
        )
        if wrong:
            found.append(f"{source.module}:{call.lineno} calls {name}: files go through core/paths.py")
    return found


def _last_names(node: ast.AST) -> list[str]:
    """What is looked up, or imported by name."""
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    return [node.attr] if isinstance(node, ast.Attribute) else []


def _mode(call: ast.Call, function: str, module: str) -> set[str]:
    """The letters of the mode in which a call opens a file; `w` where nothing says that it reads."""
    places = {"open": 0 if module else 1, "memmap": 2, "ZipFile": 1, "GzipFile": 1}
    if module in ("gzip", "bz2", "lzma", "io", "codecs", "tarfile") or function == "ZipFile":
        places["open"] = 1
    if function not in places:
        return set()
    given = [*call.args[places[function] :][:1], *(k.value for k in call.keywords if k.arg == "mode")]
    if not given:
        return set("w" if function == "memmap" else "")  # whose default is to write
    if isinstance(given[0], ast.Constant):
        return set(str(given[0].value))
    return set("" if module and function == "open" else "w")  # what has an `open` of its own may take anything


def reads_pictures_through_one_door(source: Source) -> list[str]:
    """Pictures are opened by `core/images.py` alone, which names the formats: Pillow knows 43, one runs a program."""
    found = []
    for call, name in _calls(source):
        opens = name in ("PIL.Image.open", "PIL.ImageFile.Parser")
        closed = source.module == "latent_widgets.core.images" and "formats" in {k.arg for k in call.keywords}
        if name.rpartition(".")[2] in PICTURE_READERS or (opens and not closed):
            found.append(f"{source.module}:{call.lineno} calls {name}: pictures go through core/images.py")
    return found


def reads_through_doors(source: Source) -> list[str]:
    """What is in a file is read by those who know what a file of its size may cost, and say what is wrong in words."""
    if source.module in READING_DOORS:
        return []
    return [
        f"{source.module}:{call.lineno} calls {name}: files are read by {', '.join(sorted(READING_DOORS))}"
        for call, name in _calls(source)
        if name in LIBRARY_READERS and not (call.args and ast.unparse(call.args[0]).startswith("json.dumps("))
    ]


def plots_names_as_text(source: Source) -> list[str]:
    """What somebody may have named goes into a plot through `plot_text`: matplotlib reads `$` and `_` as its own."""
    found = []
    for call, name in _calls(source):
        function = name.rpartition(".")[2]
        if function not in PLOTTERS and not (function == "set" and {k.arg for k in call.keywords} & PLOTTED):
            continue
        shown = [*call.args, *(k.value for k in call.keywords if k.arg in PLOTTED or function in ("text", "annotate"))]
        if function == "plot":
            shown = [k.value for k in call.keywords if k.arg in PLOTTED]
        for node in [inner for argument in shown for inner in _outside(argument, "plot_text")]:
            if isinstance(node, ast.Attribute) and node.attr in NAMED:
                found.append(f"{source.module}:{call.lineno} plots {ast.unparse(node)} without plot_text")
    return found


def copies_text_through_one_door(source: Source) -> list[str]:
    """What a file may have named goes into a page through `page_text`, into a program through `python_text`.

    Into a comment or a list it goes through `one_line`. What is raised or shown by `repr` is neither page nor program.
    """
    if source.module == "latent_widgets.core.words":
        return []
    found = [
        f"{source.module}:{call.lineno} calls {name}: pages are written by page_text of core/words.py"
        for call, name in _calls(source)
        if name in ("html.escape", "xml.sax.saxutils.escape", "markupsafe.escape")
    ]
    neither = {
        id(node)
        for parent in ast.walk(source.tree)
        if isinstance(parent, ast.Raise) or _is_function(parent, "__repr__")
        for node in ast.walk(parent)
    }
    for text in ast.walk(source.tree):
        fixed, parts = _filled(text)
        if id(text) in neither or not (re.search("<[a-z/]", fixed) or (source.module in PROGRAMS and parts)):
            continue
        for part in parts:
            for node in _outside(part, TEXT_DOORS):
                if isinstance(node, ast.Attribute) and node.attr in COPIED:
                    found.append(f"{source.module}:{node.lineno} copies {ast.unparse(node)} as it is")
    return found


def _filled(text: ast.AST) -> tuple[str, list[ast.expr]]:
    """The fixed words of an f-string, or of a text that is translated, and what is put into them."""
    if isinstance(text, ast.JoinedStr):
        fixed = [str(part.value) for part in text.values if isinstance(part, ast.Constant)]
        return "".join(fixed), [part for part in text.values if isinstance(part, ast.FormattedValue)]
    if isinstance(text, ast.Call) and ast.unparse(text.func) in TRANSLATORS:
        fixed = [str(part.value) for part in text.args if isinstance(part, ast.Constant)]
        return "".join(fixed), [keyword.value for keyword in text.keywords]
    return "", []


def asks_for_texts_as_they_stand(source: Source) -> list[str]:
    """A text to translate stands in the source as it is, with a value for each of its places.

    Babel collects the texts without running anything, and looks for `tr(` and `trn(`.
    """
    found, calls = [], {}
    for call, name in _calls(source):
        function = name.rpartition(".")[2]
        if function not in TRANSLATORS:
            continue
        calls[id(call.func)] = call
        texts = [
            each.value for each in call.args[: len(call.args) - (function == "trn")] if isinstance(each, ast.Constant)
        ]
        texts = [text for text in texts if isinstance(text, str)]
        given = {str(keyword.arg) for keyword in call.keywords} | ({"count"} if function == "trn" else set())
        if ast.unparse(call.func) != function or len(texts) != TRANSLATORS[function]:
            found.append(f"{source.module}:{call.lineno} translates {ast.unparse(call)}, which Babel cannot collect")
        elif None in {keyword.arg for keyword in call.keywords}:
            continue
        elif given and not all(_places(text) <= given for text in texts):
            found.append(f"{source.module}:{call.lineno} has no value for a place of {texts[-1]!r}")
        elif given - {"count"} - _places("".join(texts)):
            found.append(f"{source.module}:{call.lineno} has no place for a value in {texts[-1]!r}")
    within = [node for text in ast.walk(source.tree) if isinstance(text, ast.JoinedStr) for node in ast.walk(text)]
    for call in (calls[id(node)] for node in within if id(node) in calls):
        found.append(f"{source.module}:{call.lineno} translates in an f-string, into which Babel does not look")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in TRANSLATORS and id(node) not in calls:
            found.append(f"{source.module}:{node.lineno} hands over {node.id}, and Babel cannot collect what it gets")
    return found


def _places(text: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _outside(node: ast.AST, function: str | tuple[str, ...]) -> Iterator[ast.AST]:
    """The nodes of an expression that are no part of a call of a function."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function)):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _outside(child, function)


def frozen_values(source: Source) -> list[str]:
    """What rooms that compute hand on is frozen, and equal to itself only: tensors have no truth to compare by."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or source.top not in COMPUTING:
            continue
        for decorator in node.decorator_list:
            if "dataclass" not in ast.unparse(decorator).split("(")[0]:
                continue
            said = {word.arg: ast.unparse(word.value) for word in getattr(decorator, "keywords", ())}
            if node.name not in CHANGED and said.get("frozen") != "True":
                found.append(f"{source.module}:{node.lineno} {node.name} can be changed: say frozen=True")
            elif (node.name in COMPARED | CHANGED) == (said.get("eq") == "False"):
                found.append(f"{source.module}:{node.lineno} {node.name} compares by what it holds: say eq=False")
    return found


def names_type_and_place(source: Source) -> list[str]:
    """What makes a tensor names its type and device, so that PyTorch's defaults decide nothing; nor do its draws."""
    found = []
    for call, name in _calls(source):
        keywords = {k.arg for k in call.keywords}
        module, _, function = name.rpartition(".")
        wanted = set()
        if (module == "torch" and function in TENSORS) or (module == "torch.nn" and _is_typed_layer(function)):
            wanted = {"dtype", "device"}
        if name == "torch.Generator" and not call.args:
            wanted = {"device"}
        if module == "torch" and function in DRAWS:
            wanted = wanted | {"generator"}
        if None not in keywords and wanted - keywords:
            found.append(f"{source.module}:{call.lineno} calls {name} without {', '.join(sorted(wanted - keywords))}")
        own = source.top == "training" or (source.module, function) == WORKER
        if (module == "torch" and function in GLOBALS and not own) or (
            module == "numpy.random" and function != "default_rng"
        ):
            found.append(f"{source.module}:{call.lineno} calls {name}, which is of the whole process")
    called = {id(call.func) for call, _ in _calls(source)}
    for node in ast.walk(source.tree):
        handed = isinstance(node, ast.Attribute) and node.attr in TENSORS and ast.unparse(node.value) == "torch"
        if handed and id(node) not in called:
            found.append(f"{source.module}:{node.lineno} hands over torch.{node.attr}, which would go by defaults")
    return found


@functools.cache
def _is_typed_layer(name: str) -> bool:
    layer = getattr(torch.nn, name, None)
    return isinstance(layer, type) and "dtype" in inspect.signature(layer.__init__).parameters


def _calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Every call with its dotted name, aliases of imports resolved."""
    aliases = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            aliases |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            aliases |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            head, dot, rest = ast.unparse(node.func).partition(".")
            yield node, aliases.get(head, head) + dot + rest


def called(source: Source) -> set[str]:
    """The last names of what a file calls."""
    return {name.rpartition(".")[2] for _, name in _calls(source)}


def distribution(i: Import) -> str:
    """The name under which setup.cfg would require what is imported."""
    return DISTRIBUTIONS.get(i.parts[0], i.parts[0].replace("_", "-"))


def imports_declared(source: Source, required: set[str], optional: set[str]) -> list[str]:
    """What a file imports is in setup.cfg: required at import time, or an extra inside a function."""
    found = []
    for i in imports(source):
        name = distribution(i)
        if i.is_internal or i.parts[0] in sys.stdlib_module_names or name in required:
            continue
        if name in optional and (not i.at_import_time or source.top == "training"):
            continue
        when = "an extra: import it inside the function" if name in optional else "not in setup.cfg"
        found.append(f"{source.module}:{i.line} imports {i.parts[0]}, which is {when}")
    return found


# --- rules on the whole --------------------------------------------------------------------------


def unused(sources: Iterable[Source], declared: set[str]) -> set[str]:
    """The declared dependencies that no file imports."""
    return declared - {distribution(i) for source in sources for i in imports(source)}


def contracts(root: Path) -> dict[str, bool]:
    """Which of the contracts of setup.cfg the package in a folder keeps."""
    command = [sys.executable, "-c", LINT_IMPORTS, str(ROOT / "setup.cfg"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    lines = [line.rpartition(" ") for line in done.stdout.splitlines() if line.endswith((" KEPT", " BROKEN"))]
    return {name: verdict == "KEPT" for name, _, verdict in lines}


# --- rules on tests, notebooks and setup.cfg -----------------------------------------------------


def only_tests_and_fixtures(source: Source) -> list[str]:
    """A function in test_*.py that pytest does not call would be a test that never runs."""
    return [
        f"{source.module}:{node.lineno} {node.name} is neither a test nor a fixture"
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("test_")
        and not any("fixture" in ast.unparse(d) for d in node.decorator_list)
    ]


def stripped(name: str, text: str) -> list[str]:
    """A notebook is kept without outputs, execution counts and widget state."""
    notebook = json.loads(text)
    found = [
        f"{name}: cell {index} carries outputs"
        for index, cell in enumerate(notebook["cells"])
        if cell.get("outputs") or cell.get("execution_count") is not None
    ]
    if "widgets" in notebook.get("metadata", {}):
        found.append(f"{name} carries widget state")
    return found


def declared(config_text: str) -> tuple[set[str], dict[str, set[str]]]:
    """The runtime dependencies in setup.cfg, and those of each extra, named with hyphens."""
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(config_text)
    extras = {extra: _names(lines) for extra, lines in config["options.extras_require"].items()}
    return _names(config["options"]["install_requires"]), extras


def _names(requirements: str) -> set[str]:
    lines = [line.partition("#")[0].strip() for line in requirements.splitlines()]
    return {re.split(r"[\s\[<>=!~;]", line)[0].replace("_", "-") for line in lines if line}


LOOKS_ONLY = {  # what computes no number of a network, or leaves it to one that is in the rule
    "begun", "check_layer", "check_mapping", "check_target", "checked_target", "feature_function", "features",
    "first_styles", "frame_of", "image_function", "kinds_of", "known_defaults", "known_of", "layers_of",
    "mapping_function", "mapping_jacobians", "middle_layer", "names_of", "partial_pass", "preview_function",
    "random_directions", "refusal", "seen_of", "stages", "stages_of", "start_of", "target_function", "targets_of",
    "whitening_of",
}  # fmt: skip


def inexact(source):
    """Public functions of a generator or an operator that are not exact."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.name in LOOKS_ONLY:
            continue
        given = " ".join(ast.unparse(a.annotation) for a in node.args.args if a.annotation is not None)
        of_network = "Generator" in given.replace("torch.Generator", "") or "Operator" in given
        if of_network and "exact()" not in map(ast.unparse, node.decorator_list):
            yield node.name
