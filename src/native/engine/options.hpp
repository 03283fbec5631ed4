#pragma once

#include <string>
#include <vector>

namespace thoth {

// How one window is decoded: plain values, validated by Engine::transcribe, never kept for the next call.
struct DecodeOptions {
    static constexpr int auto_context = -1;
    static constexpr int full_context = 0;
    static constexpr int reduced_context = -2;

    std::string language = "en";  // ISO 639-1 code; only multilingual models look at it
    bool translate = false;

    int beam_size = 1;             // 1: greedy
    int best_of = 5;               // candidates at temperatures above zero
    float length_penalty = -1.0F;  // below zero: by length alone
    float temperature = 0.0F;
    float temperature_step = 0.2F;  // 0: no fallback
    float repetition_penalty = 1.0F;
    int no_repeat_ngram_size = 0;  // 0: off

    std::vector<int> prompt;  // tokens put before the window; the last n_text_ctx/2 - 1 count
    bool suppress_blank = true;
    bool suppress_non_speech = false;
    std::vector<int> suppress_tokens;

    float entropy_threshold = 2.4F;
    float log_prob_threshold = -1.0F;
    float no_speech_threshold = 0.6F;

    bool without_timestamps = false;
    float max_initial_timestamp = 1.0F;  // seconds
    bool token_timestamps = false;
    int max_new_tokens = 0;      // 0: no limit
    int max_segment_length = 0;  // characters; 0: no limit; needs token_timestamps

    // Encoder positions of 20 ms each: what the window needs, checked (auto_context) or not (reduced_context), or a
    // count.
    int audio_context = auto_context;
    // Where speech ends in the window, in seconds. Below zero: unknown, the whole window may be speech.
    double speech_end_s = -1.0;
    int threads = 1;
};

}  // namespace thoth
