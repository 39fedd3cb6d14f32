// A set of descriptors in the kernel, itself a descriptor that is readable while any of them is. A descriptor that is
// closed leaves the set by itself. This is the one place that knows how a system does it: epoll on Linux
// (readiness_set_epoll.cc), kqueue on macOS and BSD (readiness_set_kqueue.cc).
#ifndef MMPY_READINESS_SET_H
#define MMPY_READINESS_SET_H

#include <cstddef>
#include <cstdint>

namespace mmpy {

class ReadinessSet {
 public:
  ReadinessSet() = default;
  ~ReadinessSet() { Close(); }
  ReadinessSet(const ReadinessSet &) = delete;
  ReadinessSet &operator=(const ReadinessSet &) = delete;

  bool is_open() const { return set_ >= 0; }
  int fd() const { return set_; }

  // These two return 0 or an errno. Add: EPERM for what can't be waited for, like a regular file; EEXIST for what is in
  // the set already.
  int Open();
  int Add(int fd, uint64_t tag);

  // Takes a descriptor out. False if it is not there any more; what it referred to may be, see FdWatcher::Rebuild().
  bool Remove(int fd);

  // Writes the tags of up to `most` descriptors that can be read, are at their end or in error; returns how many.
  size_t Ready(uint64_t *tags, size_t most);

  void Close();

 private:
  int set_ = -1;
};

}  // namespace mmpy

#endif
