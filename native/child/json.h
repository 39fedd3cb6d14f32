// What a process tells the router, as JSON.
#ifndef MMPY_CHILD_JSON_H
#define MMPY_CHILD_JSON_H

#include <cmath>
#include <cstdio>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "routing/raised.h"

namespace mmpy {

inline std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// Not snprintf(): user code may have set a locale with a decimal comma. Infinity is what a number is read as that is
// too large.
inline std::string Number(double value) {
  if (std::isnan(value)) return "null";
  if (std::isinf(value)) return value > 0 ? "1e999" : "-1e999";
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(17);
  text << value;
  return text.str();
}

// Members of an object, in order; `value` is JSON already.
class JsonObject {
 public:
  JsonObject &Add(const char *name, const std::string &value) {
    text_ += (text_.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + value;
    return *this;
  }
  std::string text() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

template <typename Element, typename Make>
std::string JsonArray(const std::vector<Element> &elements, Make &&make) {
  std::string text = "[";
  for (const Element &element : elements) text += (text.size() > 1 ? "," : "") + make(element);
  return text + "]";
}

inline std::string JsonOf(const PythonException &exception) {
  JsonObject object;
  object.Add("type", Quoted(exception.type)).Add("message", Quoted(exception.message));
  if (exception.name) object.Add("name", Quoted(*exception.name));
  if (exception.path) object.Add("path", Quoted(*exception.path));
  object.Add("places", JsonArray(exception.places, [](const PythonException::Place &place) {
               return JsonObject()
                   .Add("file", Quoted(place.file))
                   .Add("line", Number(static_cast<double>(place.line)))
                   .Add("function", Quoted(place.function))
                   .text();
             }));
  if (exception.address) object.Add("address", Quoted(*exception.address));
  return object.Add("text", Quoted(exception.text)).text();
}

inline std::string JsonOf(const std::optional<PythonException> &exception) {
  return exception ? JsonOf(*exception) : "null";
}

}  // namespace mmpy

#endif
