#include "midi/alsa.h"

#include <dlfcn.h>

namespace mmpy {

namespace {

constexpr const char *kLibrary = "libasound.so.2";

template <typename Function>
bool Find(void *library, const char *name, Function *target) {
  *target = reinterpret_cast<Function>(dlsym(library, name));
  return *target != nullptr;
}

// Where the library is loaded that has a function.
template <typename Function>
const void *LibraryOf(Function function) {
  Dl_info info = {};
  return dladdr(reinterpret_cast<void *>(function), &info) == 0 ? nullptr : info.dli_fbase;
}

}  // namespace

std::string Alsa::Load() {
  if (loaded_) return "";
  // As in a program that is linked to the library, one that is preloaded takes its place.
  void *library = RTLD_DEFAULT;
  if (dlsym(RTLD_DEFAULT, "snd_seq_open") == nullptr) {
    library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char *const problem = dlerror();
      return problem == nullptr ? kLibrary : problem;
    }
  }
#define ALSA_FUNCTION(result, name, parameters) \
  if (!Find(library, #name, &name)) return std::string(kLibrary) + " has no function " #name;
  // A preloaded one may have few functions, and be linked to ALSA's: what belongs to that would not know its sequencer.
#define ALSA_OPTIONAL(result, name, parameters) \
  if (Find(library, #name, &name) && LibraryOf(name) != LibraryOf(snd_seq_open)) name = nullptr;
#include "midi/alsa_functions.inc"
#undef ALSA_FUNCTION
#undef ALSA_OPTIONAL
  loaded_ = true;
  return "";
}

bool Alsa::lists_devices() const {
  return snd_seq_client_info_malloc != nullptr && snd_seq_client_info_free != nullptr &&
         snd_seq_client_info_set_client != nullptr && snd_seq_client_info_get_client != nullptr &&
         snd_seq_client_info_get_name != nullptr && snd_seq_query_next_client != nullptr &&
         snd_seq_port_info_malloc != nullptr && snd_seq_port_info_free != nullptr &&
         snd_seq_port_info_set_client != nullptr && snd_seq_port_info_set_port != nullptr &&
         snd_seq_port_info_get_port != nullptr && snd_seq_port_info_get_name != nullptr &&
         snd_seq_port_info_get_capability != nullptr && snd_seq_query_next_port != nullptr;
}

bool Alsa::can_announce() const {
  return snd_seq_port_info_malloc != nullptr && snd_seq_port_info_free != nullptr &&
         snd_seq_port_info_set_port != nullptr && snd_seq_port_info_set_port_specified != nullptr &&
         snd_seq_port_info_set_capability != nullptr && snd_seq_port_info_set_type != nullptr &&
         snd_seq_port_info_set_name != nullptr && snd_seq_create_port != nullptr;
}

}  // namespace mmpy
