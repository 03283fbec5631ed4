#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace thoth {

// Streaming sample-rate conversion of mono float32 with little delay: a polyphase filter of finite length, computed
// sample by sample. It holds back half its length and nothing more (6.2 ms from 48 kHz to 16 kHz), whereas Resampler,
// which filters by blocks, holds back up to 85 ms. Like that one it keeps 0.913 of the narrower band, and what lies
// beyond that band is at least 130 dB down.
//
// Output does not depend on how the input is cut into blocks, to the bit. The filter's delay is taken out: output
// sample k stands for the time k / out_rate_hz, and after flush() n input samples have given round(n * out / in) of
// them, as many as Resampler gives. Equal rates pass through untouched. Input must be finite: a NaN or an infinity
// would spread over a whole filter length, so callers replace them before (the live pump: NaN by 0, what is out
// of range by +-8).
//
// Threads: as Resampler. An instance belongs to one thread at a time; of two calls at once the later one throws
// AudioError and touches nothing. Different instances share nothing.
class FirResampler {
public:
    // Rates in Hz that supports() takes; throws InvalidOption for others. Computes the filter, which takes some
    // milliseconds for the usual rates and a tenth of a second for the largest table.
    FirResampler(double in_rate_hz, double out_rate_hz);

    // Whether the rates are whole numbers of Hz, 1 kHz to 768 kHz, and their ratio simple enough for a table of
    // coefficients of at most 4 MiB.
    [[nodiscard]] static bool supports(double in_rate_hz, double out_rate_hz) noexcept;

    // Appends the output that is ready by now to `out`. Throws AudioError after flush(). Allocates nothing but what
    // `out` needs to grow.
    void process(std::span<const float> in, std::vector<float>& out);

    // Appends what the filter still holds back to `out`, as if silence followed, and ends the stream. A second call
    // appends nothing.
    void flush(std::vector<float>& out);

    [[nodiscard]] double in_rate_hz() const noexcept { return in_rate_hz_; }
    [[nodiscard]] double out_rate_hz() const noexcept { return out_rate_hz_; }

    // How far the output may lag behind the input given so far, in seconds: half the filter's length.
    [[nodiscard]] double delay_s() const noexcept { return static_cast<double>(half_) / in_rate_hz_; }

private:
    [[nodiscard]] std::int64_t ready_after(std::int64_t in_samples) const noexcept;
    void convert(std::span<const float> in, std::int64_t out_samples, std::vector<float>& out);
    void step() noexcept;
    std::span<const float> refill(std::span<const float> in);

    double in_rate_hz_;
    double out_rate_hz_;
    std::size_t phases_ = 1;      // output rate / input rate = phases_ / (step_whole_ * phases_ + step_rest_)
    std::size_t step_whole_ = 1;  // how far the input moves on from one output sample to the next: whole samples …
    std::size_t step_rest_ = 0;   // … and 1 / phases_ of one
    std::size_t half_ = 0;        // input samples after its own time that an output sample depends on
    std::size_t taps_ = 0;        // coefficients of one phase
    std::vector<float> table_;    // phases_ * taps_, in the order of the input; empty when the rates are equal
    std::vector<float> window_;   // the latest input, of which [begin_, end_) is still needed
    std::size_t begin_ = 0;       // where the next output sample's first coefficient meets the input
    std::size_t end_ = 0;
    std::size_t phase_ = 0;
    std::int64_t in_samples_ = 0;
    std::int64_t out_samples_ = 0;
    bool flushed_ = false;
    std::atomic<bool> in_use_ = false;
};

}  // namespace thoth
