"""Reports the environment of an interpreter inside mmpy as JSON; loaded by `mmpy doctor` as a module of an instance."""

import json
import os
import sys


def openssl():
    try:
        import ssl
    except ImportError as error:
        return {"problem": str(error)}
    return {"version": ssl.OPENSSL_VERSION, "libraries": mapped("libssl", "libcrypto")}


def zlib_version():
    try:
        import zlib
    except ImportError:
        return None
    return zlib.ZLIB_RUNTIME_VERSION


def mapped(*names):
    """Files mapped by this process whose names start with one of these. Empty if the system does not list them."""
    try:
        with open("/proc/self/maps") as maps:
            files = {line.split(None, 5)[5].strip() for line in maps if line.count("/")}
    except OSError:
        return []
    return sorted(file for file in files if os.path.basename(file).startswith(names))


report = {
    "prefix": sys.prefix,
    "path": [folder for folder in sys.path[1:] if folder != os.path.dirname(__file__)],
    "openssl": openssl(),
    "zlib": zlib_version(),
}
with open(os.environ["MMPY_DOCTOR_REPORT"], "w") as file:
    json.dump(report, file)
