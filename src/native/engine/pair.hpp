#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>

#include "engine/lane.hpp"

namespace thoth {

// Two windows of one turn side by side: the first on the calling thread, the second on a thread of its own that is gone
// when run() returns.
//
// The turn is one, and so is the gate's holder. Where somebody waits who should go first, each lane stops at its next
// checkpoint; only when both stand still does the calling thread give way, and both go on when it holds the gate again.
//
// What ends the first window, or the caller, ends the second at its next checkpoint. What ends the second lets the
// first go on to its end, as if it had run before it.
//
// Lives on the stack of the calling thread. The lanes' functions may touch what is theirs alone and what is only read.
class Pair {
public:
    Pair(Turn& turn, const RunControl& control) : turn_(turn), control_(control) {}
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    using Work = std::function<void(Lane&)>;

    // Runs both to their ends. Returns false, and has run neither, where the system has no thread to give.
    [[nodiscard]] bool run(const Work& first, const Work& second);

    // What ended the windows before their end, the first one's reason before the second's.
    [[nodiscard]] std::exception_ptr failure() const noexcept;

private:
    class First;
    class Second;
    using Lock = std::unique_lock<std::mutex>;

    // How soon a lane that stands notices that nobody waits any more: of that the gate tells nobody.
    static constexpr std::chrono::milliseconds recheck{5};

    void lead();
    void follow();
    void run_second(const Work& second) noexcept;
    void await_second();
    void end() noexcept;
    void require_going_on();
    void call_interrupt(Lock& lock);

    Turn& turn_;
    const RunControl& control_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool standing_ = false;    // the second lane waits for the first
    bool giving_way_ = false;  // the turn is the first thread's alone
    bool done_ = false;        // the second lane
    bool ended_ = false;
    std::exception_ptr first_failure_;
    std::exception_ptr interruption_;  // while the first thread waited for the second
    std::exception_ptr second_failure_;
};

}  // namespace thoth
