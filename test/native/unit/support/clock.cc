#include "support/clock.h"

#include <uv.h>

namespace {

uint64_t now = 1'000'000'000;
uint64_t readings = 0;

}  // namespace

extern "C" uint64_t uv_hrtime() {
  ++readings;
  return now;
}

namespace mmpy::test {

void AdvanceClock(uint64_t ns) { now += ns; }
uint64_t ClockReadings() { return readings; }

}  // namespace mmpy::test
