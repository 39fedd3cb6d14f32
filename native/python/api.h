/*
 * CPython's C API, bound at run time.
 *
 * The addon is built without Python's headers and linked without libpython. Every function in symbols.inc is a
 * function pointer under its real name, so code below this header reads as ordinary C API code. The pointers are NULL
 * until mmpy_python_bind() has succeeded; they are hidden from the dynamic linker, so they never clash with the
 * functions of the same names that libpython exports.
 */
#ifndef MMPY_API_H
#define MMPY_API_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef intptr_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _ts PyThreadState;
typedef struct _is PyInterpreterState;
typedef struct PyInitConfig PyInitConfig;
typedef struct bufferinfo Py_buffer;
typedef struct PyModuleDef PyModuleDef;
typedef PyObject *(*PyCFunction)(PyObject *self, PyObject *arguments);
typedef PyObject *(*PyCFunctionFast)(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* Part of CPython's stable ABI: unchanged since 3.2. */
typedef struct PyMethodDef {
  const char *ml_name;
  PyCFunction ml_meth;
  int ml_flags;
  const char *ml_doc;
} PyMethodDef;

/* Unchanged since 3.5; the functions that take it exist for its sake. */
typedef struct PyMemAllocatorEx {
  void *ctx;
  void *(*malloc)(void *ctx, size_t size);
  void *(*calloc)(void *ctx, size_t count, size_t size);
  void *(*realloc)(void *ctx, void *memory, size_t size);
  void (*free)(void *ctx, void *memory);
} PyMemAllocatorEx;
typedef enum { PYMEM_DOMAIN_RAW } PyMemAllocatorDomain;

/* Stable ABI constants, named as in CPython. */
enum { METH_NOARGS = 0x0004, METH_O = 0x0008, METH_FASTCALL = 0x0080, METH_KEYWORDS = 0x0002 };
enum { Py_EQ = 2 };
enum { PyBUF_WRITABLE = 0x0001 };
enum { Py_file_input = 257 };
#define PY_VECTORCALL_ARGUMENTS_OFFSET ((size_t)1 << (8 * sizeof(size_t) - 1))

#define PYTHON_FUNCTION(result, name, parameters) extern __attribute__((visibility("hidden"))) result(*name) parameters;
#define PYTHON_OPTIONAL PYTHON_FUNCTION
#define PYTHON_SINCE(minor, result, name, parameters) PYTHON_FUNCTION(result, name, parameters)
#include "python/symbols.inc"
#undef PYTHON_FUNCTION
#undef PYTHON_OPTIONAL
#undef PYTHON_SINCE

/*
 * Looks up every function of symbols.inc in `library`, a handle from dlopen(). Returns NULL, or the name of the
 * first function that a supported CPython must export and this library does not.
 */
const char *mmpy_python_bind(void *library);

#ifdef __cplusplus
}
#endif

#endif
