#include "instance/start_functions.h"

#include <iterator>
#include <utility>

#include "python/user_code.h"
#include "routing/reserve.h"

namespace mmpy {

int StartFunctions::Add(PyObject *function) {
  if (home_.ending) return 0;
  std::vector<PyRef> &functions = home_.on_trial() ? on_trial_ : waiting_;
  ReserveFor(functions, functions.size() + 1);
  // Not at once: what is called now may rely on this call to return first. The others are called with the first one:
  // a timer that each of them set again would not come while they are registered in quick succession.
  if (running_ && !home_.on_trial() && waiting_.empty())
    home_.core.SetTimer({home_.id, kTimer}, 1, Timetable::Mode::kOnce);
  functions.push_back(PyRef::Borrow(function));
  return 0;
}

void StartFunctions::Run() {
  running_ = true;
  if (waiting_.empty()) return;
  const GilScope own(home_.gil, home_.interpreter.state());
  // Those that are registered meanwhile have a timer.
  const std::vector<PyRef> functions = std::exchange(waiting_, {});
  for (const PyRef &function : functions) {
    if (!home_.linked()) return;  // stopped by one of them
    CallUser(home_.core, home_.id, home_.interpreter, home_.AsRunning("start function", function.get()), nullptr);
  }
}

// They are called when the core is released.
void StartFunctions::Commit() {
  std::vector<PyRef> functions = std::exchange(on_trial_, {});
  ReserveFor(waiting_, waiting_.size() + functions.size());
  waiting_.insert(waiting_.end(), std::make_move_iterator(functions.begin()), std::make_move_iterator(functions.end()));
}

void StartFunctions::Rollback() { const std::vector<PyRef> dropped = std::exchange(on_trial_, {}); }

void StartFunctions::Clear() {
  home_.core.CancelTimer({home_.id, kTimer});
  const std::vector<PyRef> waiting = std::exchange(waiting_, {});
  const std::vector<PyRef> on_trial = std::exchange(on_trial_, {});
}

void StartFunctions::Abandon() {
  for (PyRef &function : waiting_) function.release();
  for (PyRef &function : on_trial_) function.release();
}

}  // namespace mmpy
