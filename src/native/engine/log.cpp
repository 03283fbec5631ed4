#include "engine/log.hpp"

#include <whisper.h>

#include <deque>
#include <mutex>

namespace thoth {
namespace {

constexpr std::size_t max_lines = 1000;

struct Sink {
    std::mutex mutex;
    std::deque<LogLine> lines;
    std::string partial;
    std::size_t dropped = 0;
    LogLevel last = LogLevel::info;
};

Sink& sink() {
    // Never destroyed: a detached thread may log while the process winds down.
    static Sink* const instance = new Sink;
    return *instance;
}

LogLevel level_of(ggml_log_level level, LogLevel last) {
    switch (level) {
        case GGML_LOG_LEVEL_ERROR:
            return LogLevel::error;
        case GGML_LOG_LEVEL_WARN:
            return LogLevel::warning;
        case GGML_LOG_LEVEL_INFO:
            return LogLevel::info;
        case GGML_LOG_LEVEL_CONT:
            return last;
        default:
            return LogLevel::debug;
    }
}

void keep(Sink& to, std::string line) {
    if (line.empty()) return;
    if (to.lines.size() == max_lines) {
        to.lines.pop_front();
        ++to.dropped;
    }
    to.lines.push_back({to.last, std::move(line)});
}

void on_log(ggml_log_level level, const char* text, void*) {
    Sink& to = sink();
    const std::lock_guard lock(to.mutex);
    to.last = level_of(level, to.last);
    // A message may be half a line, or several.
    to.partial += text;
    std::size_t start = 0;
    for (std::size_t end; (end = to.partial.find('\n', start)) != std::string::npos; start = end + 1) {
        keep(to, to.partial.substr(start, end - start));
    }
    to.partial.erase(0, start);
}

}  // namespace

void capture_log() {
    static std::once_flag once;
    std::call_once(once, [] { whisper_log_set(on_log, nullptr); });
}

std::vector<LogLine> drain_log() {
    Sink& from = sink();
    const std::lock_guard lock(from.mutex);
    std::vector<LogLine> lines;
    if (from.dropped > 0) {
        lines.push_back({LogLevel::warning, std::to_string(from.dropped) + " log lines were dropped"});
        from.dropped = 0;
    }
    lines.insert(lines.end(), std::make_move_iterator(from.lines.begin()), std::make_move_iterator(from.lines.end()));
    from.lines.clear();
    return lines;
}

}  // namespace thoth
