#include "python/cxx_streams.h"

#include <dlfcn.h>

#include <cstring>
#include <istream>
#include <new>
#include <ostream>

#ifdef __GLIBCXX__
// As <iostream> declares them. Since GCC 13 that file needs a function of libstdc++ that Debian 12's does not have.
namespace std {
extern istream cin;
extern ostream cout;
extern ostream cerr;
extern ostream clog;
extern wistream wcin;
extern wostream wcout;
extern wostream wcerr;
extern wostream wclog;
}  // namespace std
#endif

namespace mmpy {

namespace {

#ifdef __GLIBCXX__
// Constructs the stream of this symbol in the library, if the program has a copy of it and it has not been constructed.
template <typename Stream>
void Share(void *library, const char *symbol, Stream &copy) {
  void *const original = dlsym(library, symbol);
  if (original == nullptr || original == &copy) return;
  void *first = nullptr;  // its table of virtual functions, once it is constructed
  std::memcpy(&first, original, sizeof(first));
  if (first != nullptr) return;
  auto *const stream = new (original) Stream(copy.rdbuf());  // never destroyed, like the copies
  stream->flags(copy.flags());
}
#endif

}  // namespace

void ShareCxxStreams() {
#ifdef __GLIBCXX__
  void *const library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return;
  const std::ios_base::Init constructed;  // which <iostream> sees to otherwise
  Share(library, "_ZSt4cout", std::cout);
  Share(library, "_ZSt4cerr", std::cerr);
  Share(library, "_ZSt4clog", std::clog);
  Share(library, "_ZSt3cin", std::cin);
  Share(library, "_ZSt5wcout", std::wcout);
  Share(library, "_ZSt5wcerr", std::wcerr);
  Share(library, "_ZSt5wclog", std::wclog);
  Share(library, "_ZSt4wcin", std::wcin);
#endif
}

}  // namespace mmpy
