#pragma once

#include <cstddef>
#include <sstream>
#include <string>

#include "errors.hpp"

// What audio may be. Rates that occur in practice lie between 8 and 384 kHz.
namespace thoth {

constexpr double min_rate_hz = 1'000.0;
constexpr double max_rate_hz = 768'000.0;
constexpr int max_channels = 32;

// The rate itself. Throws InvalidOption, naming the option, for one out of range.
inline double checked_rate(const char* option, double rate_hz) {
    if (!(rate_hz >= min_rate_hz && rate_hz <= max_rate_hz)) {  // negated, so that NaN fails too
        std::ostringstream message;
        message << option << " takes a sample rate of 1000 to 768000 Hz, not " << rate_hz;
        throw InvalidOption(message.str());
    }
    return rate_hz;
}

inline std::size_t checked_channels(int channels) {
    if (channels < 1 || channels > max_channels) {
        throw InvalidOption("channels takes 1 to 32, not " + std::to_string(channels));
    }
    return static_cast<std::size_t>(channels);
}

}  // namespace thoth
