#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audio/pump.hpp"
#include "audio/recorder.hpp"
#include "audio/tap.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"
#include "bindings/signals.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

using Clock = std::chrono::steady_clock;
using WithoutGil = py::call_guard<Released>;

const char* name(LossCause cause) {
    switch (cause) {
        case LossCause::overrun:
            return "overrun";
        case LossCause::device:
            return "device";
        case LossCause::outage:
            return "outage";
        case LossCause::reader:
            return "reader";
    }
    return "unknown";
}

const char* name(Pump::State state) {
    switch (state) {
        case Pump::State::idle:
            return "idle";
        case Pump::State::running:
            return "running";
        case Pump::State::stalled:
            return "stalled";
        case Pump::State::ended:
            return "ended";
    }
    return "unknown";
}

Pump::State state_named(const std::string& wanted) {
    for (const auto state : {Pump::State::idle, Pump::State::running, Pump::State::stalled, Pump::State::ended}) {
        if (wanted == name(state)) return state;
    }
    throw InvalidOption("a state is idle, running, stalled or ended, not '" + wanted + "'");
}

Clock::time_point deadline_in(std::optional<double> timeout_s) {
    if (timeout_s && std::isnan(*timeout_s)) throw InvalidOption("timeout_s takes seconds, or None, not nan");
    // Beyond a year there is no difference, and a cast of more would overflow.
    const double bounded = timeout_s ? std::clamp(*timeout_s, 0.0, 365.0 * 24 * 3600) : 365.0 * 24 * 3600;
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(bounded));
}

// Calls `wait` with one deadline after another until it returns true or the last one has passed, so that Ctrl-C is
// seen in between.
template <class Wait>
bool wait_in_steps(std::optional<double> timeout_s, const Wait& wait) {
    SignalWatch signals;
    const Released released;
    const auto deadline = deadline_in(timeout_s);
    for (;;) {
        const auto step = std::min(deadline, Clock::now() + SignalWatch::interval);
        if (wait(step)) return true;
        signals.check();
        if (step == deadline) return false;
    }
}

py::array read(Tap& tap, std::size_t samples, std::optional<double> timeout_s) {
    const InUse turn = tap.claim();  // for the whole call: nobody reads between its steps
    std::vector<float> out;
    const auto take_rest = [&] {
        const std::size_t before = out.size();
        out.resize(before + std::min(samples - before, tap.capacity()));  // whatever is asked for: no more can be there
        out.resize(before + tap.read(std::span(out).subspan(before)));
    };
    // Taken only when all is there, so that Ctrl-C meanwhile loses nothing. More than half of the ring is taken by
    // pieces, or it would run over first.
    const bool complete = wait_in_steps(timeout_s, [&](Clock::time_point step) {
        const std::size_t piece = std::min(samples - out.size(), std::max<std::size_t>(tap.capacity() / 2, 1));
        if (!tap.wait_until(piece, step)) return false;
        take_rest();
        return out.size() == samples || tap.ended();
    });
    if (!complete) take_rest();
    return as_array(std::move(out), 1);
}

bool wait(Tap& tap, std::size_t samples, std::optional<double> timeout_s) {
    const InUse turn = tap.claim();
    return wait_in_steps(timeout_s, [&](Clock::time_point step) { return tap.wait_until(samples, step); });
}

bool wait_finished(const Recorder& recorder, std::optional<double> timeout_s) {
    return wait_in_steps(timeout_s, [&](Clock::time_point step) { return recorder.wait_until(step); });
}

bool wait_while(const Pump& pump, const std::string& state, std::optional<double> timeout_s) {
    const auto waited_for = state_named(state);
    return wait_in_steps(timeout_s, [&](Clock::time_point step) { return pump.wait_while(waited_for, step); });
}

Taps add_taps(Pump& pump, std::size_t count, double capacity_s, double preroll_s,
              std::optional<std::uint64_t> most_samples) {
    return pump.add_taps(count, {capacity_s, preroll_s, most_samples.value_or(Tap::endless)});
}

std::shared_ptr<Recorder> make_recorder(std::shared_ptr<Tap> tap, std::filesystem::path path,
                                        const std::string& encoding, bool overwrite) {
    const Released released;
    auto recorder = Recorder::create(std::move(tap), std::move(path), wav_encoding_named(encoding), overwrite);
    auto* address = recorder.get();
    return {address, [recorder = std::move(recorder)](Recorder*) mutable {
                const Released free_to_go_on;  // its end may wait for the disk
                recorder.reset();
            }};
}

