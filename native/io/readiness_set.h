// A set of descriptors in the kernel, itself a descriptor that is readable while any of them is ready. A descriptor
// that is closed leaves the set by itself. This is the one place that knows how a system does it: epoll on Linux
// (readiness_set_epoll.cc), kqueue on macOS and BSD (readiness_set_kqueue.cc).
#ifndef MMPY_READINESS_SET_H
#define MMPY_READINESS_SET_H

#include <cstddef>
#include <cstdint>

namespace mmpy {

// What a descriptor is waited for, and what it is ready for. One that is at its end or in error is ready for both.
enum Interest : unsigned { kReadable = 1, kWritable = 2 };

class ReadinessSet {
 public:
  ReadinessSet() = default;
  ~ReadinessSet() { Close(); }
  ReadinessSet(const ReadinessSet &) = delete;
  ReadinessSet &operator=(const ReadinessSet &) = delete;

  bool is_open() const { return set_ >= 0; }
  int fd() const { return set_; }

  // These return 0 or an errno. Add: EPERM for what can't be waited for, like a regular file; EEXIST for what is in
  // the set already.
  int Open();
  int Add(int fd, uint64_t tag, unsigned interest);

  // A descriptor that is in the set is waited for something else. Likewise; ENOENT for one that is not there.
  int Change(int fd, uint64_t tag, unsigned interest);

  // Takes a descriptor out. False if it is not there any more; what it referred to may be, see FdWatcher::Rebuild().
  bool Remove(int fd);

  struct Ready {
    uint64_t tag;
    unsigned what;  // of Interest; maybe more than what was asked for
  };

  // Writes up to `max` descriptors that are ready; returns how many. One that is ready for two things may come twice.
  size_t Find(Ready *found, size_t max);

  // For when none of its members is found in it: false if its descriptor was closed by someone else, and is nothing or
  // something else by now.
  bool MayBeIntact() const;

  void Close();

  // Its descriptor is someone else's by now.
  void Forget();

 private:
  int set_ = -1;
};

}  // namespace mmpy

#endif
