#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "audio/ring_buffer.hpp"

namespace thoth {

// Frames that found no room: `frames` of them from `position` on, counted from the first frame ever offered.
struct Gap {
    std::uint64_t position = 0;
    std::uint64_t frames = 0;
};

// A ring of audio frames that loses none unnoticed. What finds no room is dropped, newest first, and the reader meets
// a gap of exactly that length at exactly that place; frames read and frames in gaps add up to the frames offered.
//
// Threads: as RingBuffer. One Producer, one Consumer, each owned by one thread at a time, both wait-free; lost() from
// any thread.
//
// How it works: gaps go through a small ring of their own. A gap is published when the first frames after it are
// taken, before these: whoever sees the frames sees it too. After a loss nothing is taken until a whole block fits (or
// the ring is empty, where it never could), or
// a slow reader would get shreds; and nothing as long as the ring of gaps is full, so that the gap goes on instead
// of going missing. The last gap, with nothing behind it, is in the count of all lost frames alone.
class CountedRing {
public:
    class Producer;
    class Consumer;
    struct Ends;

    // Room for `capacity_frames` frames of `channels` interleaved samples. Throws std::bad_alloc.
    [[nodiscard]] static Ends create(std::size_t channels, std::size_t capacity_frames);

private:
    static constexpr std::size_t most_gaps = 64;
    using Lost = std::shared_ptr<std::atomic<std::uint64_t>>;
};

class CountedRing::Producer {
public:
    // Takes whole frames, from the front as many as fit, and counts the rest as lost.
    void write(std::span<const float> samples) noexcept {
        if (samples.empty()) return;
        const std::uint64_t frames = samples.size() / channels_;
        std::uint64_t taken = 0;
        // Every write and read moves whole frames and the capacity holds whole frames, so what fits does too.
        if (open_.frames == 0 || (has_room_after_loss(samples.size()) && close_gap())) {
            taken = samples_.write(samples) / channels_;
        }
        position_ += taken;
        lose(frames - taken);
    }

    // Counts frames that have their place in the stream but never came.
    void lose(std::uint64_t frames) noexcept {
        if (frames == 0) return;
        if (open_.frames == 0) open_.position = position_;
        open_.frames += frames;
        position_ += frames;
        // Release: whoever counts these frames as lost finds all frames before them in the ring.
        lost_->store(lost_->load(std::memory_order_relaxed) + frames, std::memory_order_release);
    }

    // Frames that a write is sure to take now, unless a loss came before: then a whole block has to fit.
    [[nodiscard]] std::size_t room() noexcept { return samples_.free() / channels_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return samples_.capacity() / channels_; }
    // Frames offered so far, lost ones too.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    friend class CountedRing;
    Producer(std::size_t channels, RingBuffer<float>::Producer samples, RingBuffer<Gap>::Producer gaps, Lost lost)
        : channels_(channels), samples_(std::move(samples)), gaps_(std::move(gaps)), lost_(std::move(lost)) {}

    [[nodiscard]] bool has_room_after_loss(std::size_t samples) noexcept {
        return samples_.free() >= std::min(samples, samples_.capacity());
    }

    [[nodiscard]] bool close_gap() noexcept {
        if (gaps_.write({&open_, 1}) == 0) return false;
        open_ = {};
        return true;
    }

    std::size_t channels_;
    RingBuffer<float>::Producer samples_;
    RingBuffer<Gap>::Producer gaps_;
    Lost lost_;
    std::uint64_t position_ = 0;
    Gap open_;
};

class CountedRing::Consumer {
public:
    // Moves frames to the front of `to`, which holds whole ones, up to the next gap; returns how many frames.
    [[nodiscard]] std::size_t read(std::span<float> to) noexcept {
        // Before the gaps: frames seen here have theirs visible, frames that come later may not.
        std::size_t most = std::min(samples_.available(), to.size());
        see_next_gap();
        if (next_) {
            const std::uint64_t before_gap = (next_->position - position_) * channels_;
            most = static_cast<std::size_t>(std::min<std::uint64_t>(most, before_gap));
        }
        const std::size_t frames = samples_.read(to.first(most)) / channels_;
        position_ += frames;
        return frames;
    }

    // The gap that stands right here, if any, and steps over it.
    [[nodiscard]] std::optional<Gap> gap() noexcept {
        see_next_gap();
        if (!next_ || next_->position != position_) return std::nullopt;
        return pass(*std::exchange(next_, std::nullopt));
    }

    // The gap at the very end, once the producer is at rest and everything else is read. Steps over it.
    [[nodiscard]] std::optional<Gap> last_gap() noexcept {
        const std::uint64_t frames = lost() - passed_;
        if (frames == 0) return std::nullopt;
        return pass({position_, frames});
    }

    // Frames that can be read now, whether or not gaps lie between them.
    [[nodiscard]] std::size_t available() noexcept { return samples_.available() / channels_; }
    // Whether a gap lies ahead: what is to come may then not fit before what is there has been read.
    [[nodiscard]] bool behind() const noexcept { return lost() != passed_; }
    // All frames lost so far, also those in gaps that have not been met yet.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_->load(std::memory_order_acquire); }
    // Frames read and stepped over so far.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    friend class CountedRing;
    Consumer(std::size_t channels, RingBuffer<float>::Consumer samples, RingBuffer<Gap>::Consumer gaps, Lost lost)
        : channels_(channels), samples_(std::move(samples)), gaps_(std::move(gaps)), lost_(std::move(lost)) {}

    void see_next_gap() noexcept {
        Gap gap;
        if (!next_ && gaps_.read({&gap, 1}) == 1) next_ = gap;
    }

    Gap pass(Gap gap) noexcept {
        position_ += gap.frames;
        passed_ += gap.frames;
        return gap;
    }

    std::size_t channels_;
    RingBuffer<float>::Consumer samples_;
    RingBuffer<Gap>::Consumer gaps_;
    Lost lost_;
    std::optional<Gap> next_;
    std::uint64_t position_ = 0;
    std::uint64_t passed_ = 0;  // frames in the gaps stepped over
};

struct CountedRing::Ends {
    Producer producer;
    Consumer consumer;
};

inline CountedRing::Ends CountedRing::create(std::size_t channels, std::size_t capacity_frames) {
    auto samples = RingBuffer<float>::create(channels * capacity_frames);
    auto gaps = RingBuffer<Gap>::create(most_gaps);
    const auto lost = std::make_shared<std::atomic<std::uint64_t>>(0);
    return {Producer(channels, std::move(samples.producer), std::move(gaps.producer), lost),
            Consumer(channels, std::move(samples.consumer), std::move(gaps.consumer), lost)};
}

}  // namespace thoth
