#pragma once

#ifdef __linux__
#include <sched.h>
#endif

#include <vector>

// The cores that this process may use, as they were before any thread was kept on one.
inline const std::vector<int>& usable_cores() {
    static const std::vector<int> cores = [] {
        std::vector<int> found;
#ifdef __linux__
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return found;
        for (int core = 0; core < CPU_SETSIZE; ++core) {
            if (CPU_ISSET(core, &allowed)) found.push_back(core);
        }
#endif
        return found;
    }();
    return cores;
}

// Keeps the calling thread on the n-th of these, so that two threads meet on two cores: left to itself, a busy
// machine's scheduler runs both on one, and a test sees no concurrency.
inline void stay_on_core(std::size_t n) {
    const auto& cores = usable_cores();
    if (cores.empty()) return;
#ifdef __linux__
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cores[n % cores.size()], &one);
    sched_setaffinity(0, sizeof one, &one);
#else
    static_cast<void>(n);
#endif
}
