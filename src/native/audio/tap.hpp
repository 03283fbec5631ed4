#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "audio/counted_ring.hpp"
#include "audio/loss.hpp"

namespace thoth {

// One reader's share of a stream of 16 kHz mono samples. Every sample of the stream has its place: where the reader was
// too slow and the ring full, it reads silence of the right length, and the loss is noted.
//
// Threads: write(), note(), end() and room() belong to the pump; read() and wait() to one reader at a time, a second
// one gets AudioError; losses() to any. The lock is held for moments, never while anybody waits for something else.
class Tap {
public:
    using Clock = std::chrono::steady_clock;

    explicit Tap(std::size_t capacity_samples);

    // Never waits; what finds no room is a loss.
    void write(std::span<const float> samples);
    // A loss of the stream, its place counted on the stream's samples from `first_sample` on.
    void note(Loss loss);
    // Nothing comes after this.
    void end();
    [[nodiscard]] std::size_t room() noexcept { return producer_.room(); }
    // Samples written so far, and lost.
    [[nodiscard]] std::uint64_t offered() const noexcept { return producer_.position(); }

    // Moves samples to the front of `to` and returns how many; never waits. Throws AudioError.
    [[nodiscard]] std::size_t read(std::span<float> to);
    // Returns true as soon as `samples` can be read (no more than the capacity counts) or the end has come, false at
    // the deadline.
    [[nodiscard]] bool wait_until(std::size_t samples, Clock::time_point deadline);
    // Whether nothing is left to read and nothing will come.
    [[nodiscard]] bool ended();

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::vector<Loss> losses() const;
    [[nodiscard]] std::uint64_t loss_count() const;

private:
    [[nodiscard]] std::size_t read_piece(std::span<float> to);
    void begin_gap(const Gap& gap);

    explicit Tap(CountedRing::Ends ring, std::size_t capacity);

    const std::size_t capacity_;
    CountedRing::Producer producer_;
    CountedRing::Consumer consumer_;
    std::uint64_t silence_left_ = 0;  // of the gap being read
    std::atomic<bool> reading_ = false;
    std::atomic<bool> end_seen_ = false;

    mutable std::mutex mutex_;
    std::condition_variable written_;
    bool waiting_ = false;
    LossLog losses_;
};

}  // namespace thoth
