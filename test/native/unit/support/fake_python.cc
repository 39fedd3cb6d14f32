#include "support/fake_python.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>

namespace mmpy::test {

namespace {

FakePython *python = nullptr;

std::string Name(PyThreadState *state) { return std::to_string(reinterpret_cast<uintptr_t>(state)); }

void IncRef(PyObject *object) { ++object->references; }

void DecRef(PyObject *object) {
  ASSERT_GT(object->references, 0u) << "released once too often";
  if (--object->references > 0) return;
  ++object->releases;
  if (object->on_release) object->on_release();
}

void RestoreThread(PyThreadState *state) { python->gil_calls.push_back("take " + Name(state)); }

PyThreadState *SaveThread() {
  python->gil_calls.push_back("give");
  return nullptr;
}

PyThreadState *Swap(PyThreadState *state) {
  python->gil_calls.push_back("swap " + Name(state));
  return nullptr;
}

}  // namespace

FakePython::FakePython() {
  python = this;
  Py_IncRef = IncRef;
  Py_DecRef = DecRef;
  PyEval_RestoreThread = RestoreThread;
  PyEval_SaveThread = SaveThread;
  PyThreadState_Swap = Swap;
}

FakePython::~FakePython() {
  python = nullptr;
  Py_IncRef = Py_DecRef = nullptr;
  PyEval_RestoreThread = nullptr;
  PyEval_SaveThread = nullptr;
  PyThreadState_Swap = nullptr;
}

PyThreadState *FakePython::State(int name) { return reinterpret_cast<PyThreadState *>(static_cast<uintptr_t>(name)); }

Strings::Strings(size_t count)
    : objects_(static_cast<PyObject *>(::operator new(count * sizeof(PyObject), std::align_val_t(4096)))),
      count_(count) {
  for (size_t i = 0; i < count; ++i) new (objects_ + i) PyObject();
}

Strings::~Strings() {
  for (size_t i = 0; i < count_; ++i) objects_[i].~PyObject();
  ::operator delete(objects_, std::align_val_t(4096));
}

size_t Strings::Alive() const {
  size_t alive = 0;
  for (size_t i = 0; i < count_; ++i) alive += objects_[i].references > 0 ? 1 : 0;
  return alive;
}

}  // namespace mmpy::test
