#include "io/log_line.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "io/stream_writer.h"

namespace mmpy {

namespace {

constexpr std::pair<const char *, LogFormat> kFormats[] = {
    {"text", LogFormat::kText}, {"json", LogFormat::kJson}, {"journal", LogFormat::kJournal}};

// The control character at a position of a text in UTF-8, and its number of bytes; no bytes if there is another one.
struct Control {
  unsigned code = 0;
  size_t bytes = 0;
};
Control ControlAt(const std::string &text, size_t i) {
  const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  if (byte(i) < 0x20 || byte(i) == 0x7f) return {byte(i), 1};
  if (byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) < 0xa0) return {byte(i + 1), 2};
  return {};
}

// Escapes control characters, as lib/visible.ts does: user code's text could disturb a terminal.
std::string Visible(const std::string &text, bool is_json) {
  std::string shown;
  for (size_t i = 0; i < text.size();) {
    const Control control = ControlAt(text, i);
    if (control.bytes == 0 || (!is_json && (control.code == '\n' || control.code == '\t'))) {
      if (is_json && (text[i] == '"' || text[i] == '\\')) shown += '\\';
      shown += text[i++];
      continue;
    }
    char escaped[8];
    snprintf(escaped, sizeof(escaped), is_json ? "\\u%04x" : "\\x%02x", control.code);
    shown += escaped;
    i += control.bytes;
  }
  return shown;
}

std::string AsJson(const std::string &text) { return '"' + Visible(text, true) + '"'; }

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

const char *NameOf(LogFormat format) {
  for (const auto &[name, named] : kFormats) {
    if (named == format) return name;
  }
  return "";
}

LogFormat LogFormatNamed(const std::string &name) {
  for (const auto &[known, format] : kFormats) {
    if (name == known) return format;
  }
  return LogFormat::kNone;
}

void WriteLogLine(LogFormat format, LogLevel level, const std::string &message) {
  const bool is_error = level == LogLevel::kError;
  const std::string named = (is_error ? "ERROR: " : "WARN: ") + Visible(message, false);
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
  StreamWriter::Of(STDERR_FILENO).Write(line.data(), line.size());  // in vain if it is closed
}

}  // namespace mmpy
