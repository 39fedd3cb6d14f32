// The functions that a python instance's code has registered to be called periodically, or once after a time.
// TypeScript schedules intervals of 10 ms and multiples (lib/engine/scheduler.ts), the core the others
// (routing/timetable.h).
//
// During a reload, intervals that new versions of modules register or cancel are only marked; this takes effect or is
// undone at the end. Calls from threads take effect at once.
#ifndef MMPY_INTERVALS_H
#define MMPY_INTERVALS_H

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "instance/home.h"
#include "python/py_ref.h"

namespace mmpy {

class Intervals {
 public:
  explicit Intervals(Home &home) : home_(home) {}

  // midimonster.interval() and midimonster.after(); 0, or -1 with an exception set. `ms` is 0 or positive.
  enum class Timing { kRounded, kExact, kOnce };
  int Set(PyObject *function, double ms, Timing timing);

  // Calls the function of an interval that is rounded; that of another one.
  void Run(uint32_t interval) { Run(interval, true); }
  void RunTimer(uint32_t interval) { Run(interval, false); }

  void Begin();
  // Cancels intervals of old versions that have not been registered again.
  void DropOld(const IsMeant &is_old);
  void Commit();
  void Rollback();

  // Cancels all. Releasing them runs user code (__del__).
  void Clear();

  // Without releasing anything, for when the GIL can't be taken.
  void Abandon();

 private:
  using Hash = std::optional<Py_ssize_t>;  // none for a function that has no hash
  struct Entry {
    PyRef function;
    Hash hash;
    Timing timing;  // one that is called once is never equal to one that is called periodically
    // On trial:
    bool is_new = false;        // it did not exist before
    bool is_renewed = false;    // it existed, and has been registered again
    bool is_cancelled = false;  // it has been cancelled
  };
  // By id, which is in order of registration. Not a vector: code may have any number of delayed functions, and each
  // leaves when it is called.
  using Entries = std::map<uint32_t, Entry>;

  // What has been asked for.
  struct Wanted {
    uint32_t id;
    double ms;  // 0 cancels
    Timing timing;
  };

  Entry &Add(uint32_t id, PyObject *function, const Hash &hash, Timing timing, bool is_new);
  void Unlist(uint32_t id, const Hash &hash);
  uint32_t FindEqual(PyObject *function, const Hash &hash, bool once);
  void SetOnTrial(Wanted wanted, PyObject *function, const Hash &hash);
  void SetNow(Wanted wanted, PyObject *function, const Hash &hash);
  void Schedule(Entry &entry, const Wanted &wanted);
  void Unschedule(uint32_t id, Timing timing);
  void TellRounded(PyObject *function, double given_ms, double ms);
  void Run(uint32_t id, bool is_rounded);
  IntervalChange Change(uint32_t id, double period_ms) const;
  template <typename Condition>
  void DropWhere(Condition condition, Entries &dropped);

  Home &home_;
  uint32_t next_ = 0;
  Entries entries_;
  // The ids of those that may be equal to a function, since equal ones have the same hash; in order.
  std::unordered_map<Py_ssize_t, std::vector<uint32_t>> hashed_;
  std::vector<uint32_t> not_hashed_;
  std::vector<Wanted> on_trial_;   // not yet passed to a scheduler
  std::set<std::string> rounded_;  // names of functions about whose periods there was a warning
};

}  // namespace mmpy

#endif
