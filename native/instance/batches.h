// The batches of a python instance: channels that are handled and output together, see midimonster.batch().
#ifndef MMPY_BATCHES_H
#define MMPY_BATCHES_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "instance/channels.h"
#include "instance/home.h"
#include "instance/output.h"
#include "python/buffer_hold.h"
#include "python/py_ref.h"

namespace mmpy {

class Batches {
 public:
  Batches(Home &home, Channels &channels, Output &output) : home_(home), channels_(channels), output_(output) {}

  // midimonster.batch(), and functions for python/runtime/batch.py. NULL or -1 with an exception set.
  PyObject *New(PyObject *names, PyObject *handler);
  PyObject *Register(PyObject *names, PyObject *object, PyObject *handler);
  int Send(size_t number);
  PyObject *Changed(size_t number) const;

  // An event has arrived at a channel that is in a batch. Throws nothing: there is room for what is due.
  void Note(const Channels::Channel &channel, double value) {
    for (uint32_t at = channel.batch_place; at != Channels::kNoPlace; at = places_[at].next) {
      const Place &place = places_[at];
      Batch &batch = *batches_[place.batch];
      batch.inputs[place.position] = value;
      if (!batch.handler || batch.is_changed[place.position]) continue;
      if (batch.changed_count == 0) due_.push_back(place.batch);
      batch.is_changed[place.position] = true;
      batch.changed[batch.changed_count++] = place.position;
    }
  }

  // Whether handlers are to be called at the end of the round; calls them.
  bool due() const { return !due_.empty(); }
  void CallHandlers();

  // Whether a channel is handled by a batch.
  bool Handle(const Channels::Channel &channel) const;

  void Begin();
  // Drops handlers of old versions whose batches have not been created again.
  void DropOld(const IsMeant &is_old);
  void Commit();
  void Rollback();

  // Releasing them runs user code (__del__).
  void Clear();

  // Without releasing anything, for when the GIL can't be taken.
  void Abandon();

 private:
  struct Batch {
    std::vector<uint32_t> channels;  // indices within the instance, by position
    PyRef object;                    // the midimonster.Batch; empty if there is no handler to call with it
    PyRef handler;
    bool is_new = false;  // made on trial

    // The values by position, in memory that user code sees and can neither free nor move, whatever it does: the inputs
    // in a bytes object, the outputs in a bytearray that is held as it is.
    PyRef input_memory;
    BufferHold output_memory;
    double *inputs = nullptr;
    double *outputs = nullptr;

    std::vector<uint32_t> changed;  // positions with an event in this round: the first `changed_count` elements
    size_t changed_count = 0;       // not the vector's size, which is that of all positions
    // By position. Not bytes: a store to one may change anything, so that the compiler keeps nothing in registers.
    std::unique_ptr<bool[]> is_changed;
    std::vector<double> clamped;  // outputs as they are sent
  };

  // A channel's place in a batch, and in the next batch that it is in; or a free one, and the next free one.
  struct Place {
    uint32_t batch;
    uint32_t position;
    uint32_t next;
  };

  struct Dropped {
    uint32_t number;
    PyRef object;
    PyRef handler;
  };

  Batch *Find(size_t number) const;
  void ReportClamped(const Batch &batch);
  void Forget(size_t number);
  void ForgetUnread();
  bool IsRead(const Batch &batch) const;
  uint32_t NewPlace(const Place &place);

  Home &home_;
  Channels &channels_;
  Output &output_;
  std::vector<std::unique_ptr<Batch>> batches_;  // NULL for a forgotten batch
  std::vector<uint32_t> free_;
  std::vector<Place> places_;
  uint32_t free_place_ = Channels::kNoPlace;
  size_t without_handler_ = 0;     // batches that are forgotten once nothing reads them,
  size_t to_look_at_ = 0;          // and how many there are when that is looked at again
  std::vector<uint32_t> due_;      // with events in this round
  std::vector<uint32_t> calling_;  // those of the round that ends
  std::vector<Dropped> dropped_;   // to be restored if the reload fails
};

}  // namespace mmpy

#endif
