#include "python/gil.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "python/py_ref.h"
#include "support/fake_python.h"

namespace mmpy {
namespace {

using test::FakePython;
using test::Strings;
using Calls = std::vector<std::string>;

class GilScopeTest : public testing::Test {
 protected:
  FakePython python_;
  Gil gil_;
};

TEST_F(GilScopeTest, TakesTheGilAndGivesItBack) {
  {
    const GilScope scope(gil_, FakePython::State(1));
    EXPECT_EQ(gil_.current(), FakePython::State(1));
    EXPECT_NE(gil_.stay(), 0u);
  }
  EXPECT_EQ(python_.gil_calls, (Calls{"take 1", "give"}));
  EXPECT_EQ(gil_.current(), nullptr);
  EXPECT_EQ(gil_.stay(), 0u);
}

TEST_F(GilScopeTest, SwapsOnlyBetweenInterpreters) {
  {
    const GilScope outer(gil_, FakePython::State(1));
    const uint64_t stay = gil_.stay();
    { const GilScope same(gil_, FakePython::State(1)); }
    {
      const GilScope other(gil_, FakePython::State(2));
      const GilScope back(gil_, FakePython::State(1));
    }
    EXPECT_EQ(gil_.current(), FakePython::State(1));
    EXPECT_EQ(gil_.stay(), stay) << "it is one stay";
  }
  EXPECT_EQ(python_.gil_calls, (Calls{"take 1", "swap 2", "swap 1", "swap 2", "swap 1", "give"}));
}

TEST_F(GilScopeTest, NumbersEachStay) {
  uint64_t first = 0;
  {
    const GilScope scope(gil_, FakePython::State(1));
    first = gil_.stay();
  }
  const GilScope scope(gil_, FakePython::State(1));
  EXPECT_NE(gil_.stay(), first);
  EXPECT_NE(gil_.stay(), 0u);
}

TEST_F(GilScopeTest, TakesTheGilAgainAfterAPauseInTheMiddle) {
  {
    const GilScope scope(gil_, FakePython::State(1));
    gil_.Pause();
    EXPECT_EQ(gil_.current(), nullptr);
    EXPECT_NE(gil_.stay(), 0u) << "the stay goes on";
    gil_.SwitchTo(FakePython::State(1));
  }
  EXPECT_EQ(python_.gil_calls, (Calls{"take 1", "give", "take 1", "give"}));
}

TEST_F(GilScopeTest, LeavesToTheOuterOneWhatCPythonMadeCurrent) {
  gil_.Adopt(FakePython::State(3));
  { const GilScope scope(gil_, FakePython::State(1)); }
  EXPECT_EQ(python_.gil_calls, (Calls{"swap 1", "swap 3"}));
  EXPECT_EQ(gil_.current(), FakePython::State(3));
}

TEST(PyRef, CountsEveryReferenceOnce) {
  const FakePython python;
  Strings strings(2);
  PyObject *const object = strings[0];
  {
    PyRef one = PyRef::Borrow(object);
    EXPECT_EQ(object->references, 1u);
    PyRef two = one;
    EXPECT_EQ(object->references, 2u);
    const PyRef three = std::move(two);
    EXPECT_FALSE(two);
    EXPECT_EQ(object->references, 2u);
    one = three;
    PyRef &same = one;
    one = same;
    EXPECT_EQ(object->references, 2u);
    one = PyRef::Borrow(strings[1]);
    EXPECT_EQ(object->references, 1u);
    EXPECT_EQ(PyRef(three).release(), object);
    EXPECT_EQ(object->references, 2u);
    const PyRef stolen = PyRef::Steal(object);
    EXPECT_EQ(object->references, 2u);
  }
  EXPECT_EQ(object->references, 0u);
  EXPECT_EQ(object->releases, 1u);
  EXPECT_EQ(strings[1]->references, 0u);
  EXPECT_EQ(PyRef::Borrow(nullptr).get(), nullptr);
}

// The old object's last reference goes when the new one is in place: what runs then sees a whole PyRef.
TEST(PyRef, HoldsTheNewObjectWhenTheOldOneGoes) {
  const FakePython python;
  Strings strings(2);
  PyRef reference = PyRef::Borrow(strings[0]);
  PyObject *seen = nullptr;
  strings[0]->on_release = [&] { seen = reference.get(); };
  reference = PyRef::Borrow(strings[1]);
  EXPECT_EQ(seen, strings[1]);
}

}  // namespace
}  // namespace mmpy
