#pragma once

#ifndef _WIN32
#include <unistd.h>
#endif

namespace thoth {

// Remembers the process that made it. What has a thread must know when it finds itself in a child made by fork(): it is
// a copy without that thread, which can neither be joined there, nor what it waits on be destroyed, without waiting for
// ever. Any thread.
class OwnProcess {
public:
    [[nodiscard]] bool here() const noexcept { return current() == made_in_; }

private:
    static long current() noexcept {
#ifdef _WIN32
        return 0;  // no fork there
#else
        return static_cast<long>(getpid());
#endif
    }

    long made_in_ = current();
};

}  // namespace thoth
