#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace thoth {

enum class LossCause {
    overrun,  // the capture buffer was full: the pump did not get to run
    device,   // the system reported that it lost input before this place, not how much: frames is 0
    outage,   // the device was gone, and is back; frames by the clock
    reader,   // the tap was full: its reader did not keep up
};

// Audio that came, or should have come, and is missing. Silence stands in its place.
struct Loss {
    LossCause cause;
    std::uint64_t frames;       // lost; at the device's rate, for `reader` at 16 kHz
    std::uint64_t first_frame;  // the first of them, counted from the opening of the device; for `reader` as `sample`
    std::uint64_t sample;       // where the silence begins, in samples at 16 kHz
    std::uint64_t silence;      // how long it is, in samples at 16 kHz
};

// The latest losses, and how many there were in all. One thread at a time.
class LossLog {
public:
    static constexpr std::size_t most_kept = 1000;

    void note(const Loss& loss) {
        if (kept_.size() == most_kept) kept_.pop_front();
        kept_.push_back(loss);
        ++count_;
    }
    [[nodiscard]] std::vector<Loss> kept() const { return {kept_.begin(), kept_.end()}; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
    std::deque<Loss> kept_;
    std::uint64_t count_ = 0;
};

}  // namespace thoth
