#pragma once

#include <span>
#include <vector>

#include "engine/options.hpp"
#include "engine/result.hpp"

// Whether a window's text can be trusted. Pure functions; any thread.
namespace thoth {

// True when some phrase of up to eight tokens stands often enough in a row to be a decoding loop: a single token
// at least eight times (people do say "seven seven seven"), two tokens five times, longer ones four times.
[[nodiscard]] bool repeats_itself(std::span<const int> tokens);

// True when text that was decoded from a reduced audio context should be decoded again at full context: empty
// although there was speech, unlikely, looping, or timed past the end of the window.
[[nodiscard]] bool looks_bad(const WindowResult& result, double window_s, int text_end, const DecodeOptions& options);

}  // namespace thoth
