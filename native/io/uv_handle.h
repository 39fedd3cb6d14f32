// Owns a libuv handle. Closing is asynchronous: libuv may touch the memory until its close callback has run, so the
// memory belongs to the handle from Close() on and is freed, as its own type, in that callback.
#ifndef MMPY_UV_HANDLE_H
#define MMPY_UV_HANDLE_H

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "io/guard.h"

namespace mmpy {

// Counts the handles of one core that libuv still knows, so that its end can wait for the last.
class HandleCount {
 public:
  void Add() { ++open_; }
  void Remove() {
    if (--open_ == 0 && on_none_) std::exchange(on_none_, nullptr)();
  }

  // Calls back once no handle is open, immediately if so already.
  void WhenNone(std::function<void()> callback) {
    if (open_ == 0) {
      callback();
    } else {
      on_none_ = std::move(callback);
    }
  }

 private:
  size_t open_ = 0;
  std::function<void()> on_none_;
};

template <typename Handle>
class UvHandle {
 public:
  UvHandle() = default;
  ~UvHandle() { Close(); }
  UvHandle(const UvHandle &) = delete;
  UvHandle &operator=(const UvHandle &) = delete;

  // Calls initialize(handle), an uv_*_init; returns its status. The handle does not keep the loop alive. One that was
  // open before is closed: forgotten, it would be waited for at the end, without end.
  template <typename Initialize>
  int Open(std::shared_ptr<HandleCount> count, void *data, Initialize initialize) {
    auto block = std::make_unique<Block>();
    const int status = initialize(&block->handle);
    if (status < 0) return status;
    Close();
    block->count = std::move(count);
    block->count->Add();
    block->handle.data = data;
    uv_unref(reinterpret_cast<uv_handle_t *>(&block->handle));
    block_ = block.release();
    return 0;
  }

  void Close() {
    if (block_ == nullptr) return;
    Block *block = std::exchange(block_, nullptr);
    block->handle.data = nullptr;  // pending callbacks find no owner
    uv_close(reinterpret_cast<uv_handle_t *>(&block->handle), [](uv_handle_t *handle) {
      // The handle is the block's first member.
      const std::unique_ptr<Block> closed(reinterpret_cast<Block *>(handle));
      Guard([&] { closed->count->Remove(); }, [](const char *) {});  // no owner is left to notify
    });
  }

  Handle *get() const { return &block_->handle; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  struct Block {
    Handle handle;
    std::shared_ptr<HandleCount> count;
  };

  Block *block_ = nullptr;
};

}  // namespace mmpy

#endif
