#include "python/runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <exception>
#include <memory>
#include <mutex>

#include "io/guard.h"
#include "python/cxx_streams.h"
#include "python/interpreter.h"
#include "python/module.h"
#include "python/py_ref.h"

namespace mmpy {

namespace {

// Node exports its own OpenSSL and zlib to everything in the process; DEEPBIND makes a library prefer its own
// dependencies. Only glibc has it.
#ifdef RTLD_DEEPBIND
constexpr int kDeepBind = RTLD_DEEPBIND;
#else
constexpr int kDeepBind = 0;
#endif

// The address of libc's own `environ`, if this program uses another one; see ShareEnvironment().
char ***LibcEnviron([[maybe_unused]] bool deep_bind) {
#ifdef RTLD_DEEPBIND
  void *const libc = deep_bind ? dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD) : nullptr;
  if (libc == nullptr) return nullptr;
  auto *const found = static_cast<char ***>(dlsym(libc, "environ"));
  return found == &environ ? nullptr : found;
#else
  return nullptr;
#endif
}

// Whether `python3` would start in UTF-8 mode (PEP 540): if PYTHONUTF8 says so, and if no locale is set or it is not
// installed. An embedded Python ignores both, and would then use ASCII for standard output and file names.
bool WantsUtf8Mode() {
  const char *const variable = getenv("PYTHONUTF8");
  if (variable != nullptr && *variable != '\0') return strcmp(variable, "0") != 0;
  setlocale(LC_CTYPE, "");  // as CPython does itself in a moment
  const char *const locale = setlocale(LC_CTYPE, nullptr);
  return locale == nullptr || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
}

// libuv marks the standard streams close-on-exec when Node starts, so programs started by Python's subprocess and
// os.system() would not have them. Node's own child processes do not depend on the mark.
void LetChildrenInheritStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
  }
}

// Initialises CPython under a program name, by which it finds its standard library and site-packages: nothing else
// points it to a virtual environment. Returns an error text, if CPython does not end the process.
std::string Initialize(void *library, const std::string &program_name) {
  if (PyInitConfig_Create == nullptr) {
    // A variable, unlike everything else we use: there is no other way before PyInitConfig.
    auto *const utf8_mode = static_cast<int *>(dlsym(library, "Py_UTF8Mode"));
    if (utf8_mode != nullptr) *utf8_mode = WantsUtf8Mode() ? 1 : 0;
    if (wchar_t *name = Py_DecodeLocale(program_name.c_str(), nullptr)) {
      Py_SetProgramName(name);  // copies it, in every CPython since 3.8
      PyMem_RawFree(name);
    }
    Py_InitializeEx(0);
    return {};
  }
  PyInitConfig *const config = PyInitConfig_Create();
  if (config == nullptr) return "out of memory";
  // It is isolated from the user's environment by default; with these settings it behaves like `python3` and
  // Py_InitializeEx(0).
  const struct {
    const char *name;
    int64_t value;
  } as_python3[] = {{"isolated", 0},  {"use_environment", 1},  {"user_site_directory", 1},
                    {"safe_path", 0}, {"configure_locale", 1}, {"install_signal_handlers", 0}};
  bool ok = true;
  for (const auto &option : as_python3) ok = ok && PyInitConfig_SetInt(config, option.name, option.value) == 0;
  // Not 0 otherwise, since from 3.15 that is no longer the default.
  if (WantsUtf8Mode()) ok = ok && PyInitConfig_SetInt(config, "utf8_mode", 1) == 0;
  ok = ok && PyInitConfig_SetStr(config, "program_name", program_name.c_str()) == 0 &&
       Py_InitializeFromInitConfig(config) == 0;
  std::string error;
  if (!ok) {
    const char *message = nullptr;
    PyInitConfig_GetError(config, &message);
    error = message == nullptr ? "CPython did not say why it could not start" : message;
  }
  PyInitConfig_Free(config);
  return error;
}

// The parts of python/runtime/ that every instance needs. Others are loaded from their files on demand.
constexpr const char *kParts[] = {"start",     "names",     "exceptions", "environment", "modules",    "handlers",
                                  "uncaught",  "threads",   "watchdog",   "ending",      "extensions", "process_wide",
                                  "logs",      "processes", "main",       "baseline",    "userspace",  "exitfunctions",
                                  "libraries", "buffers",   "signatures", "stdio"};

std::string PartFile(const std::string &bootstrap_path, const char *name) {
  return bootstrap_path.substr(0, bootstrap_path.rfind('/') + 1) + name + ".py";
}

