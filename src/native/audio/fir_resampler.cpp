#include "audio/fir_resampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <numbers>
#include <numeric>
#include <sstream>

#include "audio/in_use.hpp"
#include "audio/limits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

constexpr double max_table_bytes = 4.0 * 1024 * 1024;

// The filter, as shares of the narrower Nyquist frequency. The pass-band is that of libsoxr's VHQ recipe; a wider
// one, or more attenuation, would cost delay. 132 dB by Kaiser's formula measure as 130.9 to 132.
constexpr double pass_band = 0.913;
constexpr double stop_band = 1.0;
constexpr double attenuation_db = 132.0;

// Running sums of an output sample. Which product goes to which is fixed here, so a compiler may hold them in vector
// registers without being allowed to reorder sums: two registers at the baseline of SSE2 and NEON. More lanes were no
// faster on all the compilers tried.
constexpr std::size_t lanes = 8;

// How much input a long block is taken by: the window stays in the processor's first cache.
constexpr std::size_t piece_samples = 4'096;

struct Filter {
    std::size_t phases;
    std::size_t decimation;
    std::size_t half;  // input samples
    std::size_t taps;  // 2 * half, and as many zeros before them as whole lanes need
};

bool is_rate(double rate_hz) noexcept {
    return rate_hz >= min_rate_hz && rate_hz <= max_rate_hz && std::floor(rate_hz) == rate_hz;
}

// How many cycles per input sample the narrower of the two bands holds.
double band(double in_rate_hz, double out_rate_hz) noexcept {
    return std::min(in_rate_hz, out_rate_hz) / in_rate_hz / 2;
}

// The length by J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function" (1974):
// length - 1 = (attenuation - 7.95) / (14.36 * width of the transition in cycles per sample).
Filter filter_for(double in_rate_hz, double out_rate_hz) noexcept {
    const auto in = static_cast<std::size_t>(in_rate_hz);
    const auto out = static_cast<std::size_t>(out_rate_hz);
    const std::size_t common = std::gcd(in, out);
    const double transition = (stop_band - pass_band) * band(in_rate_hz, out_rate_hz);
    const auto half = static_cast<std::size_t>(std::ceil((attenuation_db - 7.95) / (14.36 * transition) / 2));
    return {out / common, in / common, half, (2 * half + lanes - 1) / lanes * lanes};
}

double table_bytes(const Filter& filter) noexcept {
    return static_cast<double>(filter.phases) * static_cast<double>(filter.taps) * sizeof(float);
}

// Modified Bessel function of the first kind and order 0, by its power series: all terms are positive, so nothing
// cancels.
double bessel_i0(double x) {
    double term = 1.0;
    double sum = 1.0;
    for (int k = 1; term > sum * 1e-17; ++k) {
        term *= (x / 2 / k) * (x / 2 / k);
        sum += term;
    }
    return sum;
}

double sinc(double x) {
    const double angle = std::numbers::pi * x;
    return angle == 0 ? 1.0 : std::sin(angle) / angle;
}

// The ideal low-pass under a Kaiser window, `distance` input samples from its middle. The scale is left open.
double impulse_response(double distance, const Filter& filter, double cutoff) {
    const double place = distance / static_cast<double>(filter.half);
    const double inside = 1 - place * place;
    const double beta = 0.1102 * (attenuation_db - 8.7);  // Kaiser's formula for attenuations above 50 dB
    return inside <= 0 ? 0.0 : sinc(2 * cutoff * distance) * bessel_i0(beta * std::sqrt(inside));
}

std::vector<float> coefficients(const Filter& filter, double cutoff) {
    std::vector<float> table;
    table.reserve(filter.phases * filter.taps);
    std::vector<double> row(filter.taps);
    for (std::size_t phase = 0; phase < filter.phases; ++phase) {
        const double middle = static_cast<double>(filter.taps - 1 - filter.half) +
                              static_cast<double>(phase) / static_cast<double>(filter.phases);
        for (std::size_t tap = 0; tap < filter.taps; ++tap) {
            row[tap] = impulse_response(static_cast<double>(tap) - middle, filter, cutoff);
        }
        // Each phase sums to one by itself, so that a constant stays one.
        const double sum = std::accumulate(row.begin(), row.end(), 0.0);
        for (const double value : row) table.push_back(static_cast<float>(value / sum));
    }
    return table;
}

// Always the same sums in the same order, wherever the samples lie.
float inner_product(const float* samples, const float* row, std::size_t taps) {
    std::array<float, lanes> sums{};
    for (std::size_t tap = 0; tap < taps; tap += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += samples[tap + lane] * row[tap + lane];
    }
    for (std::size_t width = lanes / 2; width > 0; width /= 2) {
        for (std::size_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
    }
    return sums[0];
}

[[noreturn]] void refuse(double in_rate_hz, double out_rate_hz) {
    std::ostringstream message;
    message << std::setprecision(10) << "FirResampler takes two sample rates in whole Hz from 1000 to 768000 in a "
            << "simple ratio, not " << in_rate_hz << " and " << out_rate_hz << ": use a Resampler for these";
    throw InvalidOption(message.str());
}

}  // namespace

