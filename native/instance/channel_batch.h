// Channels of a python instance that are handled and output together: what midimonster.batch() makes.
#ifndef MMPY_CHANNEL_BATCH_H
#define MMPY_CHANNEL_BATCH_H

#include <cstdint>
#include <vector>

#include "python/py_ref.h"

namespace mmpy {

struct ChannelBatch {
  std::vector<uint32_t> channels;  // indices within the instance, by position
  PyRef object;                    // the midimonster.Batch; empty if there is no handler to call with it
  PyRef handler;
  bool renewed = true;  // made since the last reload began

  // The values by position. The inputs are in a bytes object, which is not ours to keep: it says when it goes
  // (python/runtime/batch.py). The outputs are in a bytearray. This view of it is not given to user code: as long as it
  // is there, the bytearray cannot be resized, whatever user code does with views of its own.
  PyRef output_view;
  double *inputs;
  double *outputs;

  std::vector<uint32_t> changed;    // positions with an event in this round: the first `changed_count` elements
  size_t changed_count = 0;         // not the vector's size: it has room for all from the beginning
  std::vector<uint8_t> is_changed;  // by position
  std::vector<double> clamped;      // outputs as they are sent

  // Lets go of everything without releasing it, for when the GIL can't be had.
  void Abandon() {
    for (PyRef *reference : {&object, &handler, &output_view}) reference->release();
  }
};

}  // namespace mmpy

#endif
