#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace thoth {

// Tells from the count of a stream's callbacks whether they have stopped coming; PortAudio does not say. One thread at
// a time.
class Heartbeat {
public:
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;

    // stall_s: how long a stream may be silent; 0 is for ever. Before its first callback it gets longer: a device may
    // take seconds to begin (Bluetooth headsets do).
    explicit Heartbeat(double stall_s) : stall_s_(stall_s) {}

    // Looks at the count, and returns whether the stream has failed. To be called every few milliseconds.
    [[nodiscard]] bool failed(std::uint64_t callbacks) {
        const auto now = Clock::now();
        const double look_s = std::min(Seconds(now - std::exchange(last_look_, now)).count(), longest_look_s);
        silent_s_ = callbacks == callbacks_seen_ ? silent_s_ + look_s : 0.0;
        callbacks_seen_ = callbacks;
        return stall_s_ > 0.0 && silent_s_ >= patience_s();
    }

    [[nodiscard]] double patience_s() const { return callbacks_seen_ == 0 ? std::max(start_s, stall_s_) : stall_s_; }

private:
    static constexpr double start_s = 5.0;
    // Who looks every few milliseconds and finds 50 gone was not running itself, nor perhaps was the callback: a
    // stopped or starved process is no dead device.
    static constexpr double longest_look_s = 0.05;

    double stall_s_;
    std::uint64_t callbacks_seen_ = 0;
    double silent_s_ = 0.0;
    Clock::time_point last_look_ = Clock::now();
};

}  // namespace thoth
