// A pair of typed arrays in which batches of events cross to JavaScript, as wide as the widest batch so far. Both are
// views of one buffer.
//
// Uses plain Node-API functions, since creating node-addon-api objects costs several calls each time.
#ifndef MMPY_EVENT_ARRAYS_H
#define MMPY_EVENT_ARRAYS_H

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace mmpy {

class EventArrays {
 public:
  explicit EventArrays(napi_env env) : env_(env) {}
  ~EventArrays() { Release(); }
  EventArrays(const EventArrays &) = delete;
  EventArrays &operator=(const EventArrays &) = delete;

  // Copies events to the beginning of the arrays, which may be replaced. False, with an exception pending, if there is
  // not enough memory.
  bool Fill(const uint32_t *channels, const double *values, size_t count);

  // To be called within a handle scope.
  napi_value channels() const { return Value(channels_); }
  napi_value values() const { return Value(values_); }

  // Releases the arrays: the next batch creates new ones.
  void Release();

 private:
  napi_value Value(napi_ref reference) const {
    napi_value value = nullptr;
    napi_get_reference_value(env_, reference, &value);
    return value;
  }
  bool Make(size_t count);

  const napi_env env_;
  size_t capacity_ = 0;
  double *memory_ = nullptr;  // of the buffer: values, then channels
  napi_ref buffer_ = nullptr;
  napi_ref channels_ = nullptr;
  napi_ref values_ = nullptr;
};

}  // namespace mmpy

#endif
