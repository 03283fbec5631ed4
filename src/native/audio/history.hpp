#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace thoth {

// The last samples of a stream, up to a fixed number: the pre-roll. One thread at a time.
class History {
public:
    explicit History(std::size_t capacity) : samples_(capacity) {}

    void push(std::span<const float> samples) {
        samples = samples.last(std::min(samples.size(), samples_.size()));
        const auto before_end = std::min(samples.size(), samples_.size() - next_);
        std::ranges::copy(samples.first(before_end), samples_.begin() + static_cast<std::ptrdiff_t>(next_));
        std::ranges::copy(samples.subspan(before_end), samples_.begin());
        if (!samples_.empty()) next_ = (next_ + samples.size()) % samples_.size();
        filled_ = std::min(filled_ + samples.size(), samples_.size());
    }

    // The last `count` samples, or all when there are fewer, in two pieces, oldest first. They hold until the next
    // push().
    [[nodiscard]] std::pair<std::span<const float>, std::span<const float>> last(std::size_t count) const {
        count = std::min(count, filled_);
        const auto newer = std::min(count, next_);
        const std::span all(samples_);
        return {all.last(all.size() - next_).last(count - newer), all.first(next_).last(newer)};
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return samples_.size(); }

private:
    std::vector<float> samples_;
    std::size_t next_ = 0;
    std::size_t filled_ = 0;
};

}  // namespace thoth
