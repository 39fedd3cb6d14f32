// The clock that the router reads, in place of libuv's. It stands still unless a test advances it.
#ifndef MMPY_TEST_CLOCK_H
#define MMPY_TEST_CLOCK_H

#include <cstdint>

namespace mmpy::test {

void AdvanceClock(uint64_t ns);

// How often it has been read.
uint64_t ClockReadings();

}  // namespace mmpy::test

#endif
