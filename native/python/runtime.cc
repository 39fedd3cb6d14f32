#include "python/runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <system_error>

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

// The address of libc's own `environ`, if it is not the one that this program uses; see ShareEnvironment().
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

// Whether `python3` would start in UTF-8 mode (PEP 540): if told to, and where there is no locale, or one that is not
// installed. An embedded one looks at neither, and takes ASCII for standard output and file names then.
bool WantsUtf8Mode() {
  const char *const told = getenv("PYTHONUTF8");
  if (told != nullptr && *told != '\0') return strcmp(told, "0") != 0;
  setlocale(LC_CTYPE, "");  // as CPython does itself in a moment
  const char *const locale = setlocale(LC_CTYPE, nullptr);
  return locale == nullptr || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
}

// libuv marks the standard streams close-on-exec when Node starts, so what Python's subprocess and os.system() start
// would have none. Node's own children do not depend on the mark.
void LetChildrenInheritStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
  }
}

// Initialises CPython under a program name, from which it finds its standard library and site-packages: nothing else
// tells it of a virtual environment. Returns what went wrong, if CPython lives to tell.
std::string Initialize(void *library, const std::string &program_name) {
  if (PyInitConfig_Create == nullptr) {
    // A variable, where everything else is functions: there is no other way before PyInitConfig.
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
  // It starts isolated from the user's environment; these make it what `python3` is, and what Py_InitializeEx(0) was.
  const struct {
    const char *name;
    int64_t value;
  } as_python3[] = {{"isolated", 0},  {"use_environment", 1},  {"user_site_directory", 1},
                    {"safe_path", 0}, {"configure_locale", 1}, {"install_signal_handlers", 0}};
  bool ok = true;
  for (const auto &option : as_python3) ok = ok && PyInitConfig_SetInt(config, option.name, option.value) == 0;
  // Not 0 otherwise, since from 3.15 on that is no default.
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

// What every instance needs of python/runtime/. Other parts are loaded from their files when they are.
constexpr const char *kParts[] = {"start",    "names",    "exceptions", "environment", "modules",
                                  "handlers", "uncaught", "threads",    "watchdog",    "ending"};

std::string PartFile(const std::string &bootstrap_path, const char *name) {
  return bootstrap_path.substr(0, bootstrap_path.rfind('/') + 1) + name + ".py";
}

// The parts as a marshalled dictionary of code, in the format of this version; empty if there is one that Python can't
// compile. From beside them, as Python keeps what it has compiled (__pycache__), if that is where Python does so:
// compiling takes as long as starting an interpreter. Elsewhere it could be of another version of this package, whose
// files all have the same time from npm.
std::string Compile(const std::string &bootstrap_path) {
  const PyRef globals = PyRef::Steal(PyDict_New());
  const PyRef files = PyRef::Steal(PyDict_New());
  const PyRef program = PyRef::Steal(
      Py_CompileString("import marshal, sys\n"
                       "from _frozen_importlib_external import SourceFileLoader\n"
                       "def compiled(name, file):\n"
                       "  loader = SourceFileLoader(name, file)\n"
                       "  try: code = loader.get_code(name) if sys.pycache_prefix is None else None\n"
                       "  except Exception: code = None  # what was kept is damaged\n"
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

// Of the current interpreter.
std::set<std::string> ModuleNames() {
  std::set<std::string> names;
  const PyRef items = PyRef::Steal(PyDict_Items(PyImport_GetModuleDict()));
  for (Py_ssize_t i = 0; items && i < PyList_Size(items.get()); ++i) {
    names.insert(ToText(PyTuple_GetItem(PyList_GetItem(items.get(), i), 0)));
  }
  PyErr_Clear();
  return names;
}

}  // namespace

int PythonRuntime::OnAuditEvent(const char *event, PyObject *, void *data) {
  const PythonRuntime &runtime = *static_cast<PythonRuntime *>(data);
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

PyThreadState *PythonRuntime::NewInterpreter() {
  setting_up_ = true;
  PyThreadState *const state = Py_NewInterpreter();
  setting_up_ = false;
  return state;
}

PythonRuntime &PythonRuntime::Get() {
  static PythonRuntime *const runtime = std::make_unique<PythonRuntime>().release();  // on purpose never freed
  return *runtime;
}

PythonLoadError PythonRuntime::Start(uint64_t owner, const PythonOptions &options) {
  static std::mutex mutex;  // environments of several worker threads may come here at once
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

  // Another copy of this package has opened its libpython, perhaps of another version, for everybody to see, as below.
  // Opening one more beside it would mix the two.
  if (const auto is_initialized = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "Py_IsInitialized"));
      is_initialized != nullptr && is_initialized() != 0) {
    return {"PYTHON_IN_USE", "another native addon has already started CPython in this process"};
  }

  try {
    StartThreads();
  } catch (const std::system_error &error) {
    return {"PYTHON_LOAD", std::string("threads can't be started: ") + error.what()};
  }

  // GLOBAL because extension modules are not linked to libpython and look its symbols up in the global scope.
  void *library = dlopen(options.library.c_str(), RTLD_GLOBAL | ExtensionDlopenFlags(options.deep_bind));
  if (library == nullptr) return {"PYTHON_LOAD", dlerror()};
  if (const char *missing = mmpy_python_bind(library)) {
    return {"PYTHON_SYMBOL", options.library + " does not export " + missing};
  }
  if (Py_IsInitialized() != 0) {  // of an addon that has opened the same one for itself
    return {"PYTHON_IN_USE", "another native addon has already started CPython in this process"};
  }

  options_ = options;
  if (options.ignore_home) unsetenv("PYTHONHOME");
  libc_environ_ = LibcEnviron(options.deep_bind);
  LetChildrenInheritStandardStreams();
  setting_up_ = true;
  if (PySys_AddAuditHook(OnAuditEvent, this) != 0) return {"PYTHON_LOAD", "out of memory"};
  ShareEnvironment();
  if (std::string error = Initialize(library, options.program_name); !error.empty())
    return {"PYTHON_LOAD", std::move(error)};
  setting_up_ = false;
  mmpy_module_bind();
  bootstrap_code_ = Compile(options.bootstrap_path);
  main_modules_ = ModuleNames();
  owner_ = owner;
  main_state_ = PyEval_SaveThread();
  return {};
}

// Before there is a Python, since afterwards there is no way back. They do nothing without.
void PythonRuntime::StartThreads() {
  if (!watchdog_runs_) watchdog_.Start();
  watchdog_runs_ = true;
  if (!gil_requests_run_) gil_requests_.Start();
  gil_requests_run_ = true;
}

std::string PythonRuntime::version() const { return started() ? Py_GetVersion() : ""; }

}  // namespace mmpy
