// An exception of user code as data, outside of the interpreter that raised it.
#ifndef MMPY_RAISED_H
#define MMPY_RAISED_H

#include <optional>
#include <string>
#include <vector>

namespace mmpy {

// Sizes are bounded where it is created, in Python.
struct PythonException {
  struct Place {
    std::string file;
    long line = 0;
    std::string function;
  };
  std::string type;                         // qualified as in a traceback
  std::string message;                      // the text after the type in a traceback
  std::optional<std::string> name;          // ImportError.name
  std::optional<std::string> path;          // ImportError.path or SyntaxError.filename
  std::vector<Place> places;                // of user code, outermost first
  std::string text;                         // the whole traceback
  std::optional<std::string> address = {};  // where a module could not be loaded: of the last socket, host:port
};

}  // namespace mmpy

#endif
