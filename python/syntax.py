"""Run by `mmpy check --no-run`, in a process of its own: parses the modules of an instance, and those in the same folders that
they import, without running any of them.

Reads {"folder": ..., "modules": [{"value": ..., "folder": ...}]} from standard input. Prints a list with an exception, as
PythonException in binding.d.ts, or null for each module.
"""

import ast
import json
import os
import stat
import sys
import traceback
import warnings
from importlib.machinery import PathFinder


def main():
    del sys.path[0]  # this file's folder
    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    parsed = set()
    print(json.dumps([examine(each["value"], each["folder"], parsed) for each in request["modules"]]))


def examine(value, folder, parsed):
    try:
        for path in files_of(value, folder):
            parse(path, parsed)
    except (SyntaxError, ValueError, ImportError, OSError, RecursionError) as error:
        return describe(error)
    return None


def files_of(value, folder):
    """The files that loading a module runs first. As python/runtime/modules.py finds them."""
    if value.endswith(".py") or "/" in value:
        path = os.path.normpath(os.path.join(folder, value))
        if os.path.isdir(path):
            path = os.path.join(path, "__init__.py")
        elif not path.endswith(".py"):
            path += ".py"
        if not os.path.exists(path):
            raise ModuleNotFoundError("No such file: '%s'" % path, name=value, path=path)
        return [path]
    files = []
    places = [folder, *sys.path]
    names = value.split(".")
    for end in range(1, len(names) + 1):
        name = ".".join(names[:end])
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            if end == 1 and name in sys.builtin_module_names:
                return []
            raise ModuleNotFoundError("No module named '%s'" % name, name=name)
        places = spec.submodule_search_locations or []
        if spec.origin is not None and spec.origin.endswith(".py"):
            files.append(spec.origin)
    return files


def parse(path, parsed):
    path = os.path.realpath(path)
    if path in parsed:
        return
    parsed.add(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ImportError("'%s' is not a regular file" % path, path=path)
    with open(path, "rb") as file:
        source = file.read()
    compile(source, path, "exec", dont_inherit=True)
    folder = os.path.dirname(path)
    for node in ast.walk(ast.parse(source, path)):
        for name in imported(node):
            spec = PathFinder.find_spec(name, [folder])
            if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
                parse(spec.origin, parsed)


def imported(node):
    """The first parts of the names of modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
    return []


def describe(error):
    description = {"type": type(error).__name__, "message": str(error), "places": []}
    if isinstance(error, SyntaxError):
        description["message"] = error.msg
        if error.filename is not None:
            description["path"] = error.filename
            description["places"] = [{"file": error.filename, "line": error.lineno or 0, "function": ""}]
    elif isinstance(error, ImportError):
        description.update(
            {key: value for key, value in (("name", error.name), ("path", error.path)) if value is not None}
        )
    description["text"] = "".join(traceback.format_exception_only(type(error), error)).rstrip("\n")
    return description


main()
