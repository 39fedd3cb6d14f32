// Runs the filters of the native part with a clock of its own. Commands on standard input, one a line:
//
//   new                     a router without a mapping
//   map INSTANCES COUNT...  then a line for each table: its length and numbers; the keys one a line
//   emit TIME CHANNEL VALUE
//   until TIME              runs what is due up to then, each at its time
//
// Prints TIME CHANNEL VALUE for each event that arrives, and `.` at the end of each command.
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "routing/router.h"

extern "C" uint64_t uv_hrtime() { return 1; }

namespace {

using namespace mmpy;

class Clock final : public FilterClock {
 public:
  double now = 0;
  double FilterNow() const override { return now; }
};

class Printer final : public Destination {
 public:
  explicit Printer(const Clock &clock) : clock_(clock) { takes_whole_batches_ = true; }
  void Deliver(const Event *events, size_t count) override {
    for (size_t i = 0; i < count; ++i) {
      std::printf("%.0f %" PRIu32 " %.17g\n", clock_.now, events[i].channel, events[i].value);
    }
  }

 private:
  const Clock &clock_;
};

template <typename T>
std::vector<T> Read() {
  size_t count = 0;
  std::cin >> count;
  std::vector<T> numbers(count);
  for (T &number : numbers) std::cin >> number;
  return numbers;
}

}  // namespace

int main() {
  Clock clock;
  std::vector<std::unique_ptr<Printer>> printers;
  std::unique_ptr<Router> router;
  const auto drain = [&] {
    while (router->Drain(1'000'000'000) != Router::Drained::kEmpty) {
    }
  };
  for (std::string command; std::cin >> command;) {
    if (command == "new") {
      router = std::make_unique<Router>();
      router->UseClock(&clock);
      printers.clear();
    } else if (command == "map") {
      const auto counts = Read<uint32_t>();
      while (printers.size() < counts.size()) {
        printers.push_back(std::make_unique<Printer>(clock));
        router->AddInstance(printers.back().get());
      }
      std::vector<ChannelId> first;
      std::vector<uint32_t> owner;
      for (uint32_t i = 0; i < counts.size(); ++i) {
        first.push_back(static_cast<ChannelId>(owner.size()));
        owner.insert(owner.end(), counts[i], i);
      }
      auto offsets = Read<uint32_t>();
      std::vector<Target> targets;
      for (const uint32_t target : Read<uint32_t>()) {
        const bool filtered = target >> 31 != 0;
        targets.push_back({target & 0x7fffffff, filtered ? Router::kWithFilters : owner[target]});
      }
      FilterTable table;
      const auto pairs = Read<uint32_t>();
      const auto chain_offsets = Read<uint32_t>();
      const auto steps = Read<uint32_t>();
      table.args = Read<double>();
      table.watched = Read<uint32_t>();
      table.keys = Read<std::string>();
      std::vector<FilterTable::RawPair> raw_pairs;
      for (size_t i = 0; i + 3 < pairs.size(); i += 4)
        raw_pairs.push_back({pairs[i], pairs[i + 1], pairs[i + 2], pairs[i + 3]});
      std::vector<FilterTable::RawStep> raw_steps;
      for (size_t i = 0; i + 3 < steps.size(); i += 4)
        raw_steps.push_back({steps[i], steps[i + 1], steps[i + 2], steps[i + 3]});
      if (!table.Fill(raw_pairs, chain_offsets, raw_steps, owner)) return 1;
      router->Connect(std::move(first), std::move(offsets), std::move(targets), std::move(table));
      drain();
    } else if (command == "emit") {
      ChannelId channel = 0;
      double value = 0;
      std::cin >> clock.now >> channel >> value;
      router->Emit(channel, value);
      drain();
    } else if (command == "until") {
      double time = 0;
      std::cin >> time;
      while (std::ceil(router->next_filter_due()) <= time) {
        clock.now = std::ceil(router->next_filter_due());
        router->RunFilters(clock.now);
        drain();
      }
      clock.now = time;
    } else if (command == "rest") {
      std::printf("%s\n", router->next_filter_due() == Filters::kNever ? "nothing" : "due");
    }
    std::printf(".\n");
    std::fflush(stdout);
  }
}
