#pragma once

/*
 * Included before everything else, by CMakeLists.txt. With glibc 2.38 or later strtol, sscanf and their like, also
 * those inside of atoi and std::stoi, become functions that read C23's binary numbers (__isoc23_strtol) and that no
 * older glibc has. g++ always defines _GNU_SOURCE, which chooses them, and there is no macro to choose the others: what
 * is compiled on Debian 13 would not load on Debian 12. glibc's own name of that choice is C2X_STRTOL up to 2.40 and
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
