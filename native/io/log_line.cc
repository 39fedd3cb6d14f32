#include "io/log_line.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

namespace mmpy {

namespace {

std::string AsJson(const std::string &text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string InJournal(const std::string &text, const char *priority) {
  std::string lines = priority;
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += priority;
  }
  return lines;
}

std::string TimeOfDay(const timespec &now) {
  tm local = {};
  localtime_r(&now.tv_sec, &local);
  char text[32];
  snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03ld] ", local.tm_hour, local.tm_min, local.tm_sec,
           now.tv_nsec / 1'000'000);
  return text;
}

}  // namespace

void WriteLogLine(LogFormat format, LogLevel level, const std::string &message) {
  const bool is_error = level == LogLevel::kError;
  const std::string named = (is_error ? "ERROR: " : "WARN: ") + message;
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  std::string line;
  switch (format) {
    case LogFormat::kNone:
      return;
    case LogFormat::kText:
      line = TimeOfDay(now) + named;
      break;
    case LogFormat::kJson:
      line = "{\"level\": " + std::string(is_error ? "50" : "40") +
             ", \"time\": " + std::to_string(static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000) +
             ", \"msg\": " + AsJson(message) + "}";
      break;
    case LogFormat::kJournal:
      line = InJournal(named, is_error ? "<3>" : "<4>");
      break;
  }
  line += '\n';
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = write(STDERR_FILENO, line.data() + done, line.size() - done);
    if (count < 0 && errno != EINTR) return;  // closed, or not read by anyone
    if (count > 0) done += static_cast<size_t>(count);
  }
}

}  // namespace mmpy
