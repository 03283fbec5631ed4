#pragma once

#include <cstdlib>  // tells whether this is glibc

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace thoth {

// Gives the system back what was freed and the heap keeps: glibc has a heap for each thread and keeps a lot in them.
// Any thread; takes milliseconds.
inline void release_free_memory() noexcept {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace thoth
