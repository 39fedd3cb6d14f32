#include "instance/intervals.h"

#include <algorithm>
#include <utility>

#include "io/guard.h"
#include "python/user_code.h"
#include "routing/reserve.h"

namespace mmpy {

namespace {

constexpr uint32_t kNoInterval = UINT32_MAX;

}  // namespace

Intervals::Entries::iterator Intervals::Find(uint32_t id) {
  return std::find_if(entries_.begin(), entries_.end(), [&](const Entry &entry) { return entry.id == id; });
}

IntervalChange Intervals::Change(uint32_t id, double period_ms) const {
  return {home_.id, id, period_ms, static_cast<double>(home_.core.now_ms())};
}

// The interval whose function equals this one, or kNoInterval, possibly with an exception set. Comparing runs user
// code, which may register and cancel intervals: so it uses a copy.
uint32_t Intervals::FindEqual(PyObject *function) {
  const Entries entries = entries_;
  for (const Entry &entry : entries) {
    const int equal = PyObject_RichCompareBool(function, entry.function.get(), Py_EQ);
    if (home_.RefuseIfStopped() || equal < 0) return kNoInterval;
    if (equal > 0) return entry.id;
  }
  return kNoInterval;
}

int Intervals::Set(PyObject *function, unsigned long long period_ms) {
  if (home_.ending && period_ms != 0) return 0;
  const uint32_t id = FindEqual(function);
  if (PyErr_Occurred() != nullptr) return -1;
  if (home_.on_trial()) {
    SetOnTrial(id, function, static_cast<double>(period_ms));
  } else {
    SetNow(id, function, static_cast<double>(period_ms));
  }
  return 0;
}

void Intervals::SetOnTrial(uint32_t id, PyObject *function, double period_ms) {
  // What fails, fails before anything has changed.
  ReserveFor(entries_, entries_.size() + 1);
  ReserveFor(on_trial_, on_trial_.size() + 1);
  const auto place = Find(id);
  const bool known = place != entries_.end() && !place->is_cancelled;
  if (period_ms == 0 && !known) return;
  if (place == entries_.end()) {
    id = next_++;
    entries_.push_back({id, PyRef::Borrow(function), true});
  } else {
    place->is_cancelled = period_ms == 0;
    place->is_renewed = period_ms != 0;
  }
  on_trial_.push_back(Change(id, period_ms));
}

void Intervals::SetNow(uint32_t id, PyObject *function, double period_ms) {
  auto &changes = home_.core.news().intervals;
  ReserveFor(entries_, entries_.size() + 1);
  ReserveFor(changes, changes.size() + 1);
  const auto place = Find(id);
  PyRef cancelled;  // released last: that runs user code (__del__)
  if (place == entries_.end()) {
    if (period_ms == 0) return;
    id = next_++;
    entries_.push_back({id, PyRef::Borrow(function)});
  } else if (period_ms == 0) {
    cancelled = std::move(place->function);
    entries_.erase(place);
  } else {
    place->is_new = place->is_cancelled = false;
    place->is_renewed = true;
  }
  // This call comes later than those on trial.
  on_trial_.erase(std::remove_if(on_trial_.begin(), on_trial_.end(),
                                 [&](const IntervalChange &change) { return change.interval == id; }),
                  on_trial_.end());
  changes.push_back(Change(id, period_ms));
  home_.WakeCore();
}

void Intervals::Run(uint32_t interval) {
  const auto place = Find(interval);
  if (place == entries_.end()) return;  // cancelled by another interval due at the same time
  const GilScope own(home_.gil, home_.interpreter.state());
  const PyRef function = place->function;  // it may cancel itself
  CallUser(home_.core, home_.id, home_.interpreter, home_.AsRunning("interval", function.get()), nullptr);
}

void Intervals::Begin() {
  on_trial_.clear();
  for (Entry &entry : entries_) entry.is_new = entry.is_renewed = entry.is_cancelled = false;
}

void Intervals::DropOld(const IsMeant &is_old) {
  const Entries entries = entries_;  // is_meant() runs Python code
  for (const Entry &entry : entries) {
    if (entry.is_new || entry.is_renewed || entry.is_cancelled || !is_old(entry.function.get())) continue;
    const auto place = Find(entry.id);
    if (place == entries_.end() || place->is_renewed) continue;
    on_trial_.push_back(Change(entry.id, 0));
    place->is_cancelled = true;
  }
}

void Intervals::Commit() {
  auto &changes = home_.core.news().intervals;
  ReserveFor(changes, changes.size() + on_trial_.size());
  Entries dropped;  // released last, since that runs user code
  dropped.reserve(entries_.size());
  changes.insert(changes.end(), on_trial_.begin(), on_trial_.end());
  on_trial_.clear();
  DropWhere([](const Entry &entry) { return entry.is_cancelled; }, dropped);
}

void Intervals::Rollback() {
  Entries dropped;
  dropped.reserve(entries_.size());
  on_trial_.clear();
  DropWhere([](const Entry &entry) { return entry.is_new; }, dropped);
}

// There is room for all in `dropped`.
template <typename Condition>
void Intervals::DropWhere(Condition condition, Entries &dropped) {
  auto next = entries_.begin();
  for (Entry &entry : entries_) {
    if (condition(entry)) {
      dropped.push_back(std::move(entry));
    } else {
      std::swap(*next++, entry);
    }
  }
  entries_.erase(next, entries_.end());  // these are empty by now
}

void Intervals::Clear() {
  const Entries entries = std::exchange(entries_, {});
  on_trial_.clear();
  // The scheduler would otherwise keep calling. It forgets the instance anyway soon, so it is no matter if this fails.
  auto &changes = home_.core.news().intervals;
  const auto cancel = [&] {
    for (const Entry &entry : entries) changes.push_back(Change(entry.id, 0));
  };
  Guard(cancel, [](const char *) {});
}

void Intervals::Abandon() {
  for (Entry &entry : entries_) entry.function.release();
}

}  // namespace mmpy
