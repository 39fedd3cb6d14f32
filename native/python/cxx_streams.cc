#include "python/cxx_streams.h"

#include <dlfcn.h>

#include <cstring>
#include <iostream>
#include <new>

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
