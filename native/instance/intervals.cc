#include "instance/intervals.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/guard.h"
#include "python/user_code.h"
#include "routing/reserve.h"

namespace mmpy {

namespace {

constexpr uint32_t kNoInterval = UINT32_MAX;
constexpr size_t kMaxRounded = 1000;  // user code may generate any number of functions

// Rounds to the nearest 10 ms as the reference does (halves up), but never down to 0, which would mean 'cancel'.
double Rounded(double ms) { return std::max(10.0, std::floor((ms + 5.0) / 10.0) * 10.0); }

}  // namespace

// Throws with everything as before.
Intervals::Entry &Intervals::Add(uint32_t id, PyObject *function, const Hash &hash, Timing timing, bool is_new) {
  const auto place = entries_.try_emplace(id, Entry{PyRef::Borrow(function), hash, timing, is_new}).first;
  try {
    (hash ? hashed_[*hash] : not_hashed_).push_back(id);
  } catch (...) {
    Unlist(id, hash);
    entries_.erase(place);
    throw;
  }
  return place->second;
}

// For an entry that goes.
void Intervals::Unlist(uint32_t id, const Hash &hash) {
  const auto same = hash ? hashed_.find(*hash) : hashed_.end();
  auto &ids = same != hashed_.end() ? same->second : not_hashed_;
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place != ids.end() && *place == id) ids.erase(place);
  if (same != hashed_.end() && ids.empty()) hashed_.erase(same);
}

IntervalChange Intervals::Change(uint32_t id, double period_ms) const {
  return {home_.id, id, period_ms, static_cast<double>(home_.core.now_ms())};
}

// The one of its kind whose function equals this one, or kNoInterval, possibly with an exception set. Comparing runs
// user code, which may register and cancel others.
uint32_t Intervals::FindEqual(PyObject *function, const Hash &hash, bool once) {
  std::vector<uint32_t> ids;
  if (hash) {
    const auto same = hashed_.find(*hash);
    ids = not_hashed_;
    if (same != hashed_.end()) {
      const auto middle = ids.insert(ids.end(), same->second.begin(), same->second.end());
      std::inplace_merge(ids.begin(), middle, ids.end());
    }
  } else {
    for (const auto &entry : entries_) ids.push_back(entry.first);
  }
  for (const uint32_t id : ids) {
    const auto place = entries_.find(id);
    if (place == entries_.end() || (place->second.timing == Timing::kOnce) != once) continue;
    const PyRef known = place->second.function;
    const int equal = PyObject_RichCompareBool(function, known.get(), Py_EQ);
    if (home_.RefuseIfStopped() || equal < 0) return kNoInterval;
    if (equal > 0) return id;
  }
  return kNoInterval;
}

int Intervals::Set(PyObject *function, double ms, Timing timing) {
  if (home_.ending && ms != 0) return 0;
  Hash hash = PyObject_Hash(function);
  if (*hash == -1) hash = {};  // it has none, or its class defines one that raises
  PyErr_Clear();
  if (home_.RefuseIfStopped()) return -1;
  Wanted wanted{kNoInterval, ms, timing};
  if (ms != 0) wanted.ms = timing == Timing::kRounded ? Rounded(ms) : std::max(1.0, ms);
  constexpr double kNegligible = 0.001;  // what computing a period may leave
  if (std::abs(wanted.ms - ms) > kNegligible && timing == Timing::kRounded) TellRounded(function, ms, wanted.ms);
  if (home_.RefuseIfStopped()) return -1;
  wanted.id = FindEqual(function, hash, timing == Timing::kOnce);
  if (PyErr_Occurred() != nullptr) return -1;
  if (home_.on_trial()) {
    SetOnTrial(wanted, function, hash);
  } else {
    SetNow(wanted, function, hash);
  }
  return 0;
}

void Intervals::SetOnTrial(Wanted wanted, PyObject *function, const Hash &hash) {
  // What fails, fails before anything has changed.
  ReserveFor(on_trial_, on_trial_.size() + 1);
  const auto place = entries_.find(wanted.id);
  const bool known = place != entries_.end() && !place->second.is_cancelled;
  if (wanted.ms == 0 && !known) return;
  if (place == entries_.end()) {
    wanted.id = next_++;
    Add(wanted.id, function, hash, wanted.timing, true);
  } else {
    place->second.is_cancelled = wanted.ms == 0;
    place->second.is_renewed = wanted.ms != 0;
  }
  on_trial_.push_back(wanted);
}

void Intervals::SetNow(Wanted wanted, PyObject *function, const Hash &hash) {
  auto &changes = home_.core.news().intervals;
  ReserveFor(changes, changes.size() + 1);
  const auto place = entries_.find(wanted.id);
  PyRef cancelled;  // released last: that runs user code (__del__)
  if (place == entries_.end()) {
    if (wanted.ms == 0) return;
    wanted.id = next_++;
    Entry &added = Add(wanted.id, function, hash, wanted.timing, false);
    try {
      Schedule(added, wanted);
    } catch (...) {
      Unlist(wanted.id, hash);
      entries_.erase(wanted.id);
      throw;
    }
  } else if (wanted.ms == 0) {
    Entry &entry = place->second;
    Unschedule(wanted.id, entry.timing);
    cancelled = std::move(entry.function);
    Unlist(wanted.id, entry.hash);
    entries_.erase(place);
  } else {
    Entry &entry = place->second;
    Schedule(entry, wanted);
    entry.is_new = entry.is_cancelled = false;
    entry.is_renewed = true;
  }
  // This call comes later than those on trial.
  on_trial_.erase(
      std::remove_if(on_trial_.begin(), on_trial_.end(), [&](const Wanted &other) { return other.id == wanted.id; }),
      on_trial_.end());
  home_.WakeCore();
}

