#pragma once

#include <atomic>
#include <string>

#include "errors.hpp"

namespace thoth {

// Holds an object that one thread at a time may use, and tells the thread that comes in between, which would
// otherwise find it half changed. Checks for a caller's mistake; it makes nobody wait.
class InUse {
public:
    InUse(std::atomic<bool>& flag, const char* what) : flag_(flag) {
        if (flag_.exchange(true, std::memory_order_acquire)) {
            throw AudioError("a " + std::string(what) + " was called by two threads at once: give each thread its own");
        }
    }
    ~InUse() { flag_.store(false, std::memory_order_release); }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

private:
    std::atomic<bool>& flag_;
};

}  // namespace thoth
