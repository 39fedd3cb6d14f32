#pragma once

#include <cstddef>
#include <vector>

namespace mmpy {

// Makes room for `count` elements, so that adding them cannot fail. Not reserve() alone, which would copy all elements
// for each one that is added.
template <typename Element>
void ReserveFor(std::vector<Element> &elements, size_t count) {
  if (elements.capacity() < count) elements.reserve(2 * count);
}

}  // namespace mmpy
