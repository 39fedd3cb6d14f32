#include "io/stream_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include "io/background_thread.h"
#include "io/forked.h"
#include "io/guard.h"
#include "io/steady_ms.h"

namespace mmpy {

namespace {

constexpr std::chrono::milliseconds kPatience(50);
constexpr uint64_t kProgramsPace = size_t{32} << 10;  // bytes in that time: nobody reads a log as fast
constexpr std::chrono::milliseconds kFlushPatience(500);
constexpr uint64_t kFlushMs = 2000;

std::atomic<LogFormat> notice_format{LogFormat::kNone};

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// A descriptor of its own for a pipe or a terminal; making the given one non-blocking would affect all who share it,
// such as the shell. -1 if there is no way to get one.
int OpenAgain(int fd) {
#ifdef __linux__
  unsigned number = 0;
  if (ioctl(fd, TIOCGPTN, &number) == 0) return -1;  // the master side of a terminal, which would be another one
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
#else
  (void)fd;
  return -1;
#endif
}

bool IsSameFile(int one, int other) {
  struct stat first = {};
  struct stat second = {};
  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

int WriteWaiting(int fd, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t count = write(fd, text, size);
    if (count < 0 && WouldBlock(errno)) {
      pollfd writable = {fd, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (count < 0 && errno != EINTR) {
      return errno;
    } else if (count > 0) {
      text += count;
      size -= static_cast<size_t>(count);
    }
  }
  return 0;
}

}  // namespace

void TellOfLeftOut(LogFormat format) { notice_format.store(format); }

StreamWriter &StreamWriter::Of(int fd) {
  static auto &output = *std::make_unique<StreamWriter>(STDOUT_FILENO).release();
  static auto &errors = *std::make_unique<StreamWriter>(STDERR_FILENO).release();
  return fd == STDOUT_FILENO && !IsSameFile(STDOUT_FILENO, STDERR_FILENO) ? output : errors;
}

StreamWriter::~StreamWriter() { CloseOwn(); }

void StreamWriter::CloseOwn() {
  if (own_fd_ >= 0) close(own_fd_);
  own_fd_ = -1;
}

// Looks which file it is. Returns an errno if there is none.
int StreamWriter::Open() {
  struct stat file = {};
  if (fstat(fd_, &file) != 0) {
    const int error = errno;
    CloseOwn();
    known_ = false;
    return error;
  }
  if (known_ && file.st_dev == device_ && file.st_ino == inode_) return 0;
  CloseOwn();
  known_ = true;
  device_ = file.st_dev;
  inode_ = file.st_ino;
  if (S_ISSOCK(file.st_mode)) {
    way_ = Way::kSocket;
  } else if (S_ISFIFO(file.st_mode) || S_ISCHR(file.st_mode)) {
    own_fd_ = OpenAgain(fd_);
    way_ = own_fd_ >= 0 ? Way::kNonBlocking : Way::kPolled;
  } else {
    way_ = Way::kPlain;
  }
  return 0;
}

// As write(), without waiting.
ssize_t StreamWriter::WriteSome(const char *text, size_t size) {
  switch (way_) {
    case Way::kNonBlocking:
      return write(own_fd_, text, size);
    case Way::kSocket:
      return send(fd_, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case Way::kPolled: {
      constexpr size_t kSurely = 512;  // what a pipe or terminal takes that says it takes something
      pollfd writable = {fd_, POLLOUT, 0};
      if (poll(&writable, 1, 0) == 1) return write(fd_, text, std::min(size, kSurely));
      errno = EAGAIN;
      return -1;
    }
    case Way::kPlain:
      break;
  }
  return write(fd_, text, size);
}

// Writes what can be written. Returns an errno, EAGAIN if a rest has to wait.
int StreamWriter::WriteNow(const char *&text, size_t &size) {
  while (size > 0) {
    const ssize_t count = WriteSome(text, size);
    if (count < 0 && errno != EINTR) return errno;
    if (count <= 0) continue;
    text += count;
    size -= static_cast<size_t>(count);
  }
  return 0;
}

int StreamWriter::Write(const char *text, size_t size) {
  if (size == 0) return 0;
  if (InForkedChild()) return WriteWaiting(fd_, text, size);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (waiting_size() > 0 || leaving_out_) {
    if (const int error = Open()) return error;
    HasRoom(size) ? Keep(text, size) : LeaveOut(text, size);
    return 0;
  }
  if (const int error = Open()) return error;
  const char *const begin = text;
  const int error = WriteNow(text, size);
  if (text != begin) ends_within_line_ = text[-1] != '\n';
  if (!WouldBlock(error)) return error;
  Keep(text, size);
  return 0;
}

// Half a line before or after a gap would spoil the other lines.
void StreamWriter::Keep(const char *text, size_t size) {
  try {
    if (leaving_out_) {
      const char *const end = text + size;
      const char *rest = left_within_line_ ? std::find(text, end, '\n') : text;
      if (left_within_line_ && rest != end) ++rest;
      if (rest != text) LeaveOut(text, static_cast<size_t>(rest - text));
      if (rest == end) return;
      if (ends_within_line_) waiting_ += '\n';
      size = static_cast<size_t>(end - rest);
      text = rest;
      leaving_out_ = false;
    }
    if (waiting_size() == 0) since_ms_ = SteadyMs();
    waiting_.append(text, size);
    ends_within_line_ = text[size - 1] != '\n';
    if (!pumping_) Guard([&] { StartPump(); }, [](const char *) {});  // or with the next text
  } catch (const std::bad_alloc &) {
    LeaveOut(text, size);
  }
}

void StreamWriter::LeaveOut(const char *text, size_t size) {
  leaving_out_ = true;
  lines_left_out_ += static_cast<uint64_t>(std::count(text, text + size, '\n'));
  bytes_left_out_ += size;
  left_within_line_ = text[size - 1] != '\n';
}

void StreamWriter::StartPump() {
  static const int at_exit = atexit(FlushStandardStreams);
  (void)at_exit;
  StartBackgroundThread([this] { Pump(); });
  pumping_ = true;
}

void StreamWriter::Pump() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (waiting_size() > 0) PumpOnce(lock);
  waiting_.clear();
  waiting_.shrink_to_fit();
  begin_ = 0;
  slow_ = false;
  std::string notice;
  Guard([&] { notice = TakeNotice(); }, [](const char *) {});
  lock.unlock();
  if (!notice.empty()) WriteLogLine(notice_format.load(), LogLevel::kWarn, notice);
  lock.lock();
  pumping_ = false;
  if (waiting_size() > 0) Guard([&] { StartPump(); }, [](const char *) {});
  changed_.notify_all();
}

void StreamWriter::PumpOnce(std::unique_lock<std::mutex> &lock) {
  constexpr int kLookAgainMs = 1000;  // user code may have exchanged the file
  constexpr int kShortly = 10;
  pollfd writable = {own_fd_ >= 0 ? own_fd_ : fd_, POLLOUT, 0};
  lock.unlock();
  poll(&writable, 1, kLookAgainMs);
  lock.lock();
  const char *text = waiting_.data() + begin_;
  size_t size = waiting_size();
  const size_t before = size;
  int error = Open();
  if (error == 0) error = WriteNow(text, size);
  begin_ += before - size;
  flowed_ += before - size;
  if (error != 0 && !WouldBlock(error)) begin_ = waiting_.size();  // nobody will ever read it
  if (begin_ > kLimit / 2) {
    waiting_.erase(0, begin_);
    begin_ = 0;
  }
  if (before != size) {
    changed_.notify_all();
  } else if (writable.revents != 0 && WouldBlock(error)) {
    lock.unlock();
    poll(nullptr, 0, kShortly);
    lock.lock();
  }
}

std::string StreamWriter::TakeNotice() {
  const uint64_t lines = std::exchange(lines_left_out_, 0);
  const uint64_t bytes = std::exchange(bytes_left_out_, 0);
  if (bytes == 0) return "";
  if (fd_ == STDERR_FILENO) left_within_line_ = false;  // or it would be taken for the rest of that line
  const uint64_t seconds = (SteadyMs() - since_ms_ + 500) / 1000;
  return std::string(fd_ == STDOUT_FILENO ? "standard output" : "standard error") + " was not read fast enough for " +
         std::to_string(seconds) + " s: " + std::to_string(lines) + " lines (" + std::to_string(bytes) +
         " bytes) are left out";
}

bool StreamWriter::MayWait(size_t size) {
  if (InForkedChild()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return !slow_ && !HasRoom(size);
}

void StreamWriter::WaitForRoom(size_t size) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!slow_ && !HasRoom(size)) {
    const uint64_t before = flowed_;
    changed_.wait_for(lock, kPatience, [&] { return HasRoom(size); });
    if (!HasRoom(size) && flowed_ - before < kProgramsPace) slow_ = true;
  }
}

void StreamWriter::Flush() {
  std::unique_lock<std::mutex> lock(mutex_);
  const uint64_t until = SteadyMs() + kFlushMs;
  while (pumping_ && SteadyMs() < until) {
    const uint64_t before = flowed_;
    changed_.wait_for(lock, kFlushPatience, [&] { return !pumping_ || flowed_ != before; });
    if (pumping_ && flowed_ == before) return;
  }
}

void FlushStandardStreams() {
  if (InForkedChild()) return;
  StreamWriter::Of(STDOUT_FILENO).Flush();
  StreamWriter::Of(STDERR_FILENO).Flush();
}

}  // namespace mmpy
