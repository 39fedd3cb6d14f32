// Tells of a failure that has no other way out: as a warning of the Node process.
#ifndef MMPY_FAILURE_H
#define MMPY_FAILURE_H

#include <napi.h>

namespace mmpy {

// To be called within no JavaScript. Discards an exception that is pending.
void WarnOfFailure(Napi::Env env, const char *what);

}  // namespace mmpy

#endif
