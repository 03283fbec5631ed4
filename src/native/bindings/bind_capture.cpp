#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "audio/callback_feeder.hpp"
#include "audio/capture.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"
#include "bindings/signals.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

std::uintptr_t callback_address() { return reinterpret_cast<std::uintptr_t>(&Capture::callback); }

std::unique_ptr<CallbackFeeder> make_feeder(std::uintptr_t callback, std::uintptr_t user_data, double rate_hz,
                                            int channels, std::size_t block_frames, double speed,
                                            std::size_t keep_durations) {
    if (callback == 0) throw InvalidOption("callback_address is the address of a PaStreamCallback, not 0");
    return std::make_unique<CallbackFeeder>(reinterpret_cast<PaStreamCallback*>(callback),
                                            reinterpret_cast<void*>(user_data), rate_hz, channels, block_frames, speed,
                                            keep_durations);
}

std::size_t push(CallbackFeeder& feeder, const py::handle& block) {
    const auto samples = interleaved(block, static_cast<int>(feeder.channels()), "a CallbackFeeder");
    SignalWatch signals;
    const Released released;
    return feeder.push(samples, [&] { signals.check(); });
}

py::array_t<double> durations_s(const CallbackFeeder& feeder) {
    const auto durations = feeder.durations_s();
    return py::array_t<double>(static_cast<py::ssize_t>(durations.size()), durations.data());
}

}  // namespace

void register_capture(py::module_& m) {
    py::class_<Capture, std::shared_ptr<Capture>>(
        m, "Capture",
        "What a PortAudio input stream writes into, float32 interleaved, without Python, lock, allocation or system "
        "call. Give the stream its two addresses, and keep it alive until the stream is closed. Any thread.")
        .def(py::init<double, int, double>(), "rate_hz"_a, "channels"_a, "buffer_s"_a)
        .def_property_readonly_static(
            "callback_address", [](const py::object&) { return callback_address(); },
            "Address of the PaStreamCallback.")
        .def_property_readonly(
            "userdata_address", [](const Capture& capture) { return reinterpret_cast<std::uintptr_t>(&capture); },
            "What the callback must get as its user data.")
        .def_property_readonly("rate_hz", &Capture::rate_hz)
        .def_property_readonly("channels", [](const Capture& capture) { return capture.channels(); })
        .def_property_readonly("callbacks", &Capture::callbacks)
        .def_property_readonly("frames_offered", &Capture::frames_offered)
        .def_property_readonly("frames_lost", &Capture::frames_lost)
        .def_property_readonly("xruns", &Capture::xrun_count)
        .def_property_readonly("callback_mean_s", &Capture::callback_mean_s)
        .def_property_readonly("callback_worst_s", &Capture::callback_worst_s);

    py::class_<CallbackFeeder>(
        m, "CallbackFeeder",
        "Calls a PaStreamCallback with given samples, as PortAudio would, at `speed` times real time (0: as fast as "
        "it takes them). One thread at a time; stop() from any.")
        .def(py::init(&make_feeder), "callback_address"_a, "userdata_address"_a, "rate_hz"_a, "channels"_a,
             "block_frames"_a = 480, "speed"_a = 1.0, "keep_durations"_a = 0)
        .def("wait_for_room_in", &CallbackFeeder::wait_for_room_in, "capture"_a, py::keep_alive<1, 2>(),
             "Wait for room in this Capture, the callback's own, instead of losing.")
        .def("push", &push, "samples"_a,
             "Feed a C-contiguous float32 block, (frames,) for one channel or (frames, channels); return the frames "
             "fed, fewer after stop(). Releases the GIL.")
        .def("stop", &CallbackFeeder::stop, "End a push() in another thread, and all later ones.")
        .def("durations_s", &durations_s, "How long the first `keep_durations` calls took, float64 (calls,).");
}

}  // namespace thoth
