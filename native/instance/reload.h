// Loading a running python instance's modules anew.
//
// The new version of a module runs in the same interpreter, beside the old one, and may take things over from it. Until
// it is known whether all goes well - in this instance, in others, in the configuration - nothing that it does has an
// effect: what it outputs and which intervals it registers is written down here, and for sockets and the cleanup
// handler here is what there was before. The event queue rests meanwhile, see Core::Hold().
//
// Afterwards either version goes. What is registered belongs to the module that its function is defined in.
#ifndef MMPY_RELOAD_H
#define MMPY_RELOAD_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "instance/managed_sockets.h"
#include "python/py_ref.h"
#include "routing/core.h"

namespace mmpy {

struct IntervalEntry {
  uint32_t id;
  PyRef function;
};

struct Reload {
  std::vector<std::pair<uint32_t, double>> outputs;  // channels and values, in order
  std::vector<IntervalChange> interval_changes;      // that the scheduler has not been told of
  std::vector<uint32_t> renewed_intervals;

  // As they were
  std::vector<IntervalEntry> intervals;
  ManagedSockets::Watches watches;
  PyRef cleanup_handler;

  // Lets go of everything without releasing it, for when the GIL can't be had; then of itself.
  void Abandon();
};

}  // namespace mmpy

#endif
