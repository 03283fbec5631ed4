#include "engine/quality.hpp"

#include <algorithm>

namespace thoth {
namespace {

constexpr std::size_t longest_phrase = 8;
// Timestamps lie on a 0.02 s grid and are off by some 0.1-0.2 s; past that the decoder has lost its place.
constexpr double past_end_tolerance_s = 0.5;

std::size_t suspicious_repeats(std::size_t phrase) {
    if (phrase == 1) return 8;
    return phrase == 2 ? 5 : 4;
}

bool ends_in_loop(std::span<const int> tokens, std::size_t phrase) {
    const std::size_t length = phrase * suspicious_repeats(phrase);
    if (tokens.size() < length) return false;
    const auto tail = tokens.last(length);
    // A loop of period `phrase` equals itself shifted by one phrase.
    return std::equal(tail.begin() + static_cast<std::ptrdiff_t>(phrase), tail.end(), tail.begin());
}

std::vector<int> text_tokens(const WindowResult& result, int text_end) {
    std::vector<int> tokens;
    for (const auto& segment : result.segments) {
        for (const auto& token : segment.tokens) {
            if (token.id < text_end) tokens.push_back(token.id);
        }
    }
    return tokens;
}

}  // namespace

bool repeats_itself(std::span<const int> tokens) {
    for (std::size_t end = 1; end <= tokens.size(); ++end) {
        for (std::size_t phrase = 1; phrase <= longest_phrase; ++phrase) {
            if (ends_in_loop(tokens.first(end), phrase)) return true;
        }
    }
    return false;
}

bool looks_bad(const WindowResult& result, double window_s, int text_end, const DecodeOptions& options) {
    const auto tokens = text_tokens(result, text_end);
    if (tokens.empty()) return options.speech_end_s > 0;
    const auto bad = [&](const SegmentResult& segment) {
        return segment.average_log_probability < options.log_prob_threshold ||
               segment.end_s > window_s + past_end_tolerance_s;
    };
    return std::any_of(result.segments.begin(), result.segments.end(), bad) || repeats_itself(tokens);
}

}  // namespace thoth
