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

enum class Stage { mel, encode, decode };

// Seconds from the grant of the gate. A stage that was interrupted by a pause is two entries, one on either side.
struct StageTime {
    Stage stage;
    double start_s;
    double end_s;
};

struct WindowResult {
    std::vector<SegmentResult> segments;
    float no_speech_probability = 0.0F;
    float temperature = 0.0F;  // the one that the last pass was accepted at
    bool rerun_at_full_context = false;

    double waited_s = 0;  // for the gate
    double paused_s = 0;  // with others before it in between
    double ran_s = 0;     // with the gate held
    int preemptions = 0;  // pauses, at most Gate::most_overtakes
    std::vector<StageTime> stages;
};

}  // namespace thoth
