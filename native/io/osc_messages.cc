#include "io/osc_messages.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace mmpy {

namespace {

size_t SizeOf(char type) { return type == 0 ? 0 : type == 'i' || type == 'f' ? 4 : 8; }

// As argumentOf() of lib/backends/osc/values.ts, to the last bit: a value has to count as unchanged for both.
double NumberFor(char type, double min, double max, double value) {
  const double range = max - min;
  if (type == 'f') return static_cast<float>(value * range + min);
  if (type == 'd') {
    return std::isfinite(range) ? value * range + min : 2 * (value * (max / 2 - min / 2) + min / 2);
  }
  const double steps = std::abs(range);
  if (steps == 0) return min;
  const double taken = std::min(std::trunc((value + std::min(6e-7, 0.5 / steps)) * steps), steps);
  return range > 0 ? min + taken : min - taken;
}

int64_t Whole(double number) {
  // The largest of 64 bits has no double of its own.
  constexpr double kBeyond = 9223372036854775808.0;
  if (number >= kBeyond) return std::numeric_limits<int64_t>::max();
  return number >= -kBeyond ? static_cast<int64_t>(number) : std::numeric_limits<int64_t>::min();
}

void Write(uint8_t *to, char type, double number) {
  uint64_t bits = 0;
  if (type == 'f') {
    const auto single = static_cast<float>(number);
    uint32_t word = 0;
    std::memcpy(&word, &single, sizeof word);
    bits = word;
  } else if (type == 'd') {
    std::memcpy(&bits, &number, sizeof bits);
  } else {
    bits = static_cast<uint64_t>(Whole(number));
  }
  for (size_t i = SizeOf(type); i-- > 0; bits >>= 8) to[i] = static_cast<uint8_t>(bits);
}

}  // namespace

bool OscMessages::IsSound() const {
  const auto &[bytes, ends, rows, sources, last] = tables_;
  size_t end = 0;
  for (size_t i = 0; i < ends.size; ++i) {
    if (ends.data[i] < end || ends.data[i] > bytes.size) return false;
    end = ends.data[i];
  }
  if (rows.size != last.size * kColumns) return false;
  for (const double *row = rows.data; row < rows.data + rows.size; row += kColumns) {
    const bool in_range =
        row[0] >= 0 && row[0] < static_cast<double>(ends.size) && row[1] >= 0 &&
        row[1] + static_cast<double>(SizeOf(static_cast<char>(row[2]))) <= static_cast<double>(bytes.size);
    if (!in_range) return false;
  }
  return true;
}

bool OscMessages::Change(const double *row, double *last, double value) {
  const char type = static_cast<char>(row[2]);
  if (type == 0) return value > 0.5;
  const double next = NumberFor(type, row[3], row[4], value);
  if (next == *last) return false;
  *last = next;
  Write(tables_.bytes.data + static_cast<size_t>(row[1]), type, next);
  return true;
}

// Returns where the changed ones end.
const uint32_t *OscMessages::Note(const uint32_t *channels, const double *values, size_t count) {
  uint32_t *end = changed_.get();
  for (size_t i = 0; i < count; ++i) {
    if (channels[i] >= tables_.sources.size) continue;
    const size_t number = tables_.sources.data[channels[i]];
    if (number >= tables_.last.size) continue;
    const double *const row = tables_.rows.data + number * kColumns;
    if (!Change(row, tables_.last.data + number, values[i])) continue;
    const auto path = static_cast<uint32_t>(row[0]);
    if (is_changed()[path] != 0) continue;
    is_changed()[path] = 1;
    *end++ = path;
  }
  return end;
}

}  // namespace mmpy
