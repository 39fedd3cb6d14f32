#include "io/osc_table.h"

#include <cmath>
#include <cstring>

namespace mmpy {

namespace {

constexpr char kBundle[] = "#bundle";  // with its zero byte
constexpr size_t kBundleHeader = 16;

uint32_t ReadWord(const uint8_t *data) {
  return uint32_t{data[0]} << 24 | uint32_t{data[1]} << 16 | uint32_t{data[2]} << 8 | uint32_t{data[3]};
}

double ReadNumber(uint8_t type, const uint8_t *data) {
  const uint32_t word = ReadWord(data);
  if (type == 'i') return static_cast<int32_t>(word);
  float number = 0;
  std::memcpy(&number, &word, sizeof number);
  return number;
}

// The length of a text with its zero byte and padding.
size_t Padded(size_t length) { return (length & ~size_t{3}) + 4; }

// As levelOf() of lib/backends/osc/values.ts. NaN for NaN.
double LevelOf(double min, double max, double number) {
  if (max == min) return std::isnan(number) ? number : 0;
  const double level = (number / 2 - min / 2) / (max / 2 - min / 2);
  return level < 0 ? 0 : level > 1 ? 1 : level;
}

}  // namespace

void OscTable::Add(const std::string &address, uint32_t arguments, const Slot &slot) {
  std::string padded = address;
  padded.resize(Padded(address.size()));
  const auto [place, is_new] = index_.emplace(padded, paths_.size());
  if (is_new) paths_.push_back({padded, arguments, {}});
  paths_[place->second].slots.push_back(slot);
}

bool OscTable::Read(const uint8_t *data, size_t size, Events *events) {
  if (size < kBundleHeader || std::memcmp(data, kBundle, sizeof kBundle) != 0) return ReadMessage(data, size, events);
  size_t at = kBundleHeader;
  while (at < size) {
    if (size - at < 4) return false;
    const size_t length = ReadWord(data + at);
    at += 4;
    if (length == 0 || length > size - at) return false;
    if (!ReadMessage(data + at, length, events)) return false;
    at += length;
  }
  return true;
}

const OscTable::Path *OscTable::Find(const uint8_t *data, size_t size) {
  if (paths_.empty()) return nullptr;
  if (next_ >= paths_.size()) next_ = 0;
  const auto is_at = [&](size_t place) {
    const std::string &address = paths_[place].address;
    return size > address.size() && std::memcmp(data, address.data(), address.size()) == 0;
  };
  if (is_at(next_)) return &paths_[next_++];
  if (next_ > 0 && is_at(next_ - 1)) return &paths_[next_ - 1];
  const void *const end = std::memchr(data, 0, size);
  if (end == nullptr) return nullptr;
  const size_t length = Padded(static_cast<size_t>(static_cast<const uint8_t *>(end) - data));
  if (length >= size) return nullptr;
  key_.assign(reinterpret_cast<const char *>(data), length);
  const auto found = index_.find(key_);
  if (found == index_.end()) return nullptr;
  next_ = found->second + 1;
  return &paths_[found->second];
}

bool OscTable::ReadMessage(const uint8_t *data, size_t size, Events *events) {
  const Path *const path = Find(data, size);
  if (path == nullptr) return false;
  const size_t types_at = path->address.size();
  if (data[types_at] != ',') return false;
  const uint8_t *const types = data + types_at + 1;
  size_t count = 0;
  while (types_at + 1 + count < size && (types[count] == 'i' || types[count] == 'f')) ++count;
  if (types_at + 1 + count == size || types[count] != 0) return false;
  if (count == 0 || (path->arguments != 0 && path->arguments != count)) return false;
  const size_t arguments_at = types_at + Padded(1 + count);
  if (arguments_at + 4 * count > size) return false;
  for (const Slot &slot : path->slots) {
    if (slot.position >= count) continue;
    const uint8_t type = types[slot.position];
    const double number = ReadNumber(type, data + arguments_at + 4 * size_t{slot.position});
    const double max = slot.limited ? slot.max : type == 'i' ? 255 : 1;
    const double value = LevelOf(slot.limited ? slot.min : 0, max, number);
    if (std::isnan(value)) return false;
    events->channels.push_back(slot.channel);
    events->values.push_back(value);
  }
  return true;
}

}  // namespace mmpy