void register_results(py::module_& m) {
    py::class_<Loss>(m, "LossRecord")
        .def_property_readonly("cause", [](const Loss& loss) { return name(loss.cause); })
        .def_readonly("frames", &Loss::frames)
        .def_readonly("first_frame", &Loss::first_frame)
        .def_readonly("sample", &Loss::sample)
        .def_readonly("silence", &Loss::silence);
    py::class_<PumpStats>(m, "PumpStats")
        .def_readonly("samples", &PumpStats::samples)
        .def_readonly("frames_captured", &PumpStats::frames_captured)
        .def_readonly("frames_lost", &PumpStats::frames_lost)
        .def_readonly("xruns", &PumpStats::xruns)
        .def_readonly("bad_samples", &PumpStats::bad_samples)
        .def_readonly("held_back_s", &PumpStats::held_back_s)
        .def_readonly("handover_mean_s", &PumpStats::handover_mean_s)
        .def_readonly("handover_worst_s", &PumpStats::handover_worst_s)
        .def_readonly("conversion_s", &PumpStats::conversion_s)
        .def_readonly("loss_count", &PumpStats::loss_count)
        .def_readonly("losses", &PumpStats::losses);
}

void register_tap(py::module_& m) {
    py::class_<Tap, std::shared_ptr<Tap>>(
        m, "Tap", "One reader's share of a Pump's 16 kHz mono stream; made by Pump.add_taps(). One thread at a time.")
        .def("read", &read, "samples"_a, "timeout_s"_a = py::none(),
             "Return float32 (n,), n being `samples`, or fewer at the end of the stream or the time limit. Silence "
             "stands where samples were lost. Releases the GIL. Raises AudioError when two threads read.")
        .def("wait", &wait, "samples"_a, "timeout_s"_a = py::none(),
             "Return True when `samples` can be read (no more than its capacity counts) or the stream has ended, False "
             "at the time limit. Releases the GIL.")
        .def_property_readonly("ended", &Tap::ended, "Whether nothing is left and nothing will come.")
        .def_property_readonly("losses", &Tap::losses, "The latest 1000, counted from the tap's own first sample.")
        .def_property_readonly("loss_count", &Tap::loss_count)
        .def_property_readonly("reader_loss_count", &Tap::reader_loss_count)
        .def_property_readonly("first_sample", &Tap::first_sample, "The place in the stream of its first sample.");
}

void register_recorder(py::module_& m) {
    py::class_<Recorder, std::shared_ptr<Recorder>>(
        m, "FileRecorder", "Writes a Tap into a WAV file, 16 kHz mono, on a thread of its own. Any thread.")
        .def(py::init(&make_recorder), "tap"_a, "path"_a, "encoding"_a = "pcm16", "overwrite"_a = false)
        .def("wait", &wait_finished, "timeout_s"_a = py::none(),
             "Return True when the file is finished, False at the time limit. Releases the GIL.")
        .def_property_readonly("finished", &Recorder::finished)
        .def_property_readonly("failure", &Recorder::failure, "Why it ended early, or an empty text.")
        .def_property_readonly("frames", &Recorder::frames);
}

}  // namespace

void register_pump(py::module_& m) {
    register_results(m);
    register_tap(m);
    register_recorder(m);
    py::class_<Pump, std::shared_ptr<Pump>>(
        m, "Pump", "The native thread between a Capture and its readers: 16 kHz mono, pre-roll, level, watchdog.")
        .def(py::init([](double preroll_s, double stall_s, bool lossless, bool reconnects) {
                 return Pump::create({preroll_s, stall_s, lossless, reconnects});
             }),
             "preroll_s"_a = 1.0, "stall_s"_a = 0.75, "lossless"_a = false, "reconnects"_a = false)
        .def("attach", &Pump::attach, "capture"_a, WithoutGil())
        .def("detach", &Pump::detach, WithoutGil())
        .def("add_taps", &add_taps, "count"_a, "capacity_s"_a, "preroll_s"_a, "most_samples"_a = py::none(),
             WithoutGil())
        .def("remove_taps", &Pump::remove_taps, "taps"_a, WithoutGil())
        .def("set_paused", &Pump::set_paused, "taps"_a, "paused"_a, WithoutGil())
        .def("finish", &Pump::finish, "why"_a = "", WithoutGil())
        .def("expect_end", &Pump::expect_end, WithoutGil())
        .def("stop", &Pump::stop, WithoutGil())
        .def("require_own_process", &Pump::require_own_process, "Raise AudioError in a child made by fork().")
        .def("wait_while", &wait_while, "state"_a, "timeout_s"_a = py::none())
        .def_property_readonly("state", [](const Pump& pump) { return name(pump.state()); })
        .def_property_readonly("failure", &Pump::failure)
        .def_property_readonly("level_db", [](const Pump& pump) { return pump.level().rms_db; })
        .def_property_readonly("peak_db", [](const Pump& pump) { return pump.level().peak_db; })
        .def("stats", &Pump::stats, WithoutGil());
}

}  // namespace thoth