// The parts as a marshalled dictionary of code, in the format of this version; empty if Python can't compile one. Uses
// Python's cache beside the sources (__pycache__), since compiling takes as long as starting an interpreter. A cache
// elsewhere (sys.pycache_prefix) could contain another version of this package: all files from npm have the same time.
std::string Compile(const std::string &bootstrap_path) {
  const PyRef globals = PyRef::Steal(PyDict_New());
  const PyRef files = PyRef::Steal(PyDict_New());
  const PyRef program = PyRef::Steal(
      Py_CompileString("import marshal, sys\n"
                       "from _frozen_importlib_external import SourceFileLoader\n"
                       "def compiled(name, file):\n"
                       "  loader = SourceFileLoader(name, file)\n"
                       "  try: code = loader.get_code(name) if sys.pycache_prefix is None else None\n"
                       "  except Exception: code = None  # the cached file is damaged\n"
                       "  return code or compile(loader.get_data(file), file, 'exec')\n"
                       "code = marshal.dumps({name: compiled(name, file) for name, file in files.items()})",
                       "<compile>", Py_file_input));
  bool ok = globals && files && program;
  for (const char *name : kParts) {
    const PyRef file = PyRef::Steal(PyUnicode_DecodeFSDefault(PartFile(bootstrap_path, name).c_str()));
    ok = ok && file && PyDict_SetItemString(files.get(), name, file.get()) == 0;
  }
  std::string code;
  if (ok && PyDict_SetItemString(globals.get(), "files", files.get()) == 0 &&
      PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins()) == 0 &&
      PyRef::Steal(PyEval_EvalCode(program.get(), globals.get(), globals.get()))) {
    PyObject *const bytes = PyDict_GetItemString(globals.get(), "code");
    if (bytes != nullptr) code.assign(PyBytes_AsString(bytes), static_cast<size_t>(PyBytes_Size(bytes)));
  }
  PyErr_Clear();
  return code;
}

// The flags for dlopen() under which extension modules find libpython but not Node's own OpenSSL and zlib.
int ExtensionDlopenFlags(bool deep_bind) { return RTLD_NOW | (deep_bind ? kDeepBind : 0); }

// In the main interpreter the first import of `signal` would install a handler for SIGINT, unless there is one.
// Signals are Node's.
void TakeSignalsFromPython() {
  struct sigaction interrupt = {};
  const bool known = sigaction(SIGINT, nullptr, &interrupt) == 0;
  const PyRef program = PyRef::Steal(Py_CompileString(
      "import _signal\n_signal.signal(_signal.SIGINT, _signal.SIG_DFL)\n", "<signals>", Py_file_input));
  const PyRef globals = PyRef::Steal(PyDict_New());
  if (program && globals && PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins()) == 0) {
    const PyRef done = PyRef::Steal(PyEval_EvalCode(program.get(), globals.get(), globals.get()));
  }
  PyErr_Clear();
  if (known) sigaction(SIGINT, &interrupt, nullptr);
}

// Of the current interpreter.
std::set<std::string> ModuleNames() {
  std::set<std::string> names;
  const PyRef items = PyRef::Steal(PyDict_Items(PyImport_GetModuleDict()));
  for (Py_ssize_t i = 0; items && i < PyList_Size(items.get()); ++i) {
    names.insert(ToText(ItemOf(PyList_GetItem(items.get(), i), 0)));
  }
  PyErr_Clear();
  return names;
}

}  // namespace

int PythonRuntime::OnAuditEvent(const char *event, PyObject *arguments, void *data) {
  PythonRuntime &runtime = *static_cast<PythonRuntime *>(data);
  if (strcmp(event, "os.fork") == 0 || strcmp(event, "os.forkpty") == 0) {
    return runtime.started() ? runtime.main_.RefuseFork() : 0;
  }
  if (runtime.notes_addresses_ && (strcmp(event, "socket.bind") == 0 || strcmp(event, "socket.connect") == 0)) {
    Guard([&] { runtime.NoteAddress(arguments); }, [](const char *) {});
    PyErr_Clear();  // the call itself goes on
    return 0;
  }
  if (!runtime.setting_up_ || strcmp(event, "import") != 0) return 0;
  PyObject *const set_flags = PySys_GetObject("setdlopenflags");
  const PyRef flags = PyRef::Steal(
      PyLong_FromUnsignedLongLong(static_cast<unsigned long long>(ExtensionDlopenFlags(runtime.options_.deep_bind))));
  PyObject *const argument = flags.get();
  if (set_flags == nullptr || !flags || !PyRef::Steal(PyObject_Vectorcall(set_flags, &argument, 1, nullptr))) {
    PyErr_Clear();  // the import itself goes on
  }
  return 0;
}

// Of (socket, (host, port, ...)); for other families there is nothing to tell.
void PythonRuntime::NoteAddress(PyObject *arguments) {
  PyObject *const address = ItemOf(arguments, 1);
  PyObject *const port = address == nullptr ? nullptr : ItemOf(address, 1);
  PyObject *const host = port == nullptr ? nullptr : ItemOf(address, 0);
  if (host == nullptr) {
    last_address_.clear();
    return;
  }
  const long number = PyLong_AsLong(port);
  if (number >= 0 && number <= 0xffff) last_address_ = ToText(host) + ":" + std::to_string(number);
}

PyThreadState *PythonRuntime::NewInterpreter() {
  const CreatingInterpreter creating(gil_.stored());
  setting_up_ = true;
  PyThreadState *const state = Py_NewInterpreter();
  setting_up_ = false;
  if (state != nullptr) main_.AddOther();
  return state;
}

