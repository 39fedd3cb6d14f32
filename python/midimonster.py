"""The stand-in for tests in the folder `testing`, also where the path leads to this folder, which has the type stubs."""

import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testing", "midimonster")
file = os.path.join(folder, "__init__.py")
loader = SourceFileLoader("midimonster", file)
spec = spec_from_file_location("midimonster", file, loader=loader, submodule_search_locations=[folder])
assert spec is not None
# The import that has led here returns what is in its place by now.
module = sys.modules["midimonster"] = module_from_spec(spec)
loader.exec_module(module)
