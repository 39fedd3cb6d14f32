#include "instance/name_cache.h"

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "support/fake_python.h"
#include "support/memory.h"

namespace mmpy {
namespace {

using test::FakePython;
using test::MemoryLimit;
using test::Strings;

constexpr uint32_t kOther = UINT32_MAX;

class NameCacheTest : public testing::Test {
 protected:
  FakePython python_;
};

TEST_F(NameCacheTest, FindsAStringByIdentityOnly) {
  Strings strings(3);
  NameCache cache;
  EXPECT_EQ(cache.Find(strings[0], kOther), kOther);
  cache.Remember(strings[0], 7, 10);
  cache.Remember(strings[1], 0, 10);
  EXPECT_EQ(cache.Find(strings[0], kOther), 7u);
  EXPECT_EQ(cache.Find(strings[1], kOther), 0u);
  EXPECT_EQ(cache.Find(strings[2], kOther), kOther);
  EXPECT_EQ(cache.Find(strings[2], 5), 5u);
}

TEST_F(NameCacheTest, OwnsItsStringsUntilItEnds) {
  Strings strings(2);
  {
    NameCache cache;
    const PyRef user = PyRef::Borrow(strings[0]);
    cache.Remember(strings[0], 1, 10);
    cache.Remember(strings[1], 2, 10);
    EXPECT_EQ(strings[0]->references, 2u);
    EXPECT_EQ(strings[1]->references, 1u) << "nothing else can come to life at its address";
  }
  EXPECT_EQ(strings[0]->references, 0u);
  EXPECT_EQ(strings[1]->releases, 1u);
}

TEST_F(NameCacheTest, ClearingReleasesAllAndItWorksAgain) {
  Strings strings(2000);
  NameCache cache;
  for (size_t i = 0; i < strings.size(); ++i) cache.Remember(strings[i], static_cast<uint32_t>(i), strings.size());
  cache.Clear();
  EXPECT_EQ(strings.Alive(), 0u);
  for (size_t i = 0; i < strings.size(); ++i) EXPECT_EQ(cache.Find(strings[i], kOther), kOther);
  cache.Remember(strings[9], 3, strings.size());
  EXPECT_EQ(cache.Find(strings[9], kOther), 3u);
}

TEST_F(NameCacheTest, AbandoningReleasesNothing) {
  Strings strings(100);
  {
    NameCache cache;
    for (size_t i = 0; i < strings.size(); ++i) cache.Remember(strings[i], 0, 10);
    cache.Abandon();
    EXPECT_EQ(cache.Find(strings[0], kOther), kOther);
  }
  EXPECT_EQ(strings.Alive(), strings.size());
  EXPECT_EQ(strings[0]->releases, 0u);
}

// Names that were made one after the other, as a module makes them, are all found however many there are.
class NameCacheGrowth : public NameCacheTest, public testing::WithParamInterface<size_t> {};

TEST_P(NameCacheGrowth, KeepsAllNames) {
  Strings strings(GetParam());
  NameCache cache;
  for (size_t i = 0; i < strings.size(); ++i) cache.Remember(strings[i], static_cast<uint32_t>(i), strings.size());
  for (size_t i = 0; i < strings.size(); ++i) ASSERT_EQ(cache.Find(strings[i], kOther), i);
  for (size_t i = 0; i < strings.size(); ++i) ASSERT_EQ(strings[i]->references, 1u);
}

INSTANTIATE_TEST_SUITE_P(Channels, NameCacheGrowth, testing::Values(1, 64, 500, 5000, 65'536));

struct Bound {
  size_t channels;
  size_t most;
};

class NameCacheBound : public NameCacheTest, public testing::WithParamInterface<Bound> {};

TEST_P(NameCacheBound, HoldsForNamesThatAreMadeForEveryCall) {
  Strings strings(50'000);
  NameCache cache;
  for (size_t i = 0; i < strings.size(); ++i) {
    cache.Remember(strings[i], static_cast<uint32_t>(i % GetParam().channels), GetParam().channels);
    ASSERT_EQ(cache.Find(strings[i], kOther), i % GetParam().channels) << "the newest is there";
  }
  EXPECT_LE(strings.Alive(), GetParam().most);
  size_t found = 0;
  for (size_t i = 0; i < strings.size(); ++i) {
    if (cache.Find(strings[i], kOther) == kOther) continue;
    ++found;
    ASSERT_EQ(cache.Find(strings[i], kOther), i % GetParam().channels);
  }
  EXPECT_EQ(found, strings.Alive()) << "what it keeps it finds";
}

INSTANTIATE_TEST_SUITE_P(Channels, NameCacheBound,
                         testing::Values(Bound{1, 512}, Bound{64, 512}, Bound{300, 2400}, Bound{1000, 8000}));

TEST_F(NameCacheTest, PushesOutOneNameForOneThatFindsNoPlace) {
  constexpr size_t kPages = 64;
  Strings strings(kPages * Strings::kPerPage);
  NameCache cache;
  size_t alive = 0;
  size_t pushed_out = 0;
  for (size_t page = 0; page < kPages; ++page) {
    cache.Remember(strings[page * Strings::kPerPage], static_cast<uint32_t>(page), 10);
    const size_t now = strings.Alive();
    ASSERT_TRUE(now == alive + 1 || now == alive);
    if (now == alive) ++pushed_out;
    alive = now;
    ASSERT_EQ(cache.Find(strings[page * Strings::kPerPage], kOther), page);
  }
  EXPECT_GT(pushed_out, 0u);
  EXPECT_EQ(alive + pushed_out, kPages);
  EXPECT_GE(alive, 4u);
}

// A str subclass may have a __del__, which runs when its last reference goes, and outputs, or adds channels.
TEST_F(NameCacheTest, StaysWholeIfWhatItReleasesComesBack) {
  Strings strings(3000);
  Strings others(3000);
  size_t came_back = 0;
  {
    NameCache cache;
    for (size_t i = 0; i < strings.size(); ++i) {
      strings[i]->on_release = [&, i] {
        ++came_back;
        if (i % 500 == 499) cache.Clear();
        for (size_t n = 0; n < 3; ++n) {
          PyObject *const other = others[(3 * i + n) % others.size()];
          if (cache.Find(other, kOther) == kOther) cache.Remember(other, static_cast<uint32_t>(n), 10 + i / 10);
          // Another one that came back may have pushed it out already.
          const uint32_t found = cache.Find(other, kOther);
          EXPECT_TRUE(found == kOther || found < 3);
        }
      };
    }
    for (size_t i = 0; i < strings.size(); ++i) {
      cache.Remember(strings[i], static_cast<uint32_t>(i), 10 + i / 20);
      if (strings[i]->releases == 0) {
        ASSERT_EQ(cache.Find(strings[i], kOther), i);
      }
    }
    EXPECT_GT(came_back, 500u);
    cache.Clear();
    EXPECT_EQ(strings.Alive(), 0u);
    cache.Clear();
  }
  EXPECT_EQ(others.Alive(), 0u);
  for (size_t i = 0; i < strings.size(); ++i) EXPECT_EQ(strings[i]->releases, 1u);
}

TEST_F(NameCacheTest, NeedsNoMemoryToPushOut) {
  Strings strings(5000);
  NameCache cache;
  bool threw = false;
  {
    const MemoryLimit limit(1);
    try {
      for (size_t i = 0; i < strings.size(); ++i) cache.Remember(strings[i], static_cast<uint32_t>(i), 10);
    } catch (const std::bad_alloc &) {
      threw = true;
    }
  }
  EXPECT_FALSE(threw);
  EXPECT_EQ(cache.Find(strings[4999], kOther), 4999u);
  EXPECT_LE(strings.Alive(), 512u);
}

TEST_F(NameCacheTest, WorksAtItsSizeIfThereIsNoMemoryToGrow) {
  Strings strings(2000);
  NameCache cache;
  {
    const MemoryLimit limit(16'384);
    for (size_t i = 0; i < strings.size(); ++i) cache.Remember(strings[i], static_cast<uint32_t>(i), strings.size());
  }
  const size_t alive = strings.Alive();
  EXPECT_GE(alive, 64u);
  EXPECT_LE(alive, 512u);
  size_t found = 0;
  for (size_t i = 0; i < strings.size(); ++i) {
    if (cache.Find(strings[i], kOther) == kOther) continue;
    ++found;
    EXPECT_EQ(cache.Find(strings[i], kOther), i);
  }
  EXPECT_EQ(found, alive);
}

}  // namespace
}  // namespace mmpy
