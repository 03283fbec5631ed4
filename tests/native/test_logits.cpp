// The logit filters and the quality rules on small hand-made cases.
#include <cmath>
#include <vector>

#include "engine/logits.hpp"
#include "engine/quality.hpp"
#include "require.hpp"

namespace {

std::vector<whisper_token_data> history(const std::vector<int>& ids) {
    std::vector<whisper_token_data> tokens(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) tokens[i].id = ids[i];
    return tokens;
}

constexpr int text_end = 6;

void suppression_ignores_ids_outside_the_vocabulary() {
    std::vector<float> logits(4, 1.0F);
    thoth::suppress(logits, {2, -1, 4, 1000});
    REQUIRE(std::isinf(logits[2]));
    REQUIRE(logits[0] == 1.0F && logits[1] == 1.0F && logits[3] == 1.0F);
}

void repetition_is_penalised_once_per_token_and_towards_less_likely() {
    std::vector<float> logits{2.0F, -2.0F, 2.0F, 0.0F, 0.0F, 0.0F, 2.0F, 0.0F};
    thoth::penalise_repetition(logits, history({0, 1, 0, 6}), text_end, 2.0F);
    REQUIRE(logits[0] == 1.0F);
    REQUIRE(logits[1] == -4.0F);
    REQUIRE(logits[2] == 2.0F);
    REQUIRE(logits[6] == 2.0F);  // special
}

void an_ngram_cannot_be_completed_twice() {
    std::vector<float> logits(8, 1.0F);
    thoth::forbid_repeated_ngrams(logits, history({1, 2, 3, 1, 2}), text_end, 3);
    REQUIRE(std::isinf(logits[3]));
    REQUIRE(logits[1] == 1.0F && logits[2] == 1.0F && logits[4] == 1.0F);
    std::vector<float> untouched(8, 1.0F);
    thoth::forbid_repeated_ngrams(untouched, history({1, 2, 7, 1, 2}), text_end, 3);
    REQUIRE(untouched[7] == 1.0F);  // a timestamp may come again
}

void loops_are_told_from_plain_repetition() {
    REQUIRE(!thoth::repeats_itself(std::vector<int>{7, 7, 7, 4}));
    REQUIRE(thoth::repeats_itself(std::vector<int>(8, 7)));
    REQUIRE(!thoth::repeats_itself(std::vector<int>{1, 2, 1, 2, 1, 2}));
    REQUIRE(thoth::repeats_itself(std::vector<int>{9, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2}));
    REQUIRE(thoth::repeats_itself(std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 8, 9}));
    REQUIRE(!thoth::repeats_itself({}));
}

thoth::WindowResult one_segment(std::vector<int> ids, double end_s, float log_probability) {
    thoth::SegmentResult segment{0, end_s, "text", {}, log_probability};
    for (const int id : ids) segment.tokens.push_back({id, "t", 1.0F, -1, -1});
    thoth::WindowResult result;
    result.segments.push_back(segment);
    return result;
}

void a_bad_window_is_known_by_its_text() {
    thoth::DecodeOptions options;
    options.speech_end_s = 2.0;
    REQUIRE(!thoth::looks_bad(one_segment({1, 2}, 2.0, -0.2F), 3.0, text_end, options));
    REQUIRE(thoth::looks_bad(one_segment({1, 2}, 2.0, -1.5F), 3.0, text_end, options));
    REQUIRE(thoth::looks_bad(one_segment({1, 2}, 9.0, -0.2F), 3.0, text_end, options));
    REQUIRE(thoth::looks_bad(one_segment(std::vector<int>(9, 1), 2.0, -0.2F), 3.0, text_end, options));
    REQUIRE(thoth::looks_bad({}, 3.0, text_end, options));
    options.speech_end_s = -1.0;
    REQUIRE(!thoth::looks_bad({}, 3.0, text_end, options));  // nothing was said to be there
}

}  // namespace

int main() {
    suppression_ignores_ids_outside_the_vocabulary();
    repetition_is_penalised_once_per_token_and_towards_less_likely();
    an_ngram_cannot_be_completed_twice();
    loops_are_told_from_plain_repetition();
    a_bad_window_is_known_by_its_text();
}
