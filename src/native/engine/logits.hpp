#pragma once

#include <whisper.h>

#include <span>
#include <vector>

// Logit filters that whisper.cpp does not have itself, with the meaning they have in CTranslate2. Pure functions
// over one row of logits; any thread. `text_end` is the end-of-text token: ids from there on are special (time
// stamps come in equal pairs) and are left alone by the two that look at the history.
namespace thoth {

// False when a logit is NaN.
[[nodiscard]] bool all_comparable(std::span<const float> logits) noexcept;

// Tokens that may never be sampled. Ids outside the vocabulary are ignored.
void suppress(std::span<float> logits, const std::vector<int>& tokens) noexcept;

// Leaves one token that can be sampled.
void allow_only(std::span<float> logits, int token) noexcept;

// Makes each token of the sequence so far less likely (Keskar et al. 2019, CTRL, arXiv:1909.05858): positive
// logits are divided by `penalty`, negative ones multiplied. 1 does nothing.
void penalise_repetition(std::span<float> logits, std::span<const whisper_token_data> history, int text_end,
                         float penalty) noexcept;

// Forbids each token that would complete an n-gram which the sequence already holds. 0 does nothing.
void forbid_repeated_ngrams(std::span<float> logits, std::span<const whisper_token_data> history, int text_end,
                            int n) noexcept;

}  // namespace thoth
