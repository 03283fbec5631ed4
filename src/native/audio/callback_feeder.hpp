#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "audio/capture.hpp"
#include "audio/portaudio_abi.hpp"

namespace thoth {

// Stands in for PortAudio where there is no sound card: calls a PaStreamCallback with blocks of given samples, in the
// thread that pushes them, at the pace of a device or a multiple of it. Sources made of files use it, tests and
// benchmarks too. Whatever comes, it goes through the very callback that a device drives.
//
// Threads: push() one thread at a time; stop() and durations_s(), the latter between pushes, any.
class CallbackFeeder {
public:
    using Clock = std::chrono::steady_clock;

    // speed: times real time, 0 for as fast as the callback takes it. keep_durations: how many calls are timed and
    // remembered, the first ones. Throws InvalidOption.
    CallbackFeeder(PaStreamCallback* callback, void* user_data, double rate_hz, int channels, std::size_t block_frames,
                   double speed, std::size_t keep_durations);

    // Waits for room in this capture, which the callback must be that of, instead of losing. It has to outlive this.
    void wait_for_room_in(Capture* capture) noexcept { capture_ = capture; }

    // Feeds whole frames of interleaved samples; the last block may be short. Returns how many frames were fed: all,
    // or fewer after stop(). `poll` is called now and then while it waits, and may throw.
    template <class Poll>
    std::size_t push(std::span<const float> samples, const Poll& poll) {
        std::size_t fed = 0;
        while (!samples.empty() && !stopped_.load(std::memory_order_acquire)) {
            const auto block = samples.first(std::min(samples.size(), block_frames_ * channels_));
            if (!ready(block.size() / channels_)) {
                wait_a_moment();
                poll();
                continue;
            }
            call(block);
            samples = samples.subspan(block.size());
            fed += block.size() / channels_;
        }
        return fed;
    }

    // Ends a push, and all that come after.
    void stop() noexcept { stopped_.store(true, std::memory_order_release); }

    [[nodiscard]] std::size_t channels() const noexcept { return channels_; }
    [[nodiscard]] std::vector<double> durations_s() const;

private:
    [[nodiscard]] bool ready(std::size_t frames);
    [[nodiscard]] Clock::time_point due() const;
    void wait_a_moment() const;
    void call(std::span<const float> block);

    PaStreamCallback* callback_;
    void* user_data_;
    double rate_hz_;
    std::size_t channels_;
    std::size_t block_frames_;
    double speed_;
    Capture* capture_ = nullptr;
    std::atomic<bool> stopped_ = false;

    bool clock_runs_ = false;
    Clock::time_point begin_;
    std::uint64_t frames_fed_ = 0;  // since then
    std::uint64_t frames_in_all_ = 0;

    std::size_t keep_durations_;
    std::vector<double> durations_s_;
};

}  // namespace thoth
