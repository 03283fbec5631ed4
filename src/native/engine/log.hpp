#pragma once

#include <string>
#include <vector>

// What whisper.cpp and ggml have to say, kept for Python's logging in place of stderr.
//
// Any thread may log and drain. The sink is bounded: when nobody drains it, the oldest lines go, and the next
// drain says how many.
namespace thoth {

enum class LogLevel { debug, info, warning, error };

struct LogLine {
    LogLevel level;
    std::string text;
};

// Takes over the process-wide log callbacks of whisper.cpp and ggml; further calls do nothing.
void capture_log();

// Takes out everything logged since the last drain, oldest first.
[[nodiscard]] std::vector<LogLine> drain_log();

}  // namespace thoth
