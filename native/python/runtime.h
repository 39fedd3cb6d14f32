// The one CPython of this process: found by TypeScript, loaded and initialised here, never finalised.
//
// It is not finalised because Py_FinalizeEx aborts when daemon threads live and leaks what extension modules keep;
// ending every interpreter (interpreter.h) releases users' objects, and the process's end does the rest.
#ifndef MMPY_RUNTIME_H
#define MMPY_RUNTIME_H

#include <unistd.h>

#include <set>
#include <string>
#include <utility>

#include "python/api.h"
#include "python/gil.h"
#include "python/gil_requests.h"
#include "python/main_interpreter.h"
#include "python/watchdog.h"

namespace mmpy {

struct PythonOptions {
  std::string library;         // path of libpython, or a name for the loader's own search
  std::string program_name;    // sys.executable of the chosen Python (a virtual environment's own, if it is one)
  std::string bootstrap_path;  // of python/runtime/start.py
  bool deep_bind = true;
  bool ignore_home = false;  // the environment variable PYTHONHOME means another Python
};

// Why Python could not be started. `code` is one of those in binding.d.ts' PythonLoadError.
struct PythonLoadError {
  const char *code = nullptr;
  std::string message;
  explicit operator bool() const { return code != nullptr; }
};

// How user code's lines are written to standard output and error: "json", "journal", or empty for as they are.
struct StreamFormats {
  std::string output;
  std::string errors;
};

class PythonRuntime {
 public:
  // The process's runtime. It outlives every environment and is never destroyed, since Python threads may outlive main.
  static PythonRuntime &Get();

  // Loads libpython and initialises it, for the environment `owner`; afterwards succeeds at once for the same owner and
  // the same library, and fails for any other. Only the owner's thread may call the functions below.
  PythonLoadError Start(uint64_t owner, const PythonOptions &options);

  // The same for a CPython that has started this code itself, as a program of its own, and is at the call that does:
  // the calling thread gives up the GIL. Of the options, the library is not used.
  PythonLoadError StartWithin(const PythonOptions &options);

  // Lets Python see the current environment variables. The variable `environ` exists twice: a program like Node has a
  // copy that everything uses (a copy relocation), but libraries loaded with DEEPBIND find libc's original, which is
  // not kept up to date: empty at first, dangling after the next setenv(). Called whenever Python is entered and after
  // Python's own changes.
  void ShareEnvironment() const {
#ifdef __GLIBC__
    if (libc_environ_ != nullptr) *libc_environ_ = environ;
#endif
  }

  bool started() const { return main_state_ != nullptr; }
  MainInterpreter &main() { return main_; }
  Gil &gil() { return gil_; }
  GilRequests &gil_requests() { return gil_requests_; }
  Watchdog &watchdog() { return watchdog_; }
  PyThreadState *main_state() const { return main_state_; }
  const PythonOptions &options() const { return options_; }
  // The parts of python/runtime/ that every interpreter runs, compiled once: a marshalled dictionary of code by name.
  const std::string &bootstrap_code() const { return bootstrap_code_; }
  // Names of the modules of the main interpreter, which never ends.
  const std::set<std::string> &main_modules() const { return main_modules_; }
  std::string version() const;

  // For interpreters that are started from now on.
  void SetStreamFormats(StreamFormats formats) { stream_formats_ = std::move(formats); }
  const StreamFormats &stream_formats() const { return stream_formats_; }

  // Notes the address of each socket that is bound or connected, during a scope: exceptions do not tell it.
  class AddressScope {
   public:
    explicit AddressScope(PythonRuntime &runtime) : runtime_(runtime) {
      runtime_.last_address_.clear();
      runtime_.notes_addresses_ = true;
    }
    ~AddressScope() { runtime_.notes_addresses_ = false; }
    AddressScope(const AddressScope &) = delete;
    AddressScope &operator=(const AddressScope &) = delete;

    // The last one, as host:port; empty if there was no such call.
    const std::string &last() const { return runtime_.last_address_; }

   private:
    PythonRuntime &runtime_;
  };

  // Py_NewInterpreter(); its extension modules find their own OpenSSL and zlib from the first import. EndInterpreter()
  // ends it; the main interpreter's thread state is current afterwards.
  PyThreadState *NewInterpreter();
  void EndInterpreter(PyThreadState *state);

 private:
  // While an interpreter is set up, before any of our code can run in it, `site` runs the code in .pth files, which may
  // import extension modules; an audit hook is the only place to call sys.setdlopenflags() before that. And the only
  // one to refuse a fork that would end the child with a fatal error.
  static int OnAuditEvent(const char *event, PyObject *arguments, void *runtime);

  void NoteAddress(PyObject *arguments);
  void BeginUse(const PythonOptions &options);
  void StartThreads();

  bool watchdog_runs_ = false;
  bool gil_requests_run_ = false;
  uint64_t owner_ = 0;
  PythonOptions options_;
  StreamFormats stream_formats_;
  std::string bootstrap_code_;
  std::set<std::string> main_modules_;
  PyThreadState *main_state_ = nullptr;
  bool setting_up_ = false;       // an interpreter; guarded by the GIL
  bool notes_addresses_ = false;  // likewise
  std::string last_address_;
  char ***libc_environ_ = nullptr;  // NULL if there is no difference
  Gil gil_;
  MainInterpreter main_;
  GilRequests gil_requests_{gil_};
  Watchdog watchdog_;
};

}  // namespace mmpy

#endif
