// Where python/runtime/child.py, in an instance's process, enters: an extension module that is not one, since the
// layout of a module's definition differs between builds of CPython. Its import leaves a function in sys.modules and
// fails.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "child/event_loop.h"
#include "child/process.h"
#include "io/forked.h"
#include "io/guard.h"
#include "io/stream_writer.h"
#include "python/exception.h"
#include "python/module.h"

namespace mmpy {

namespace {

SharedMemory *Map() {
  struct stat file = {};
  if (fstat(kMemoryFd, &file) != 0 || static_cast<size_t>(file.st_size) < sizeof(SharedMemory)) return nullptr;
  void *const memory = mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE, MAP_SHARED, kMemoryFd, 0);
  if (memory == MAP_FAILED) return nullptr;
#ifdef MADV_DONTFORK
  madvise(memory, sizeof(SharedMemory), MADV_DONTFORK);  // a fork in user code must not write into the ring
#endif
  return static_cast<SharedMemory *>(memory);
}

// run(start_file), which does not return.
PyObject *Run(PyObject *, PyObject *start_file) {
  const std::string file = ToText(start_file);
  const auto run = [&] {
    for (int fd = kRequestsFd; fd <= kCrashFd; ++fd) {
      fcntl(fd, F_SETFD, FD_CLOEXEC);
      CloseInForkedChildren(fd);
    }
    // With the router, and before it where memory runs out. The first follows the thread that has started this process;
    // the sockets tell of every other end.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
      dprintf(fd, "300");
      close(fd);
    }
    SharedMemory *const shared = Map();
    if (shared == nullptr) _exit(1);
    // The router ends its processes; a signal to all of a service's is for the router. Not SIG_IGN, which programs that
    // user code starts would inherit.
    for (const int signal_ : {SIGINT, SIGTERM, SIGHUP}) signal(signal_, [](int) {});
    Process process(*shared, file);
    process.Run();
    FlushStandardStreams();
    _exit(0);
  };
  Guard(run, [](const char *what) {
    dprintf(STDERR_FILENO, "midimonster: %s\n", what);
    _exit(1);
  });
  return nullptr;
}

PyMethodDef run_function = {"run", Run, METH_O, nullptr};

}  // namespace

}  // namespace mmpy

extern "C" __attribute__((visibility("default"))) PyObject *PyInit_midimonster_child() {
  if (!mmpy::UseLoop(mmpy::ChildLoopFunctions())) return nullptr;  // this is the router
  if (mmpy_python_bind(dlopen(nullptr, RTLD_NOW)) != nullptr) return nullptr;
  mmpy_module_bind();
  PyObject *const function = PyCFunction_NewEx(&mmpy::run_function, nullptr, nullptr);
  if (function == nullptr) return nullptr;
  PyDict_SetItemString(PyImport_GetModuleDict(), "_mmpy_run", function);
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR), "loaded");
  return nullptr;
}