// There is room for a change in the news. Throws with everything as before.
void Intervals::Schedule(Entry &entry, const Wanted &wanted) {
  auto &changes = home_.core.news().intervals;
  if (wanted.timing == Timing::kRounded) {
    home_.core.CancelTimer({home_.id, wanted.id});
    changes.push_back(Change(wanted.id, wanted.ms));
  } else {
    const auto mode = wanted.timing == Timing::kOnce ? Timetable::Mode::kOnce : Timetable::Mode::kPeriodic;
    home_.core.SetTimer({home_.id, wanted.id}, wanted.ms, mode);
    if (entry.timing == Timing::kRounded) changes.push_back(Change(wanted.id, 0));
  }
  entry.timing = wanted.timing;
}

void Intervals::Unschedule(uint32_t id, Timing timing) {
  if (timing == Timing::kRounded) {
    home_.core.news().intervals.push_back(Change(id, 0));
  } else {
    home_.core.CancelTimer({home_.id, id});
  }
}

void Intervals::TellRounded(PyObject *function, double given_ms, double ms) {
  std::string name = home_.interpreter.Describe(function);
  if (rounded_.size() >= kMaxRounded || !rounded_.insert(name).second) return;
  std::string place = home_.interpreter.CallerPlace();
  home_.Tell([&] {
    return Report{
        Report::Kind::kRounded, home_.id, "", std::move(name), std::to_string(static_cast<uint64_t>(ms)), given_ms, {},
        std::move(place)};
  });
}

void Intervals::Run(uint32_t id, bool is_rounded) {
  const auto place = entries_.find(id);
  // Cancelled by another one that was due at the same time, or timed differently.
  if (place == entries_.end() || (place->second.timing == Timing::kRounded) != is_rounded) return;
  const bool once = place->second.timing == Timing::kOnce;
  const GilScope own(home_.gil, home_.interpreter.state());
  PyRef function = place->second.function;  // it may cancel itself
  if (once) {
    Unlist(id, place->second.hash);
    entries_.erase(place);  // `function` still owns it
  }
  CallUser(home_.core, home_.id, home_.interpreter,
           home_.AsRunning(once ? "delayed function" : "interval", function.get()), nullptr);
}

void Intervals::Begin() {
  on_trial_.clear();
  for (auto &[id, entry] : entries_) entry.is_new = entry.is_renewed = entry.is_cancelled = false;
}

void Intervals::DropOld(const IsMeant &is_old) {
  const Entries entries = entries_;  // is_meant() runs Python code
  for (const auto &[id, entry] : entries) {
    if (entry.is_new || entry.is_renewed || entry.is_cancelled || !is_old(entry.function.get())) continue;
    const auto place = entries_.find(id);
    if (place == entries_.end() || place->second.is_renewed) continue;
    ReserveFor(on_trial_, on_trial_.size() + 1);
    on_trial_.push_back({id, 0, entry.timing});
    place->second.is_cancelled = true;
  }
}

void Intervals::Commit() {
  auto &changes = home_.core.news().intervals;
  ReserveFor(changes, changes.size() + on_trial_.size());
  Entries dropped;  // released last, since that runs user code
  for (const Wanted &wanted : on_trial_) {
    const auto place = entries_.find(wanted.id);
    if (place == entries_.end()) continue;
    if (wanted.ms == 0) {
      Unschedule(wanted.id, place->second.timing);
    } else {
      home_.core.Try([&] { Schedule(place->second, wanted); });
    }
  }
  on_trial_.clear();
  DropWhere([](const Entry &entry) { return entry.is_cancelled; }, dropped);
}

void Intervals::Rollback() {
  Entries dropped;
  on_trial_.clear();
  DropWhere([](const Entry &entry) { return entry.is_new; }, dropped);
}

// Throws nothing.
template <typename Condition>
void Intervals::DropWhere(Condition condition, Entries &dropped) {
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto place = next++;
    if (!condition(place->second)) continue;
    Unlist(place->first, place->second.hash);
    dropped.insert(entries_.extract(place));
  }
}

void Intervals::Clear() {
  const Entries entries = std::exchange(entries_, {});
  hashed_.clear();
  not_hashed_.clear();
  on_trial_.clear();
  // The scheduler would otherwise keep calling. It forgets the instance anyway soon, so it is no matter if this fails.
  auto &changes = home_.core.news().intervals;
  const auto cancel = [&] {
    for (const auto &entry : entries) changes.push_back(Change(entry.first, 0));
  };
  Guard(cancel, [](const char *) {});
  for (const auto &entry : entries) home_.core.CancelTimer({home_.id, entry.first});
}

void Intervals::Abandon() {
  for (auto &[id, entry] : entries_) entry.function.release();
}

}  // namespace mmpy
