// Reads OSC datagrams that have nothing unusual about them: messages to paths that channels listen to, whose arguments
// are all of type i or f, alone or in a bundle. Whatever else a datagram has in it - patterns, other types, faults -
// is for lib/backends/osc, which reads the same in the same way.
#ifndef MMPY_OSC_TABLE_H
#define MMPY_OSC_TABLE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace mmpy {

class OscTable {
 public:
  // A channel that an argument goes to.
  struct Slot {
    uint32_t position;  // of the argument
    uint32_t channel;
    bool limited;  // whether these are its limits; otherwise its type has some
    double min;
    double max;
  };

  // The events of a datagram.
  struct Events {
    std::vector<uint32_t> channels;
    std::vector<double> values;
    size_t size() const { return channels.size(); }
    void Clear() {
      channels.clear();
      values.clear();
    }
  };

  // Adds a slot of a path, of whose messages only those with so many arguments count; 0: all. In order of positions.
  void Add(const std::string &address, uint32_t arguments, const Slot &slot);

  // Appends the events of a datagram. False, with an unknown rest appended, if it has anything else.
  bool Read(const uint8_t *data, size_t size, Events *events);

 private:
  struct Path {
    std::string address;  // with its zero byte and padding
    uint32_t arguments;
    std::vector<Slot> slots;
  };

  bool ReadMessage(const uint8_t *data, size_t size, Events *events);
  const Path *Find(const uint8_t *data, size_t size);

  std::vector<Path> paths_;
  std::unordered_map<std::string, size_t> index_;  // by address, padded
  std::string key_;
  // The path after the one found last: bundles name them in the same order each time, a fader the same one.
  size_t next_ = 0;
};

}  // namespace mmpy

#endif
