// Which loop the functions of libuv work on. The addon is one file for two programs: in Node they are Node's own, in an
// instance's process those of child/event_loop.cc. So the addon defines them itself, hidden, and each passes its call
// on to the one in a table. Left to the dynamic linker, which of two definitions wins would depend on what else is
// loaded: extension modules such as uvloop contain libuv too.
//
// Linux only: elsewhere they are Node's.
#ifndef MMPY_LOOP_FUNCTIONS_H
#define MMPY_LOOP_FUNCTIONS_H

#include <uv.h>

namespace mmpy {

struct LoopFunctions {
#define MMPY_LOOP_FUNCTION(name) decltype(&::name) name = nullptr;
#include "io/loop_functions.inc"
#undef MMPY_LOOP_FUNCTION
};

// Takes the functions of the program that has loaded the addon: Node. Returns the name of one that it lacks, or NULL.
// May be called again, from any thread.
const char *UseLoopOfProgram();

// Takes these. Returns false where others are in use already. To be called before any of them.
bool UseLoop(const LoopFunctions &functions);

}  // namespace mmpy

#endif
