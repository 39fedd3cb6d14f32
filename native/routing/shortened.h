// Bounds on texts that user code makes and this program keeps or reports.
#ifndef MMPY_SHORTENED_H
#define MMPY_SHORTENED_H

#include <cstddef>
#include <string>
#include <string_view>

namespace mmpy {

constexpr size_t kMaxText = size_t{64} << 10;  // bytes of a text in a report
constexpr size_t kMaxName = 4096;              // bytes of a name in a report

// As much of a text's beginning and end, in UTF-8, as fits into `max` bytes.
inline std::string Shortened(std::string_view text, size_t max) {
  if (text.size() <= max) return std::string(text);
  const auto begins_character = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80; };
  constexpr size_t kWords = 48;  // for the words in the middle
  size_t head = (max - kWords) / 2;
  size_t tail = text.size() - head;
  while (head > 0 && !begins_character(head)) --head;
  while (tail < text.size() && !begins_character(tail)) ++tail;
  std::string shortened(text.substr(0, head));
  shortened += " … ";
  shortened += std::to_string(tail - head);
  shortened += " bytes left out … ";
  shortened += text.substr(tail);
  return shortened;
}

// In place.
inline void Shorten(std::string &text, size_t max) {
  if (text.size() > max) text = Shortened(text, max);
}

}  // namespace mmpy

#endif
