#include "audio/tap.hpp"

#include <algorithm>
#include <utility>

namespace thoth {

Tap::Tap(std::size_t capacity_samples, std::uint64_t most_samples)
    : Tap(CountedRing::create(1, capacity_samples), capacity_samples, most_samples) {}

Tap::Tap(CountedRing::Ends ring, std::size_t capacity, std::uint64_t most_samples)
    : capacity_(capacity),
      most_samples_(most_samples),
      producer_(std::move(ring.producer)),
      consumer_(std::move(ring.consumer)) {}

void Tap::write(std::span<const float> samples) {
    if (end_seen_.load(std::memory_order_relaxed)) return;
    const std::uint64_t left = most_samples_ - producer_.position();
    producer_.write(samples.first(static_cast<std::size_t>(std::min<std::uint64_t>(samples.size(), left))));
    if (samples.size() >= left) {
        end();
        return;
    }
    const std::lock_guard lock(mutex_);  // or a reader about to wait would miss these
    if (waiting_) written_.notify_one();
}

void Tap::note(const Loss& loss) {
    if (loss.sample >= most_samples_) return;
    const std::lock_guard lock(mutex_);
    losses_.note(loss);
}

void Tap::end() {
    if (end_seen_.load(std::memory_order_relaxed)) return;
    total_ = producer_.position();
    end_seen_.store(true, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    written_.notify_one();
}

bool Tap::wanted() const noexcept { return !end_seen_.load(std::memory_order_relaxed) && !abandoned(); }

void Tap::abandon() {
    abandoned_.store(true, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    written_.notify_one();
}

std::size_t Tap::read(std::span<float> to) {
    std::size_t done = 0;
    while (done < to.size()) {
        const std::size_t piece = read_piece(to.subspan(done));
        if (piece == 0) break;
        done += piece;
    }
    delivered_.fetch_add(done, std::memory_order_relaxed);
    return done;
}

// Samples up to the next gap, or silence for what is left of this one.
std::size_t Tap::read_piece(std::span<float> to) {
    // Before the ring: what was written ahead of the end is then visible.
    const bool end_seen = end_seen_.load(std::memory_order_acquire);
    if (silence_left_ == 0) {
        if (const auto gap = consumer_.gap()) begin_gap(*gap);
    }
    if (silence_left_ == 0) {
        if (const std::size_t samples = consumer_.read(to); samples > 0) return samples;
        if (!end_seen) return 0;
        if (const auto gap = consumer_.last_gap()) begin_gap(*gap);
    }
    const auto silence = static_cast<std::size_t>(std::min<std::uint64_t>(silence_left_, to.size()));
    std::ranges::fill(to.first(silence), 0.0F);
    silence_left_ -= silence;
    return silence;
}

void Tap::begin_gap(const Gap& gap) {
    silence_left_ = gap.frames;
    note({LossCause::reader, gap.frames, gap.position, gap.position, gap.frames});
    reader_losses_.fetch_add(1, std::memory_order_relaxed);
}

bool Tap::wait_until(std::size_t samples, Clock::time_point deadline) {
    const std::uint64_t wanted = std::min(samples, capacity_);
    const auto ready = [&] {
        if (end_seen_.load(std::memory_order_acquire) || abandoned()) return true;
        const std::uint64_t there = silence_left_ + consumer_.available();
        return there >= wanted || (there > 0 && consumer_.behind());
    };
    std::unique_lock lock(mutex_);
    waiting_ = true;
    const bool in_time = written_.wait_until(lock, deadline, ready);
    waiting_ = false;
    return in_time;
}

bool Tap::ended() const noexcept {
    return end_seen_.load(std::memory_order_acquire) && delivered_.load(std::memory_order_relaxed) == total_;
}

std::vector<Loss> Tap::losses() const {
    const std::lock_guard lock(mutex_);
    return losses_.kept();
}

std::uint64_t Tap::loss_count() const {
    const std::lock_guard lock(mutex_);
    return losses_.count();
}

}  // namespace thoth
