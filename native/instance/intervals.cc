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
  const auto place = std::lower_bound(entries_.begin(), entries_.end(), id,
                                      [](const Entry &entry, uint32_t wanted) { return entry.id < wanted; });
  return place != entries_.end() && place->id == id ? place : entries_.end();
}

// There is room for it in `entries_`.
void Intervals::Add(uint32_t id, PyObject *function, const Hash &hash, bool is_new) {
  (hash ? hashed_[*hash] : not_hashed_).push_back(id);
  entries_.push_back({id, PyRef::Borrow(function), hash, is_new});
}

// For an entry that goes.
void Intervals::Unlist(const Entry &entry) {
  const auto same = entry.hash ? hashed_.find(*entry.hash) : hashed_.end();
  auto &ids = same != hashed_.end() ? same->second : not_hashed_;
  const auto place = std::lower_bound(ids.begin(), ids.end(), entry.id);
  if (place != ids.end() && *place == entry.id) ids.erase(place);
  if (same != hashed_.end() && ids.empty()) hashed_.erase(same);
}

IntervalChange Intervals::Change(uint32_t id, double period_ms) const {
  return {home_.id, id, period_ms, static_cast<double>(home_.core.now_ms())};
}

// The interval whose function equals this one, or kNoInterval, possibly with an exception set. Comparing runs user
// code, which may register and cancel intervals.
uint32_t Intervals::FindEqual(PyObject *function, const Hash &hash) {
  std::vector<uint32_t> ids;
  if (hash) {
    const auto same = hashed_.find(*hash);
    ids = not_hashed_;
    if (same != hashed_.end()) {
      const auto middle = ids.insert(ids.end(), same->second.begin(), same->second.end());
      std::inplace_merge(ids.begin(), middle, ids.end());
    }
  } else {
    for (const Entry &entry : entries_) ids.push_back(entry.id);
  }
  for (const uint32_t id : ids) {
    const auto place = Find(id);
    if (place == entries_.end()) continue;
    const PyRef known = place->function;
    const int equal = PyObject_RichCompareBool(function, known.get(), Py_EQ);
    if (home_.RefuseIfStopped() || equal < 0) return kNoInterval;
    if (equal > 0) return id;
  }
  return kNoInterval;
}

int Intervals::Set(PyObject *function, unsigned long long period_ms) {
  if (home_.ending && period_ms != 0) return 0;
  Hash hash = PyObject_Hash(function);
  if (*hash == -1) hash = {};  // it has none, or its class defines one that raises
  PyErr_Clear();
  if (home_.RefuseIfStopped()) return -1;
  const uint32_t id = FindEqual(function, hash);
  if (PyErr_Occurred() != nullptr) return -1;
  if (home_.on_trial()) {
    SetOnTrial(id, function, hash, static_cast<double>(period_ms));
  } else {
    SetNow(id, function, hash, static_cast<double>(period_ms));
  }
  return 0;
}

void Intervals::SetOnTrial(uint32_t id, PyObject *function, const Hash &hash, double period_ms) {
  // What fails, fails before anything has changed.
  ReserveFor(entries_, entries_.size() + 1);
  ReserveFor(on_trial_, on_trial_.size() + 1);
  const auto place = Find(id);
  const bool known = place != entries_.end() && !place->is_cancelled;
  if (period_ms == 0 && !known) return;
  if (place == entries_.end()) {
    id = next_++;
    Add(id, function, hash, true);
  } else {
    place->is_cancelled = period_ms == 0;
    place->is_renewed = period_ms != 0;
  }
  on_trial_.push_back(Change(id, period_ms));
}

void Intervals::SetNow(uint32_t id, PyObject *function, const Hash &hash, double period_ms) {
  auto &changes = home_.core.news().intervals;
  ReserveFor(entries_, entries_.size() + 1);
  ReserveFor(changes, changes.size() + 1);
  const auto place = Find(id);
  PyRef cancelled;  // released last: that runs user code (__del__)
  if (place == entries_.end()) {
    if (period_ms == 0) return;
    id = next_++;
    Add(id, function, hash, false);
  } else if (period_ms == 0) {
    cancelled = std::move(place->function);
    Unlist(*place);
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
      Unlist(entry);
      dropped.push_back(std::move(entry));
    } else {
      std::swap(*next++, entry);
    }
  }
  entries_.erase(next, entries_.end());  // these are empty by now
}

void Intervals::Clear() {
  const Entries entries = std::exchange(entries_, {});
  hashed_.clear();
  not_hashed_.clear();
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
