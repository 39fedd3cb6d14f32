// A line of the log that is written by another thread than the loop's, which does not come to writing it.
#ifndef MMPY_LOG_LINE_H
#define MMPY_LOG_LINE_H

#include <string>

namespace mmpy {

enum class LogFormat : int { kNone, kText, kJson, kJournal };
enum class LogLevel : int { kWarn, kError };

// Its name in lib/log/; empty for kNone. The format of a name, kNone if there is no such format.
const char *NameOf(LogFormat format);
LogFormat LogFormatNamed(const std::string &name);

// Writes a message, which may have several lines, to standard error, in the format of lib/log/. Nothing for kNone.
void WriteLogLine(LogFormat format, LogLevel level, const std::string &message);

}  // namespace mmpy

#endif
