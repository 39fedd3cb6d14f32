#include "addon/event_arrays.h"

#include <algorithm>

namespace mmpy {

namespace {

constexpr size_t kMinCapacity = 64;

}  // namespace

bool EventArrays::Fill(const uint32_t *channels, const double *values, size_t count) {
  // JavaScript may have transferred the buffer: then its memory no longer belongs to us.
  bool detached = true;
  if (count > capacity_ || napi_is_detached_arraybuffer(env_, Value(buffer_), &detached) != napi_ok || detached) {
    if (!Make(count)) return false;
  }
  std::copy_n(values, count, memory_);
  std::copy_n(channels, count, reinterpret_cast<uint32_t *>(memory_ + capacity_));
  return true;
}

bool EventArrays::Make(size_t count) {
  const size_t capacity = std::max({count > capacity_ ? 2 * count : capacity_, kMinCapacity});
  Release();
  napi_value buffer = nullptr;
  napi_value values = nullptr;
  napi_value channels = nullptr;
  void *memory = nullptr;
  const size_t values_size = capacity * sizeof(double);
  const bool made =
      napi_create_arraybuffer(env_, values_size + capacity * sizeof(uint32_t), &memory, &buffer) == napi_ok &&
      napi_create_typedarray(env_, napi_float64_array, capacity, buffer, 0, &values) == napi_ok &&
      napi_create_typedarray(env_, napi_uint32_array, capacity, buffer, values_size, &channels) == napi_ok &&
      napi_create_reference(env_, buffer, 1, &buffer_) == napi_ok &&
      napi_create_reference(env_, values, 1, &values_) == napi_ok &&
      napi_create_reference(env_, channels, 1, &channels_) == napi_ok;
  if (!made) {
    Release();
    return false;
  }
  memory_ = static_cast<double *>(memory);
  capacity_ = capacity;
  return true;
}

void EventArrays::Release() {
  for (napi_ref *reference : {&buffer_, &channels_, &values_}) {
    if (*reference != nullptr) napi_delete_reference(env_, *reference);
    *reference = nullptr;
  }
  memory_ = nullptr;
  capacity_ = 0;
}

}  // namespace mmpy
