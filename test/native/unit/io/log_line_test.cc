#include "io/log_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace mmpy {
namespace {

// What is written to standard error.
std::string Written(LogFormat format, const std::string &message) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const int before = dup(STDERR_FILENO);
  dup2(pipe_ends[1], STDERR_FILENO);
  WriteLogLine(format, LogLevel::kWarn, message);
  dup2(before, STDERR_FILENO);
  close(before);
  close(pipe_ends[1]);
  char text[512];
  const ssize_t count = read(pipe_ends[0], text, sizeof(text));
  close(pipe_ends[0]);
  return std::string(text, count < 0 ? 0 : static_cast<size_t>(count));
}

// An escape sequence, NUL, DEL, a control character of two bytes; and what is none of these.
const std::string kHostile = std::string("a\x1b[2J\0b", 7) + "\x7f\xc2\x9b\"\\\xc3\xa9\tc\nd";

TEST(LogLine, EscapesControlCharactersForTerminals) {
  const std::string line = Written(LogFormat::kText, kHostile);
  EXPECT_NE(line.find("WARN: a\\x1b[2J\\x00b\\x7f\\x9b\"\\\xc3\xa9\tc\nd\n"), std::string::npos) << line;
}

TEST(LogLine, IsOneLineOfJson) {
  const std::string line = Written(LogFormat::kJson, kHostile);
  EXPECT_NE(line.find(R"("msg": "a\u001b[2J\u0000b\u007f\u009b\"\\)"
                      "\xc3\xa9"
                      R"(\u0009c\u000ad"})"
                      "\n"),
            std::string::npos)
      << line;
}

TEST(LogLine, GivesEachLineItsPriorityForTheJournal) {
  EXPECT_EQ(Written(LogFormat::kJournal, "a\x1b\nb"), "<4>WARN: a\\x1b\n<4>b\n");
}

}  // namespace
}  // namespace mmpy
