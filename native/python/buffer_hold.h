// Keeps the memory behind a Python object's buffer where it is.
#ifndef MMPY_BUFFER_HOLD_H
#define MMPY_BUFFER_HOLD_H

#include <cstddef>

#include "python/api.h"

namespace mmpy {

// While it holds a bytearray, that can be neither freed nor resized. Not a memoryview, which would do the same: user
// code finds every memoryview (`gc.get_objects()`) and can release it. The GIL must be held, as for a PyRef.
class BufferHold {
 public:
  BufferHold() = default;
  ~BufferHold() {
    if (holds_) PyBuffer_Release(buffer());
  }
  BufferHold(const BufferHold &) = delete;
  BufferHold &operator=(const BufferHold &) = delete;

  // False with an exception set if the object has no writable buffer.
  bool Take(PyObject *object) {
    holds_ = PyObject_GetBuffer(object, buffer(), PyBUF_WRITABLE) == 0;
    return holds_;
  }

  // Keeps the memory for ever without being its owner, for when the GIL can't be taken.
  void Abandon() { holds_ = false; }

 private:
  Py_buffer *buffer() { return reinterpret_cast<Py_buffer *>(memory_); }

  // CPython's struct takes 80 bytes, and nothing here looks into it.
  alignas(std::max_align_t) unsigned char memory_[256] = {};
  bool holds_ = false;
};

}  // namespace mmpy

#endif
