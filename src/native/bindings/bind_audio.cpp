#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audio/resampler.hpp"
#include "bindings/blocks.hpp"

namespace py = pybind11;

namespace thoth {
namespace {

// The array takes the vector over; no sample is copied.
py::array as_array(std::vector<float>&& samples, int channels) {
    auto owned = std::make_unique<std::vector<float>>(std::move(samples));
    const auto frames = static_cast<py::ssize_t>(owned->size()) / channels;
    const float* data = owned->data();
    const py::capsule owner(owned.get(), [](void* vector) { delete static_cast<std::vector<float>*>(vector); });
    owned.release();
    if (channels == 1) {
        return py::array_t<float>(frames, data, owner);
    }
    return py::array_t<float>({frames, static_cast<py::ssize_t>(channels)}, data, owner);
}

py::array process(Resampler& resampler, const py::handle& block) {
    const auto in = interleaved(block, resampler.channels(), "a Resampler");
    std::vector<float> out;
    {
        const py::gil_scoped_release release;
        resampler.process(in, out);
    }
    return as_array(std::move(out), resampler.channels());
}

py::array flush(Resampler& resampler) {
    std::vector<float> out;
    {
        const py::gil_scoped_release release;
        resampler.flush(out);
    }
    return as_array(std::move(out), resampler.channels());
}

}  // namespace

void register_audio(py::module_& m) {
    py::class_<Resampler>(m, "Resampler",
                          "Streaming sample-rate conversion by libsoxr. Output does not depend on how the input is cut "
                          "into blocks; the filter's delay is taken out. One thread at a time.")
        .def(py::init<double, double, int, std::string>(), py::arg("in_rate_hz"), py::arg("out_rate_hz"),
             py::arg("channels") = 1, py::arg("quality") = "VHQ")
        .def("process", &process, py::arg("block"),
             "Take a C-contiguous float32 block, (frames,) for one channel or (frames, channels), and return "
             "the output "
             "that is ready, in the same form: (frames,) for one channel. Releases the GIL. Raises "
             "AudioError.")
        .def("flush", &flush, "End the stream and return what the filter still held back. Releases the GIL.")
        .def_property_readonly("in_rate_hz", &Resampler::in_rate_hz)
        .def_property_readonly("out_rate_hz", &Resampler::out_rate_hz)
        .def_property_readonly("channels", &Resampler::channels);
}

}  // namespace thoth
