#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <functional>

namespace thoth {

// Lets Ctrl-C through while the main thread is inside the core. Python runs signal handlers on that thread only,
// and taking the GIL can cost a switch interval when other threads are busy: so not at every call.
class SignalWatch {
public:
    static constexpr std::chrono::milliseconds interval{50};

    SignalWatch() : on_main_thread_(is_main_thread()) {}

    // Throws what a signal handler raised. To be called without the GIL.
    void check() {
        const auto now = std::chrono::steady_clock::now();
        if (!on_main_thread_ || now - last_ < interval) return;
        last_ = now;
        const pybind11::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    }

    // check(), or nothing to call where there is nothing to check. Must not outlive this.
    [[nodiscard]] std::function<void()> callback() {
        if (!on_main_thread_) return {};
        return [this] { check(); };
    }

private:
    static bool is_main_thread() {
        const auto threading = pybind11::module_::import("threading");
        return threading.attr("current_thread")().is(threading.attr("main_thread")());
    }

    bool on_main_thread_;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace thoth
