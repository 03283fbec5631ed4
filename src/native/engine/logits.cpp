#include "engine/logits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace thoth {
namespace {

constexpr float impossible = -std::numeric_limits<float>::infinity();

bool inside(std::span<float> logits, int token) noexcept {
    return token >= 0 && static_cast<std::size_t>(token) < logits.size();
}

}  // namespace

bool all_comparable(std::span<const float> logits) noexcept {
    // Without an early way out, so that the compiler can take many at a time: this runs for every token.
    bool found = false;
    for (const float logit : logits) found |= std::isnan(logit);
    return !found;
}

void suppress(std::span<float> logits, const std::vector<int>& tokens) noexcept {
    for (const int token : tokens) {
        if (inside(logits, token)) logits[static_cast<std::size_t>(token)] = impossible;
    }
}

void allow_only(std::span<float> logits, int token) noexcept {
    std::fill(logits.begin(), logits.end(), impossible);
    if (inside(logits, token)) logits[static_cast<std::size_t>(token)] = 0.0F;
}

void penalise_repetition(std::span<float> logits, std::span<const whisper_token_data> history, int text_end,
                         float penalty) noexcept {
    if (penalty == 1.0F) return;
    for (std::size_t i = 0; i < history.size(); ++i) {
        const int token = history[i].id;
        const auto same = [token](const whisper_token_data& other) { return other.id == token; };
        // Once per distinct token, however often it occurs.
        const bool seen = std::any_of(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(i), same);
        if (seen || token >= text_end || !inside(logits, token)) continue;
        float& logit = logits[static_cast<std::size_t>(token)];
        logit = logit > 0 ? logit / penalty : logit * penalty;
    }
}

void forbid_repeated_ngrams(std::span<float> logits, std::span<const whisper_token_data> history, int text_end,
                            int n) noexcept {
    if (n <= 0 || history.size() < static_cast<std::size_t>(n)) return;
    const std::size_t context = static_cast<std::size_t>(n) - 1;
    const auto tail = history.last(context);
    const auto same_id = [](const whisper_token_data& a, const whisper_token_data& b) { return a.id == b.id; };
    for (std::size_t i = 0; i + context < history.size(); ++i) {
        const auto here = history.subspan(i, context);
        const int next = history[i + context].id;
        if (std::equal(here.begin(), here.end(), tail.begin(), same_id) && next < text_end && inside(logits, next)) {
            logits[static_cast<std::size_t>(next)] = impossible;
        }
    }
}

}  // namespace thoth
