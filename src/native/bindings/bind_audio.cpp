#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "audio/resampler.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"

namespace py = pybind11;

namespace thoth {
namespace {

py::array process(Resampler& resampler, const py::handle& block) {
    const auto in = interleaved(block, resampler.channels(), "a Resampler");
    std::vector<float> out;
    {
        const Released released;
        resampler.process(in, out);
    }
    return as_array(std::move(out), resampler.channels());
}

py::array flush(Resampler& resampler) {
    std::vector<float> out;
    {
        const Released released;
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
