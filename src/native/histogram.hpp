#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace thoth {

// Durations counted in buckets whose width grows with the value, so that any quantile is known to within 0.8 %, or half
// a microsecond where that is more, in fixed memory (16 KB), however many there were: the log-linear layout of
// HdrHistogram (http://hdrhistogram.org), in whole microseconds. Beyond 19 hours a duration counts as that.
//
// One thread at a time.
class Histogram {
public:
    void record(std::chrono::nanoseconds duration) noexcept {
        const auto us = std::chrono::round<std::chrono::microseconds>(duration).count();
        const auto value = static_cast<std::uint64_t>(std::clamp<std::int64_t>(us, 0, largest_us));
        ++counts_[bucket_of(value)];
        ++count_;
        largest_ = std::max(largest_, duration);
    }

    // The duration that a share `q`, 0 to 1 and no NaN, of those recorded do not exceed; zero where there are none.
    [[nodiscard]] std::chrono::nanoseconds quantile(double q) const noexcept {
        if (count_ == 0) return std::chrono::nanoseconds::zero();
        const auto wanted =
            static_cast<std::uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_)));
        std::uint64_t seen = 0;
        std::size_t bucket = 0;
        for (; bucket + 1 < counts_.size(); ++bucket) {
            seen += counts_[bucket];
            if (seen >= std::max<std::uint64_t>(wanted, 1)) break;
        }
        return std::min(middle_of(bucket), largest_);
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::chrono::nanoseconds largest() const noexcept { return largest_; }

private:
    // Up to 128 µs each microsecond has a bucket; above, each doubling is cut into 64.
    static constexpr int step_bits = 6;
    static constexpr std::uint64_t exact = std::uint64_t{2} << step_bits;
    static constexpr int most_bits = 36;
    static constexpr std::int64_t largest_us = (std::int64_t{1} << most_bits) - 1;
    static constexpr std::size_t n_buckets = (most_bits - step_bits + 1) << step_bits;

    static std::size_t bucket_of(std::uint64_t us) noexcept {
        if (us < exact) return static_cast<std::size_t>(us);
        const int shift = static_cast<int>(std::bit_width(us)) - step_bits - 1;
        return (static_cast<std::size_t>(shift) << step_bits) + static_cast<std::size_t>(us >> shift);
    }

    // Of what was rounded into the bucket: from half a microsecond below its first to half a one above its last.
    static std::chrono::nanoseconds middle_of(std::size_t bucket) noexcept {
        if (bucket < exact) return std::chrono::microseconds(bucket);
        const auto shift = (bucket >> step_bits) - 1;
        const auto first = static_cast<std::int64_t>((bucket & ((1U << step_bits) - 1)) + (1U << step_bits)) << shift;
        const auto width = std::int64_t{1} << shift;
        return std::chrono::nanoseconds(1000 * first + 500 * (width - 1));
    }

    std::array<std::uint64_t, n_buckets> counts_{};
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds largest_{0};
};

}  // namespace thoth
