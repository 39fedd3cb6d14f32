// Writing to standard output and error without waiting for whoever reads them.
//
// A pipe to a pager, a terminal under Ctrl-S or a log driver that hangs takes some kilobytes and then nothing, and a
// write() to it does not return: the router would stand still. So what can't be written at once is kept, up to a limit,
// and written by a thread of its own, in order. What exceeds the limit is left out, counted, and told of in the log
// once the stream is read again.
//
// What can be written is written at once, by the calling thread: so nothing is lost if the process crashes.
#ifndef MMPY_STREAM_WRITER_H
#define MMPY_STREAM_WRITER_H

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "io/log_line.h"

namespace mmpy {

class StreamWriter {
 public:
  // Those of the process, which are never destroyed. `fd` is 1 for standard output, otherwise it is standard error.
  // Where both lead to the same place they have one writer, so that lines stay in order.
  static StreamWriter &Of(int fd);

  explicit StreamWriter(int fd) : fd_(fd) {}
  ~StreamWriter();
  StreamWriter(const StreamWriter &) = delete;
  StreamWriter &operator=(const StreamWriter &) = delete;

  static constexpr size_t kLimit = size_t{1} << 20;

  // Writes a text, keeps it, or leaves it out. From any thread. Returns an errno if the stream is closed or broken,
  // otherwise 0. In a forked child, which has no other thread, it waits.
  int Write(const char *text, size_t size);

  // Whether so much would be left out, although the stream is being read: then WaitForRoom() may help. It waits for a
  // reader that keeps reading at the speed of a program; one that does not is waited for 50 ms, once.
  bool MayWait(size_t size);
  void WaitForRoom(size_t size);

  // Waits until all is written, as long as somebody reads, two seconds at most.
  void Flush();

 private:
  enum class Way { kPlain, kNonBlocking, kSocket, kPolled };

  int Open();
  void CloseOwn();
  ssize_t WriteSome(const char *text, size_t size);
  int WriteNow(const char *&text, size_t &size);
  bool HasRoom(size_t size) const { return waiting_size() == 0 || waiting_size() + size <= kLimit; }
  size_t waiting_size() const { return waiting_.size() - begin_; }
  void Keep(const char *text, size_t size);
  void LeaveOut(const char *text, size_t size);
  void StartPump();
  void Pump();
  void PumpOnce(std::unique_lock<std::mutex> &lock);
  std::string TakeNotice();

  const int fd_;
  std::mutex mutex_;
  std::condition_variable changed_;

  // How the file that the descriptor refers to is written to without waiting: user code may exchange it.
  Way way_ = Way::kPlain;
  int own_fd_ = -1;  // another one for the same file, which does not block
  bool known_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;

  std::string waiting_;  // from begin_ on
  size_t begin_ = 0;
  bool pumping_ = false;
  bool slow_ = false;      // it was waited for in vain, since all was written last
  uint64_t flowed_ = 0;    // bytes that were written after waiting
  uint64_t since_ms_ = 0;  // when it began to wait

  uint64_t lines_left_out_ = 0;
  uint64_t bytes_left_out_ = 0;
  bool ends_within_line_ = false;  // what was kept last
  bool left_within_line_ = false;  // what was left out last
  bool leaving_out_ = false;
};

// The format in which lines that were left out are told of; kNone, the default, for not at all.
void TellOfLeftOut(LogFormat format);

// Flushes both; to be called before the process ends.
void FlushStandardStreams();

}  // namespace mmpy

#endif
