#pragma once

/*
 * Included before everything else, by CMakeLists.txt. With glibc 2.38 or later strtol, sscanf and similar functions,
 * including those inside atoi and std::stoi, become functions that read C23's binary numbers (__isoc23_strtol), which
 * older versions of glibc lack. g++ always defines _GNU_SOURCE, which selects them, and no macro selects the others: an
 * addon compiled on Debian 13 would not load on Debian 12. glibc's internal macro for this is C2X_STRTOL up to 2.40 and
 * C23_STRTOL since.
 */
#ifdef __linux__
#include <features.h>
#ifdef __GLIBC_USE_C2X_STRTOL
#undef __GLIBC_USE_C2X_STRTOL
#define __GLIBC_USE_C2X_STRTOL 0
#endif
#ifdef __GLIBC_USE_C23_STRTOL
#undef __GLIBC_USE_C23_STRTOL
#define __GLIBC_USE_C23_STRTOL 0
#endif
#endif
