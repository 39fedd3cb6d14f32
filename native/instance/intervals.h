// The intervals of a python instance: the registered functions. TypeScript schedules them (lib/engine/scheduler.ts).
//
// During a reload, intervals that new versions of modules register or cancel are only marked; this takes effect or is
// undone at the end. Calls from threads take effect at once.
#ifndef MMPY_INTERVALS_H
#define MMPY_INTERVALS_H

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "instance/home.h"
#include "python/py_ref.h"

namespace mmpy {

class Intervals {
 public:
  explicit Intervals(Home &home) : home_(home) {}

  // midimonster.interval(); 0, or -1 with an exception set.
  int Set(PyObject *function, unsigned long long period_ms);

  void Run(uint32_t interval);

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
    uint32_t id;
    PyRef function;
    Hash hash;
    // On trial:
    bool is_new = false;        // it did not exist before
    bool is_renewed = false;    // it existed, and has been registered again
    bool is_cancelled = false;  // it has been cancelled
  };
  using Entries = std::vector<Entry>;

  Entries::iterator Find(uint32_t id);
  void Add(uint32_t id, PyObject *function, const Hash &hash, bool is_new);
  void Unlist(const Entry &entry);
  uint32_t FindEqual(PyObject *function, const Hash &hash);
  void SetOnTrial(uint32_t id, PyObject *function, const Hash &hash, double period_ms);
  void SetNow(uint32_t id, PyObject *function, const Hash &hash, double period_ms);
  IntervalChange Change(uint32_t id, double period_ms) const;
  template <typename Condition>
  void DropWhere(Condition condition, Entries &dropped);

  Home &home_;
  uint32_t next_ = 0;
  Entries entries_;  // in order of registration, which is that of their ids
  // The ids of those that may be equal to a function, since equal ones have the same hash; in order.
  std::unordered_map<Py_ssize_t, std::vector<uint32_t>> hashed_;
  std::vector<uint32_t> not_hashed_;
  std::vector<IntervalChange> on_trial_;  // not yet passed to the scheduler
};

}  // namespace mmpy

#endif
