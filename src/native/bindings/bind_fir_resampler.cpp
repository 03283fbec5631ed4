#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <utility>
#include <vector>

#include "audio/fir_resampler.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"

namespace py = pybind11;

namespace thoth {
namespace {

py::array process(FirResampler& resampler, const py::handle& block) {
    const auto in = interleaved(block, 1, "a FirResampler");
    std::vector<float> out;
    {
        const Released released;
        resampler.process(in, out);
    }
    return as_array(std::move(out), 1);
}

py::array flush(FirResampler& resampler) {
    std::vector<float> out;
    {
        const Released released;
        resampler.flush(out);
    }
    return as_array(std::move(out), 1);
}

}  // namespace

void register_fir_resampler(py::module_& m) {
    py::class_<FirResampler>(m, "FirResampler",
                             "Streaming sample-rate conversion of mono samples with little delay. Output does not "
                             "depend on how the input is cut into blocks; the filter's delay is taken out. One thread "
                             "at a time.")
        .def(py::init<double, double>(), py::arg("in_rate_hz"), py::arg("out_rate_hz"),
             "Rates for which supports() is true; raises InvalidOption for others.")
        .def_static("supports", &FirResampler::supports, py::arg("in_rate_hz"), py::arg("out_rate_hz"),
                    "Whether the rates are whole Hz, 1 kHz to 768 kHz, in a ratio simple enough.")
        .def("process", &process, py::arg("block"),
             "Take a C-contiguous float32 block of shape (samples,), all finite, and return the output that is ready, "
             "in the same form. Releases the GIL. Raises AudioError.")
        .def("flush", &flush, "End the stream and return what the filter still held back. Releases the GIL.")
        .def_property_readonly("in_rate_hz", &FirResampler::in_rate_hz)
        .def_property_readonly("out_rate_hz", &FirResampler::out_rate_hz)
        .def_property_readonly("delay_s", &FirResampler::delay_s);
}

}  // namespace thoth
