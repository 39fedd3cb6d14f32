#include "process/process_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "io/steady_ms.h"

namespace mmpy {

namespace {

constexpr size_t kAtOnce = 4096;   // events, before others have their turn
constexpr size_t kFewEvents = 16;  // that come one after another

void Wake(int event_fd) {
  const uint64_t one = 1;
  while (write(event_fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void CloseOne(int &fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

#ifdef __linux__
// Without seals, the process could make the memory smaller, and the router would end with a SIGBUS.
int SealedMemory(size_t size) {
  const int fd = memfd_create("midimonster", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (ftruncate(fd, static_cast<off_t>(size)) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}
#endif

}  // namespace

int ProcessLink::Open(Descriptors &descriptors) {
#ifndef __linux__
  (void)descriptors;
  return ENOSYS;
#else
  Close();
  broken_ = false;
  int pair[2] = {-1, -1};
  const auto open = [&] {
    memory_fd_ = SealedMemory(sizeof(SharedMemory));
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    router_wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    descriptors.crash = memfd_create("midimonster-crash", MFD_CLOEXEC);
    if (memory_fd_ < 0 || wake_fd_ < 0 || router_wake_fd_ < 0 || descriptors.crash < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      return errno;
    }
    void *const memory = mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd_, 0);
    if (memory == MAP_FAILED) return errno;
    madvise(memory, sizeof(SharedMemory), MADV_DONTFORK);
    shared_ = new (memory) SharedMemory;
    const int status = poll_.Open(core_.handles(), this,
                                  [&](uv_poll_t *poll) { return uv_poll_init(core_.loop(), poll, router_wake_fd_); });
    if (status < 0) return -status;
    const int started = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *poll, int, int) {
      auto *const link = static_cast<ProcessLink *>(poll->data);
      if (link != nullptr) link->core_.Guarded([&] { link->Receive(); });
    });
    return started < 0 ? -started : 0;
  };
  if (const int error = open(); error != 0) {
    CloseOne(descriptors.crash);
    CloseOne(pair[0]);
    CloseOne(pair[1]);
    Close();
    return error;
  }
  // So that a caller waiting for an answer, or for room to ask, can look after other things meanwhile.
  const timeval patience = {0, 200'000};
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  writer_.emplace(shared_->to_process);
  reader_.emplace(shared_->to_router);
  descriptors.requests[0] = pair[0];
  descriptors.requests[1] = pair[1];
  descriptors.memory = memory_fd_;
  descriptors.wake = wake_fd_;
  descriptors.router_wake = router_wake_fd_;
  // The first events are to wake it.
  reader_->Sleep();
  shared_->to_process.sleeping.store(1);
  shared_->queue_limit.store(core_.budget().limit());
  return 0;
#endif
}

uint64_t ProcessLink::Ready() {
  if (shared_ == nullptr || ending_) return 0;
  const Core::Entry entry(core_);
  ready_ = true;
  shared_->mappings.fetch_add(1);
  if (begun_) shared_->phase.store(SharedMemory::kRunning);
  for (const auto &[channel, value] : kept_) waiting_.Append({channel, value});
  kept_.clear();
  Flush();
  WakeProcess();
  return std::exchange(replaced_, 0);
}

uint64_t ProcessLink::Ended() {
  pid_ = 0;
  const Core::Entry entry(core_);
  if (ending_) core_.TasksEnded(id_);
  uint64_t lost = waiting_.size() - sent_;
  if (shared_ != nullptr) {
    const uint64_t handled = shared_->handled.load();
    if (handled <= writer_->written()) lost += writer_->written() - handled;
    // What it has output before, all of it: nothing wakes the router for the rest once this is closed.
    for (size_t events = 0; events < RingMemory::kSize && shared_ != nullptr; events += kAtOnce) Receive();
  }
  ready_ = false;
  waiting_.Free();
  sent_ = 0;
  Close();
  return lost;
}

void ProcessLink::Deliver(const Event *events, size_t count) {
  trail_ = core_.router().traces() ? kTraced : core_.router().hops() + 1;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t channel = events[i].channel - first_;
    if (!ready_) {
      if (!kept_.insert_or_assign(channel, events[i].value).second) ++replaced_;
    } else if (!waiting_.empty() || !writer_->Add(channel, events[i].value, trail_)) {
      waiting_.Append({channel, events[i].value});
    }
  }
  deferred_ = true;
}

void ProcessLink::FinishRound() {
  deferred_ = false;
  if (ready_) Flush();
}

// Publishes what was added, and what has waited for room.
void ProcessLink::Flush() {
  do {
    while (sent_ < waiting_.size() && writer_->Add(waiting_[sent_].channel, waiting_[sent_].value, trail_)) {
      ++sent_;
    }
    if (sent_ == waiting_.size()) {
      waiting_.Clear();
      sent_ = 0;
    }
    if (writer_->Publish()) WakeProcess();
  } while (!waiting_.empty() && !writer_->AwaitRoom() && !writer_->broken());
  if (writer_->broken()) Kill();
}

void ProcessLink::Receive() {
  for (size_t events = 0; events < kFewEvents;) {
    if (shared_ == nullptr) return;
    const size_t count = Emit();
    // Only now, since the first handler is not to wait for it. No event is written to wake while this is awake; for
    // room there may have been, which is looked at.
    TakeWakeUps();
    if (!waiting_.empty()) {
      const Core::Entry entry(core_);
      if (ready_) Flush();
    }
    if (shared_ == nullptr) return;
    if (reader_->Free()) WakeProcess();
    if (reader_->broken() || broken_) return Kill();
    if (reader_->Sleep()) return;
    events += std::max<size_t>(count, 1);
  }
  Wake(router_wake_fd_);
}

// Passes on what has come. Returns how many events that were.
size_t ProcessLink::Emit() {
  RingEvent events[kAtOnce];
  const Core::Entry entry(core_);
  const size_t count = reader_->Read(events, kAtOnce);
  Trail hops = 0;
  for (size_t i = 0; i < count; ++i) {
    const RingEvent &event = events[i];
    if (event.channel < count_ && event.value >= 0 && event.value <= 1) {
      if (event.trail < kTraced) {
        hops = std::max(hops, event.trail);
      } else if (const uint32_t cause = event.trail - kTraced; cause < count_) {
        core_.NoteEffect(first_ + cause, first_ + event.channel);
      }
      ++counters.out;
      core_.Emit(first_ + event.channel, event.value);
    } else if (event.channel >= count_ && event.value >= 0 && event.value <= 1) {
      continue;  // of a channel that a reload has just removed, or not yet added
    } else {
      broken_ = true;
    }
  }
  core_.CountHops(hops);
  return count;
}

void ProcessLink::Connected(ChannelId first, size_t count) {
  first_ = first;
  count_ = count;
  if (count > 0) return;
  waiting_.Clear();
  sent_ = 0;
  kept_.clear();
}

void ProcessLink::TakeHandlers() {
  if (shared_ == nullptr || !ready_) return;
  shared_->mappings.fetch_add(1);
  WakeProcess();
}

void ProcessLink::Begin() {
  if (begun_) return;
  begun_ = true;
  if (!ready_) return;
  shared_->phase.store(SharedMemory::kRunning);
  WakeProcess();
}

void ProcessLink::CleanUp() {
  if (ending_) return;
  ending_ = true;
  if (shared_ == nullptr) return;
  shared_->phase.store(SharedMemory::kStopping);
  WakeProcess();
}

bool ProcessLink::BeginEnd(uint64_t /*cleanup_until_ms*/) { return shared_ != nullptr; }

bool ProcessLink::Stop(uint64_t /*until_ms*/) {
  Kill();
  Close();
  return true;
}

void ProcessLink::WakeProcess() const {
  if (wake_fd_ >= 0) Wake(wake_fd_);
}

void ProcessLink::TakeWakeUps() const {
  uint64_t wakes = 0;
  while (read(router_wake_fd_, &wakes, sizeof wakes) < 0 && errno == EINTR) {
  }
}

void ProcessLink::Kill() {
  broken_ = broken_ || (writer_ && writer_->broken()) || (reader_ && reader_->broken());
  if (pid_ > 0) kill(pid_, SIGKILL);
}

void ProcessLink::Close() {
  ready_ = false;
  poll_.Close();
  writer_.reset();
  reader_.reset();
  if (shared_ != nullptr) munmap(shared_, sizeof(SharedMemory));
  shared_ = nullptr;
  CloseOne(memory_fd_);
  CloseOne(wake_fd_);
  CloseOne(router_wake_fd_);
}

}  // namespace mmpy
