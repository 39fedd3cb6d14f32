#include "python/exception.h"

#include <utility>

#include "python/interpreter.h"
#include "python/module.h"
#include "routing/shortened.h"

namespace mmpy {

namespace {

constexpr Py_ssize_t kMaxPlaces = 200;  // describe_exception() gives fewer

std::optional<std::string> ToOptionalText(PyObject *text) {
  if (text == nullptr || mmpy_is_none(text) != 0) return {};
  return ToText(text);
}

std::string TextAt(PyObject *tuple, Py_ssize_t index) { return ToText(ItemOf(tuple, index)); }

std::vector<PythonException::Place> ToPlaces(PyObject *list) {
  std::vector<PythonException::Place> places;
  for (Py_ssize_t i = 0; i < PyList_Size(list) && i < kMaxPlaces; ++i) {
    // Owned: converting what is not an int runs user code, which may change the list.
    const PyRef place = PyRef::Borrow(PyList_GetItem(list, i));
    if (!place) break;
    PyObject *const line = ItemOf(place.get(), 1);
    const long number = line == nullptr ? 0 : PyLong_AsLong(line);
    places.push_back(
        {Shortened(TextAt(place.get(), 0), kMaxName), number, Shortened(TextAt(place.get(), 2), kMaxName)});
  }
  return places;
}

}  // namespace

PyRef TakeRaised() {
  if (PyErr_GetRaisedException != nullptr) return PyRef::Steal(PyErr_GetRaisedException());
  PyObject *type = nullptr;
  PyObject *value = nullptr;
  PyObject *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  const PyRef owned_type = PyRef::Steal(type);
  const PyRef owned_traceback = PyRef::Steal(traceback);
  if (value != nullptr && traceback != nullptr) PyException_SetTraceback(value, traceback);
  return PyRef::Steal(value);
}

PythonException ToException(PyObject *description) {
  PythonException exception;
  exception.type = TextAt(description, 0);
  exception.message = TextAt(description, 1);
  exception.name = ToOptionalText(ItemOf(description, 2));
  exception.path = ToOptionalText(ItemOf(description, 3));
  if (PyObject *const places = ItemOf(description, 4)) exception.places = ToPlaces(places);
  exception.text = TextAt(description, 5);
  PyErr_Clear();
  return exception;
}

PythonException Undescribed(PyObject *exception) {
  const PyRef type = PyRef::Steal(PyObject_Type(exception));
  const PyRef name = type ? PyRef::Steal(PyObject_GetAttrString(type.get(), "__name__")) : PyRef();
  PythonException undescribed;
  if (name) undescribed.type = ToText(name.get());
  PyErr_Clear();
  if (undescribed.type.empty()) undescribed.type = "Exception";
  undescribed.text = undescribed.type + " (its traceback could not be formatted)";
  return undescribed;
}

}  // namespace mmpy
