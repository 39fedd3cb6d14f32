// The intervals of a python instance: which functions are registered. When they are due is TypeScript's
// (lib/scheduler.ts).
#include <algorithm>
#include <utility>

#include "instance/python_instance.h"
#include "python/user_code.h"

namespace mmpy {

int PythonInstance::Interval(PyObject *function, unsigned long long period_ms) {
  // Comparing runs user code, which may register and cancel: compare against a copy, then look the winner up again.
  const std::vector<IntervalEntry> snapshot = intervals_;
  uint32_t id = UINT32_MAX;
  for (const IntervalEntry &entry : snapshot) {
    const int equal = PyObject_RichCompareBool(function, entry.function.get(), Py_EQ);
    if (RefuseIfStopped() || equal < 0) return -1;
    if (equal > 0) {
      id = entry.id;
      break;
    }
  }
  const auto place =
      std::find_if(intervals_.begin(), intervals_.end(), [&](const IntervalEntry &entry) { return entry.id == id; });
  PyRef cancelled;
  if (place == intervals_.end()) {
    if (period_ms == 0) return 0;
    id = next_interval_++;
    intervals_.push_back({id, PyRef::Borrow(function)});
  } else if (period_ms == 0) {
    cancelled = std::move(place->function);
    intervals_.erase(place);
  }
  if (reload_ != nullptr) reload_->renewed_intervals.push_back(id);
  auto &changes = reload_ != nullptr ? reload_->interval_changes : core_.news().intervals;
  changes.push_back({id_, id, static_cast<double>(period_ms), static_cast<double>(core_.now_ms())});
  if (!core_.entered()) core_.Wake();
  return 0;
}

void PythonInstance::RunInterval(uint32_t interval) {
  const auto place = std::find_if(intervals_.begin(), intervals_.end(),
                                  [&](const IntervalEntry &entry) { return entry.id == interval; });
  if (place == intervals_.end()) return;  // cancelled by one that was due at the same time
  const GilScope own(PythonRuntime::Get().gil(), state());
  const PyRef function = place->function;  // it may cancel itself
  if (!CallUser(interpreter_, {this, "interval", function.get()}, nullptr))
    ReportException(core_, id_, interpreter_, "interval", function.get());
}

}  // namespace mmpy
