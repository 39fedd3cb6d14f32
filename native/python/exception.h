// An exception of Python's as data, outside of the interpreter that raised it.
#ifndef MMPY_EXCEPTION_H
#define MMPY_EXCEPTION_H

#include <optional>
#include <string>
#include <vector>

#include "python/api.h"
#include "python/py_ref.h"

namespace mmpy {

// As in binding.d.ts. Sizes are bounded by the Python code that makes it.
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

// Takes the current exception, with its traceback. Empty if there was none.
PyRef TakeRaised();

// Reads the result of describe_exception() in python/runtime/exceptions.py. No exception is set afterwards.
PythonException ToException(PyObject *description);

// A substitute for when describe_exception() failed: the type only.
PythonException Undescribed(PyObject *exception);

}  // namespace mmpy

#endif
