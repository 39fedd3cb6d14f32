// The OSC messages that an instance sends: of each path the bytes, in which only arguments change. What they look like
// is decided in lib/backends/osc, which sends the same where this one can't.
#ifndef MMPY_OSC_MESSAGES_H
#define MMPY_OSC_MESSAGES_H

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mmpy {

// An array that belongs to someone else.
template <typename T>
struct Span {
  T *data;
  size_t size;
};

class OscMessages {
 public:
  // What binding.d.ts calls OscOutput, in memory that outlasts this. Of each argument that follows a channel kColumns
  // numbers: its path, its first byte, its type (i, f, h, d, or 0 for a message that is sent for each value above 0.5),
  // minimum, maximum.
  struct Tables {
    Span<uint8_t> bytes;
    Span<uint32_t> ends;     // of each path's message
    Span<double> rows;       // of the arguments
    Span<uint32_t> sources;  // by channel: its argument, or a number that none has
    Span<double> last;       // of each argument, NaN before the first
  };
  static constexpr size_t kColumns = 5;

  explicit OscMessages(const Tables &tables) : tables_(tables), changed_(new uint32_t[2 * tables.ends.size]()) {}

  // Whether nothing in the tables leads out of them.
  bool IsSound() const;

  // Takes the values of a batch, then passes on each message that they have changed, in the order of the first change.
  template <typename Send>
  void Take(const uint32_t *channels, const double *values, size_t count, Send &&send) {
    const uint32_t *const end = Note(channels, values, count);
    const uint32_t *const ends = tables_.ends.data;
    for (const uint32_t *path = changed_.get(); path != end; ++path) {
      const uint32_t begin = *path == 0 ? 0 : ends[*path - 1];
      is_changed()[*path] = 0;
      send(tables_.bytes.data + begin, ends[*path] - begin);
    }
  }

 private:
  const uint32_t *Note(const uint32_t *channels, const double *values, size_t count);
  bool Change(const double *row, double *last, double value);
  uint32_t *is_changed() const { return changed_.get() + tables_.ends.size; }

  const Tables tables_;
  const std::unique_ptr<uint32_t[]> changed_;  // paths; then for each of them whether it is among those
};

}  // namespace mmpy

#endif
