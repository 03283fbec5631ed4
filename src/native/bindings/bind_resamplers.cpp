#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "audio/fir_resampler.hpp"
#include "audio/resampler.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

int channels_of(const Resampler& resampler) { return resampler.channels(); }
int channels_of(const FirResampler&) { return 1; }

template <class Kind>
py::array process(Kind& resampler, const py::handle& block) {
    const std::string taker = "a " + std::string(py::str(py::type::of<Kind>().attr("__name__")));
    const auto in = interleaved(block, channels_of(resampler), taker);
    require_finite(in, taker);
    std::vector<float> out;
    {
        const Released released;
        resampler.process(in, out);
    }
    return as_array(std::move(out), channels_of(resampler));
}

template <class Kind>
py::array flush(Kind& resampler) {
    std::vector<float> out;
    {
        const Released released;
        resampler.flush(out);
    }
    return as_array(std::move(out), channels_of(resampler));
}

// What both have alike.
template <class Kind>
void define_stream(py::class_<Kind>& kind) {
    kind.def(
            "process", &process<Kind>, "block"_a,
            "Take a C-contiguous float32 block, (frames,) for one channel or (frames, channels), and return the output "
            "that is ready, in the same form. A block with a NaN or an infinity is refused and changes nothing. "
            "Releases the GIL. Raises AudioError.")
        .def("flush", &flush<Kind>, "End the stream and return what the filter still held back. Releases the GIL.")
        .def_property_readonly("in_rate_hz", &Kind::in_rate_hz)
        .def_property_readonly("out_rate_hz", &Kind::out_rate_hz);
}

}  // namespace

void register_resamplers(py::module_& m) {
    py::class_<Resampler> resampler(
        m, "Resampler",
        "Streaming sample-rate conversion by libsoxr. Output does not depend on how the input is cut into blocks; the "
        "filter's delay is taken out. One thread at a time.");
    resampler
        .def(py::init<double, double, int, std::string>(), "in_rate_hz"_a, "out_rate_hz"_a, "channels"_a = 1,
             "quality"_a = "VHQ")
        .def_property_readonly("channels", &Resampler::channels);
    define_stream(resampler);

    py::class_<FirResampler> fir(m, "FirResampler",
                                 "Streaming sample-rate conversion of mono samples with little delay. Output does not "
                                 "depend on how the input is "
                                 "cut into blocks; the filter's delay is taken out. One thread at a time.");
    fir.def(py::init<double, double>(), "in_rate_hz"_a, "out_rate_hz"_a,
            "Rates for which supports() is true; raises InvalidOption for others.")
        .def_static("supports", &FirResampler::supports, "in_rate_hz"_a, "out_rate_hz"_a,
                    "Whether the rates are whole Hz, 1 kHz to 768 kHz, in a ratio simple enough.")
        .def_property_readonly("delay_s", &FirResampler::delay_s);
    define_stream(fir);
}

}  // namespace thoth
