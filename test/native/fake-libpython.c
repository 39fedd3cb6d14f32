/*
 * A library with libpython's names and nothing behind them, to see what is done where a CPython has other functions
 * than those on this machine. -DLATER makes it a later one, in which what is deprecated today is gone. It never starts:
 * it refuses with the list of what it was told.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char told[1000];

static void note(const char *name, const char *value) {
  const size_t used = strlen(told);
  snprintf(told + used, sizeof told - used, "%s=%s ", name, value);
}

#define PYTHON_FUNCTION(result, name, parameters) \
  long name(void);                                \
  long name(void) { return 0; }
#ifdef LATER
#define PYTHON_OPTIONAL(result, name, parameters)
#else
#define PYTHON_OPTIONAL PYTHON_FUNCTION
#endif
#define PYTHON_SINCE(minor, result, name, parameters) SINCE_##minor(result, name, parameters)
#define SINCE_11 PYTHON_FUNCTION
#define SINCE_12 PYTHON_FUNCTION
#define SINCE_14(result, name, parameters) /* below */
#include "../../native/python/symbols.inc"

typedef struct PyInitConfig PyInitConfig;

PyInitConfig *PyInitConfig_Create(void) { return (PyInitConfig *)told; }

void PyInitConfig_Free(PyInitConfig *config) { (void)config; }

int PyInitConfig_SetInt(PyInitConfig *config, const char *name, int64_t value) {
  char text[30];
  (void)config;
  snprintf(text, sizeof text, "%lld", (long long)value);
  note(name, text);
  return 0;
}

int PyInitConfig_SetStr(PyInitConfig *config, const char *name, const char *value) {
  (void)config;
  note(name, value);
  return 0;
}

int PyInitConfig_GetError(PyInitConfig *config, const char **message) {
  *message = (const char *)config;
  return 1;
}

int Py_InitializeFromInitConfig(PyInitConfig *config) {
  (void)config;
  return -1;
}
