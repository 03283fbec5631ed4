#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
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

    // The last `count` samples, or all when there are fewer, oldest first.
    [[nodiscard]] std::vector<float> last(std::size_t count) const {
        count = std::min(count, filled_);
        std::vector<float> out(count);
        for (std::size_t i = 0; i < count; ++i)
            out[i] = samples_[(next_ + samples_.size() - count + i) % samples_.size()];
        return out;
    }

private:
    std::vector<float> samples_;
    std::size_t next_ = 0;
    std::size_t filled_ = 0;
};

}  // namespace thoth
