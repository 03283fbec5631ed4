#pragma once

#include <optional>
#include <span>
#include <vector>

#include "audio/fir_resampler.hpp"
#include "audio/resampler.hpp"

namespace thoth {

// The resampler for a live stream: the one that holds back least, and libsoxr's for rates that it does not take. One
// thread at a time.
class LiveResampler {
public:
    LiveResampler(double in_rate_hz, double out_rate_hz) {
        if (FirResampler::supports(in_rate_hz, out_rate_hz)) {
            fir_.emplace(in_rate_hz, out_rate_hz);
        } else {
            soxr_.emplace(in_rate_hz, out_rate_hz);
        }
    }

    void process(std::span<const float> in, std::vector<float>& out) {
        fir_ ? fir_->process(in, out) : soxr_->process(in, out);
    }

    void flush(std::vector<float>& out) { fir_ ? fir_->flush(out) : soxr_->flush(out); }

private:
    std::optional<FirResampler> fir_;
    std::optional<Resampler> soxr_;
};

}  // namespace thoth
