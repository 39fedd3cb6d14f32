// An owned reference to a Python object. The GIL must be held, with a thread state of the object's interpreter,
// wherever a PyRef is copied, assigned or destroyed.
#ifndef MMPY_PY_REF_H
#define MMPY_PY_REF_H

#include <utility>

#include "python/api.h"

namespace mmpy {

class PyRef {
 public:
  PyRef() = default;
  PyRef(const PyRef &other) : object_(other.object_) { Acquire(); }
  PyRef(PyRef &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef &operator=(PyRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PyRef() {
    if (object_ != nullptr) Py_DecRef(object_);
  }

  // Takes over a reference that the caller owns ("new reference" in CPython's documentation).
  static PyRef Steal(PyObject *object) {
    PyRef reference;
    reference.object_ = object;
    return reference;
  }

  // Adds a reference to an object owned elsewhere ("borrowed reference").
  static PyRef Borrow(PyObject *object) {
    PyRef reference = Steal(object);
    reference.Acquire();
    return reference;
  }

  void Swap(PyRef &other) noexcept { std::swap(object_, other.object_); }

  PyObject *get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

  // Gives the reference to the caller.
  PyObject *release() { return std::exchange(object_, nullptr); }

 private:
  void Acquire() const {
    if (object_ != nullptr) Py_IncRef(object_);
  }

  PyObject *object_ = nullptr;
};

}  // namespace mmpy

#endif
