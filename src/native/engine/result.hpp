#pragma once

#include <string>
#include <vector>

namespace thoth {

struct TokenResult {
    int id;
    std::string text;  // bytes: one character may span several tokens
    float probability;
    double start_s;  // below zero where token timestamps were not asked for
    double end_s;
};

struct SegmentResult {
    double start_s;  // from the start of the window
    double end_s;
    std::string text;                 // bytes, meant as UTF-8
    std::vector<TokenResult> tokens;  // special tokens included
    float average_log_probability;
};

struct WindowResult {
    std::vector<SegmentResult> segments;
    float no_speech_probability = 0.0F;
    float temperature = 0.0F;  // the one that the last pass was accepted at
    bool rerun_at_full_context = false;
};

}  // namespace thoth
