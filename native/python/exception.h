// An exception of Python's as data, outside of the interpreter that raised it.
#ifndef MMPY_EXCEPTION_H
#define MMPY_EXCEPTION_H

#include <optional>
#include <string>
#include <vector>

#include "python/api.h"
#include "python/py_ref.h"

namespace mmpy {

// Sizes are bounded where it is made, in Python.
struct PythonException {
  struct Place {
    std::string file;
    long line = 0;
    std::string function;
  };
  std::string type;                 // qualified as in a traceback
  std::string message;              // what follows it there
  std::optional<std::string> name;  // ImportError.name
  std::optional<std::string> path;  // ImportError.path or SyntaxError.filename
  std::vector<Place> places;        // of user code, outermost first
  std::string text;                 // the whole traceback
};

// The current exception with its traceback, no longer current; empty if there is none.
PyRef TakeRaised();

// Reads what describe_exception() of the bootstrap code returns. No exception is set afterwards, whatever is found.
PythonException ToException(PyObject *description);

// What can be said of an exception without running Python code: its type.
PythonException Undescribed(PyObject *exception);

}  // namespace mmpy

#endif
