#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "bindings/signals.hpp"
#include "engine/gate.hpp"
#include "errors.hpp"

// What the calls that wait for a gate take from Python.
namespace thoth {

// An event that may be set once, from any thread, and that ends whatever was started with it. Setting a parent sets
// its children; setting a child leaves the parent alone.
class CancelToken {
public:
    explicit CancelToken(const CancelToken* parent) {
        if (parent != nullptr) link_.emplace(parent->token(), [source = source_]() mutable { source.request_stop(); });
    }

    void cancel() { source_.request_stop(); }
    [[nodiscard]] bool cancelled() const { return source_.stop_requested(); }
    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
    std::optional<std::stop_callback<std::function<void()>>> link_;
};

inline Patience patience(std::optional<double> timeout_s, const CancelToken* cancel, SignalWatch& signals) {
    Patience result;
    if (timeout_s) {
        // Beyond a year the gate does not tell the difference, and a cast of more would overflow.
        const double bounded = std::clamp(*timeout_s, 0.0, 365.0 * 24 * 3600);
        result.timeout = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(bounded));
    }
    if (cancel != nullptr) result.stop = cancel->token();
    result.poll = signals.callback();
    return result;
}

inline Priority priority_named(const std::string& name) {
    for (const auto priority : {Priority::live, Priority::batch}) {
        if (name == name_of(priority)) return priority;
    }
    throw InvalidOption("priority takes 'live' or 'batch', not '" + name + "'");
}

}  // namespace thoth