void PythonRuntime::EndInterpreter(PyThreadState *state) {
  Py_EndInterpreter(state);
  // Versions differ in whether the GIL is still held here; with no thread state current, Swap copes with both.
  PyThreadState_Swap(main_state_);
  gil_.Adopt(main_state_);
  main_.RemoveOther();
}

PythonRuntime &PythonRuntime::Get() {
  static PythonRuntime *const runtime = std::make_unique<PythonRuntime>().release();  // intentionally never freed
  return *runtime;
}

PythonLoadError PythonRuntime::Start(uint64_t owner, const PythonOptions &options) {
  static std::mutex mutex;  // several worker threads may get here at once
  const std::lock_guard<std::mutex> lock(mutex);

  if (started()) {
    if (owner != owner_) {
      return {"PYTHON_IN_USE",
              "CPython already runs in another thread of this process, and a process can hold only one"};
    }
    if (options.library != options_.library || options.program_name != options_.program_name) {
      return {"PYTHON_IN_USE", "this process already runs " + options_.program_name + " (" + options_.library +
                                   ") and cannot also load " + options.program_name + " (" + options.library + ")"};
    }
    if (options.deep_bind != options_.deep_bind) {
      const std::string now = options_.deep_bind ? "on" : "off", wanted = options.deep_bind ? "on" : "off";
      return {"PYTHON_IN_USE", "this process already runs it with option 'deepbind' " + now +
                                   ", and cannot also have it with 'deepbind' " + wanted +
                                   "; give all routers of the process the same"};
    }
    return {};
  }

  for (const char *name : kParts) {
    const std::string file = PartFile(options.bootstrap_path, name);
    if (access(file.c_str(), R_OK) == 0) continue;
    return {"PYTHON_LOAD",
            file + " can't be read (" + strerror(errno) + "), which is part of this package: install it again"};
  }

  // Another copy of this package may have opened its libpython, perhaps of another version, with RTLD_GLOBAL, as below.
  // Opening a second one would mix the two.
  if (const auto is_initialized = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "Py_IsInitialized"));
      is_initialized != nullptr && is_initialized() != 0) {
    return {"PYTHON_IN_USE", "another native addon has already started CPython in this process"};
  }

  try {
    StartThreads();
  } catch (const std::exception &error) {
    return {"PYTHON_LOAD", std::string("threads can't be started: ") + error.what()};
  }

  // GLOBAL because extension modules are not linked to libpython and look its symbols up in the global scope.
  void *library = dlopen(options.library.c_str(), RTLD_GLOBAL | ExtensionDlopenFlags(options.deep_bind));
  if (library == nullptr) return {"PYTHON_LOAD", dlerror()};
  if (const char *missing = mmpy_python_bind(library)) {
    return {"PYTHON_SYMBOL", options.library + " does not export " + missing};
  }
  if (Py_IsInitialized() != 0) {  // started by an addon that has opened the same library
    return {"PYTHON_IN_USE", "another native addon has already started CPython in this process"};
  }

  options_ = options;
  if (options.ignore_home) unsetenv("PYTHONHOME");
  libc_environ_ = LibcEnviron(options.deep_bind);
  if (options.deep_bind) ShareCxxStreams();
  LetChildrenInheritStandardStreams();
  setting_up_ = true;
  if (PySys_AddAuditHook(OnAuditEvent, this) != 0) return {"PYTHON_LOAD", "out of memory"};
  ShareEnvironment();
  {
    const WatchedStart watched(watchdog_, "the start of Python");
    if (std::string error = Initialize(library, options.program_name); !error.empty())
      return {"PYTHON_LOAD", std::move(error)};
  }
  setting_up_ = false;
  owner_ = owner;
  BeginUse(options);
  return {};
}

PythonLoadError PythonRuntime::StartWithin(const PythonOptions &options) {
  if (started()) return {"PYTHON_IN_USE", "this process already runs an instance"};
  try {
    StartThreads();
  } catch (const std::exception &error) {
    return {"PYTHON_LOAD", std::string("threads can't be started: ") + error.what()};
  }
  options_ = options;
  if (PySys_AddAuditHook(OnAuditEvent, this) != 0) return {"PYTHON_LOAD", "out of memory"};
  BeginUse(options);
  return {};
}

// With the GIL, which is released.
void PythonRuntime::BeginUse(const PythonOptions &options) {
  gil_.stored().Find();
  mmpy_module_bind();
  bootstrap_code_ = Compile(options.bootstrap_path);
  main_modules_ = ModuleNames();
  TakeSignalsFromPython();
  main_state_ = PyEval_SaveThread();
  const GilScope scope(gil_, main_state_);
  main_.Begin(main_state_);
}

// Before Python starts, since afterwards this can't be undone. They are idle without Python.
void PythonRuntime::StartThreads() {
  if (!watchdog_runs_) watchdog_.Start();
  watchdog_runs_ = true;
  if (!gil_requests_run_) gil_requests_.Start();
  gil_requests_run_ = true;
}

std::string PythonRuntime::version() const { return started() ? Py_GetVersion() : ""; }

}  // namespace mmpy