bool FirResampler::supports(double in_rate_hz, double out_rate_hz) noexcept {
    if (!is_rate(in_rate_hz) || !is_rate(out_rate_hz)) {
        return false;
    }
    return in_rate_hz == out_rate_hz || table_bytes(filter_for(in_rate_hz, out_rate_hz)) <= max_table_bytes;
}

FirResampler::FirResampler(double in_rate_hz, double out_rate_hz) : in_rate_hz_(in_rate_hz), out_rate_hz_(out_rate_hz) {
    if (!supports(in_rate_hz, out_rate_hz)) {
        refuse(in_rate_hz, out_rate_hz);
    }
    if (in_rate_hz == out_rate_hz) {
        return;
    }
    const Filter filter = filter_for(in_rate_hz, out_rate_hz);
    phases_ = filter.phases;
    step_whole_ = filter.decimation / filter.phases;
    step_rest_ = filter.decimation % filter.phases;
    half_ = filter.half;
    taps_ = filter.taps;
    table_ = coefficients(filter, (pass_band + stop_band) / 2 * band(in_rate_hz, out_rate_hz));
    window_.resize(taps_ + piece_samples);
    end_ = taps_ - 1 - half_;  // silence before the first sample, which then meets the middle of the filter
}

void FirResampler::process(std::span<const float> in, std::vector<float>& out) {
    const InUse in_use(in_use_, "FirResampler");
    if (flushed_) {
        throw AudioError("this FirResampler was flushed, its stream has ended: make a new one for the next stream");
    }
    if (table_.empty()) {
        out.insert(out.end(), in.begin(), in.end());
        return;
    }
    const std::int64_t in_samples = in_samples_ + static_cast<std::int64_t>(in.size());
    convert(in, ready_after(in_samples), out);
    in_samples_ = in_samples;
}

void FirResampler::flush(std::vector<float>& out) {
    const InUse in_use(in_use_, "FirResampler");
    if (flushed_) {
        return;
    }
    flushed_ = true;
    if (table_.empty()) {
        return;
    }
    // Resampler's sum, in its own rounding.
    const double due = static_cast<double>(in_samples_) / (in_rate_hz_ / out_rate_hz_) + .5;
    const std::vector<float> silence(half_);
    convert(silence, static_cast<std::int64_t>(due), out);
}

// How many output samples `in_samples` input samples determine: sample k needs half_ of them after its own time,
// floor(k * decimation / phases).
std::int64_t FirResampler::ready_after(std::int64_t in_samples) const noexcept {
    const std::int64_t times = in_samples - static_cast<std::int64_t>(half_);
    const auto phases = static_cast<std::int64_t>(phases_);
    const auto decimation = static_cast<std::int64_t>(step_whole_) * phases + static_cast<std::int64_t>(step_rest_);
    return times <= 0 ? 0 : (times * phases + decimation - 1) / decimation;
}

// Takes `in` and appends output until `out_samples` of the stream are out, for which `in` must be enough.
void FirResampler::convert(std::span<const float> in, std::int64_t out_samples, std::vector<float>& out) {
    const std::size_t old_size = out.size();
    out.resize(old_size + static_cast<std::size_t>(out_samples - out_samples_));
    const std::span<float> results = std::span(out).subspan(old_size);
    auto result = results.begin();
    do {
        in = refill(in);
        for (; result != results.end() && begin_ + taps_ <= end_; ++result) {
            *result = inner_product(window_.data() + begin_, table_.data() + phase_ * taps_, taps_);
            step();
        }
    } while (!in.empty());
    out_samples_ = out_samples;
}

void FirResampler::step() noexcept {
    begin_ += step_whole_;
    phase_ += step_rest_;
    if (phase_ >= phases_) {
        phase_ -= phases_;
        ++begin_;
    }
}

// Moves what is still needed, which is less than a filter's length, to the window's front and fills up behind it;
// returns the input that found no room.
std::span<const float> FirResampler::refill(std::span<const float> in) {
    std::copy(window_.begin() + static_cast<std::ptrdiff_t>(begin_),
              window_.begin() + static_cast<std::ptrdiff_t>(end_), window_.begin());
    end_ -= begin_;
    begin_ = 0;
    const auto taken = in.first(std::min(in.size(), window_.size() - end_));
    std::copy(taken.begin(), taken.end(), window_.begin() + static_cast<std::ptrdiff_t>(end_));
    end_ += taken.size();
    return in.subspan(taken.size());
}

}  // namespace thoth
