#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "audio/live_resampler.hpp"

namespace thoth {

// A device's frames, of any channels and rate, as 16 kHz mono: the mean of the channels, resampled.
//
// A NaN becomes 0 and whatever lies beyond +-8 (18 dB over full scale, infinities too) becomes +-8, both counted: one
// such sample would spoil a whole filter length. One thread at a time.
class LiveConverter {
public:
    static constexpr double out_rate_hz = 16'000.0;

    LiveConverter(double rate_hz, std::size_t channels) : channels_(channels), resampler_(rate_hz, out_rate_hz) {}

    // What whole frames of interleaved samples come to. The result holds until the next call.
    [[nodiscard]] std::span<const float> convert(std::span<const float> samples) {
        mix_down(samples);
        return resampled();
    }

    // The same for frames of silence.
    [[nodiscard]] std::span<const float> convert_silence(std::size_t frames) {
        mono_.assign(frames, 0.0F);
        return resampled();
    }

    // What the filter still held back, at the end of the stream.
    [[nodiscard]] std::span<const float> flush() {
        out_.clear();
        resampler_.flush(out_);
        return out_;
    }

    [[nodiscard]] std::uint64_t bad_samples() const noexcept { return bad_samples_; }

private:
    static constexpr float most_amplitude = 8.0F;

    // Channels are added in their order, so that a frame's result depends on that frame alone.
    void mix_down(std::span<const float> samples) {
        mono_.resize(samples.size() / channels_);
        const float* sample = samples.data();
        for (float& mono : mono_) {
            float sum = 0.0F;
            for (std::size_t channel = 0; channel < channels_; ++channel) sum += usable(*sample++);
            mono = sum / static_cast<float>(channels_);
        }
    }

    float usable(float sample) {
        if (std::abs(sample) <= most_amplitude) return sample;  // false for a NaN
        ++bad_samples_;
        return std::isnan(sample) ? 0.0F : std::copysign(most_amplitude, sample);
    }

    std::span<const float> resampled() {
        out_.clear();
        resampler_.process(mono_, out_);
        return out_;
    }

    std::size_t channels_;
    LiveResampler resampler_;
    std::vector<float> mono_;
    std::vector<float> out_;
    std::uint64_t bad_samples_ = 0;
};

}  // namespace thoth
