#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

struct soxr;

namespace thoth {

// Streaming sample-rate conversion of interleaved float32 by libsoxr's constant-rate engine.
//
// Output does not depend on how the input is cut into blocks, to the bit. The filter's delay is taken out:
// output frame k stands for the time k / out_rate_hz, and after flush() n input frames have given round(n *
// out / in) of them. Equal rates pass through untouched. Input must be finite: a NaN or an infinity would
// spread over a whole filter length, so callers check before.
//
// Threads: an instance belongs to one thread at a time; handing it on needs no more than an ordinary
// happens-before edge. Two calls at once are a mistake of the caller: the later one throws AudioError and
// touches nothing. Different instances share nothing.
class Resampler {
public:
    // Rates in Hz, finite, 1 kHz to 768 kHz; channels 1 to 32; quality QQ, LQ, MQ, HQ or VHQ, libsoxr's
    // recipes from cubic interpolation to 28-bit precision. Throws InvalidOption for anything else.
    Resampler(double in_rate_hz, double out_rate_hz, int channels = 1, std::string_view quality = "VHQ");

    // Takes whole frames of `channels()` samples and appends the output that is ready by now to `out`. Throws
    // AudioError where the samples are no whole number of frames, after flush(), or when libsoxr fails.
    void process(std::span<const float> in, std::vector<float>& out);

    // Appends what the filter still holds back to `out` and ends the stream. A second call appends nothing.
    void flush(std::vector<float>& out);

    [[nodiscard]] double in_rate_hz() const noexcept { return in_rate_hz_; }
    [[nodiscard]] double out_rate_hz() const noexcept { return out_rate_hz_; }
    [[nodiscard]] int channels() const noexcept { return static_cast<int>(channels_); }

private:
    struct Delete {
        void operator()(soxr* handle) const noexcept;
    };

    [[nodiscard]] std::size_t ready_frames_bound(std::size_t more) const noexcept;
    void drain(const float* in, std::size_t in_frames, std::vector<float>& out);

    double in_rate_hz_;
    double out_rate_hz_;
    std::size_t channels_;
    std::size_t piece_frames_ = 0;
    std::unique_ptr<soxr, Delete> soxr_;  // null when the rates are equal
    std::int64_t in_frames_ = 0;
    std::int64_t out_frames_ = 0;
    bool flushed_ = false;
    std::atomic<bool> in_use_ = false;
};

}  // namespace thoth
