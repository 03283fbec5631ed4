#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace thoth {

// How loud the last tenth of a second was, in dB relative to full scale: RMS, where a square wave at full scale is 0
// and a sine -3, and peak. One thread at a time.
class Level {
public:
    static constexpr double floor_db = -120.0;  // for digital silence; below the noise of any converter
    struct Reading {
        double rms_db = floor_db;
        double peak_db = floor_db;
    };

    void push(std::span<const float> samples) {
        for (const float sample : samples) {
            square_sum_ += static_cast<double>(sample) * sample;
            peak_ = std::max(peak_, std::abs(sample));
            if (++count_ == window_samples) close_window();
        }
    }

    [[nodiscard]] Reading reading() const noexcept { return reading_; }

private:
    static constexpr std::size_t window_samples = 1600;

    static double decibels(double amplitude) {
        return amplitude > 0.0 ? std::max(20.0 * std::log10(amplitude), floor_db) : floor_db;
    }

    void close_window() {
        reading_ = {decibels(std::sqrt(square_sum_ / window_samples)), decibels(peak_)};
        square_sum_ = 0.0;
        peak_ = 0.0F;
        count_ = 0;
    }

    Reading reading_;
    double square_sum_ = 0.0;
    float peak_ = 0.0F;
    std::size_t count_ = 0;
};

}  // namespace thoth
