#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include "audio/counted_ring.hpp"
#include "audio/in_use.hpp"
#include "audio/loss.hpp"

namespace thoth {

// One reader's share of a stream of 16 kHz mono samples. Every sample of the stream has its place: where the reader was
// too slow and the ring full, it reads silence of the right length, and the loss is noted.
//
// Threads: write(), note(), end(), room() and offered() belong to the pump; read() and wait_until() to whoever holds
// claim(); the rest to any. The lock is held for moments, never while anybody waits for something else.
class Tap {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

    // most_samples: ends by itself after so many.
    explicit Tap(std::size_t capacity_samples, std::uint64_t most_samples = endless);
    // The place in the stream of the first sample to be written; to be told before anybody else has the tap.
    void begin_at(std::uint64_t first_sample) noexcept { first_sample_ = first_sample; }

    // Never waits; what finds no room is a loss. After the end it does nothing.
    void write(std::span<const float> samples);
    // A loss of the stream, its place counted from the tap's own first sample.
    void note(const Loss& loss);
    // Nothing comes after this.
    void end();
    // Whether anything written will still be read.
    [[nodiscard]] bool wanted() const noexcept;
    [[nodiscard]] std::size_t room() noexcept { return producer_.room(); }
    // Samples written so far, and lost.
    [[nodiscard]] std::uint64_t offered() const noexcept { return producer_.position(); }

    // The right to read, while it lives. Throws AudioError when another thread has it.
    [[nodiscard]] InUse claim() { return {reading_, "tap of a stream"}; }
    // Moves samples to the front of `to` and returns how many; never waits.
    [[nodiscard]] std::size_t read(std::span<float> to);
    // Returns true as soon as `samples` can be read, or as many as there will be room for, or the end has come; false
    // at the deadline.
    [[nodiscard]] bool wait_until(std::size_t samples, Clock::time_point deadline);
    // Whether nothing is left to read and nothing will come.
    [[nodiscard]] bool ended() const noexcept;
    // Nobody wants any more of it; the stream goes on without this one.
    void abandon();
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::uint64_t first_sample() const noexcept { return first_sample_; }
    [[nodiscard]] std::vector<Loss> losses() const;
    [[nodiscard]] std::uint64_t loss_count() const;
    // Those of cause `reader` among them.
    [[nodiscard]] std::uint64_t reader_loss_count() const noexcept {
        return reader_losses_.load(std::memory_order_relaxed);
    }

private:
    Tap(CountedRing::Ends ring, std::size_t capacity, std::uint64_t most_samples);

    [[nodiscard]] std::size_t read_piece(std::span<float> to);
    void begin_gap(const Gap& gap);

    const std::size_t capacity_;
    const std::uint64_t most_samples_;
    std::uint64_t first_sample_ = 0;
    CountedRing::Producer producer_;
    CountedRing::Consumer consumer_;
    std::uint64_t silence_left_ = 0;            // of the gap being read
    std::atomic<std::uint64_t> delivered_ = 0;  // stored by the reader
    std::uint64_t total_ = 0;                   // final once end_seen_ is set
    std::atomic<std::uint64_t> reader_losses_ = 0;
    std::atomic<bool> end_seen_ = false;
    std::atomic<bool> abandoned_ = false;
    std::atomic<bool> reading_ = false;

    mutable std::mutex mutex_;
    std::condition_variable written_;
    bool waiting_ = false;
    LossLog losses_;
};

}  // namespace thoth
