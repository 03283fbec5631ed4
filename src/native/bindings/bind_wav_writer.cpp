#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl/filesystem.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "audio/wav_writer.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"

namespace py = pybind11;

namespace thoth {
namespace {

// The destructor may wait for the disk.
struct DeleteReleased {
    void operator()(WavWriter* writer) const {
        const Released released;
        delete writer;
    }
};

using Holder = std::unique_ptr<WavWriter, DeleteReleased>;

Holder open(const std::filesystem::path& path, std::int64_t rate_hz, int channels, const std::string& encoding,
            bool overwrite, std::uint64_t riff_limit_bytes) {
    const Released released;
    const WavFormat format{rate_hz, channels, wav_encoding_named(encoding)};
    return Holder(new WavWriter(path, format, WavOptions{overwrite, riff_limit_bytes}));
}

void write(WavWriter& writer, const py::handle& block) {
    const auto samples = interleaved(block, writer.format().channels, "a WavWriter");
    const Released released;
    writer.write(samples);
}

}  // namespace

void register_wav_writer(py::module_& m) {
    py::class_<WavWriter, Holder>(m, "WavWriter",
                                  "Writes float samples to a WAV file that is whole at every moment: a killed process "
                                  "leaves a file that plays and lacks at most the last second. One thread at a time.")
        .def(py::init(&open), py::arg("path"), py::arg("rate_hz"), py::arg("channels") = 1,
             py::arg("encoding") = "pcm16", py::arg("overwrite") = false, py::kw_only(),
             py::arg("riff_limit_bytes") = WavOptions::riff_limit_bytes_default)
        .def(
            "write", &write, py::arg("block"),
            "Append a C-contiguous float32 block, (frames,) for one channel or (frames, channels). NaN is written as 0 "
            "and counted. Releases the GIL. Raises AudioError; the file then plays up to there.")
        .def("flush", &WavWriter::flush, py::call_guard<Released>(),
             "Return when all that was written is on the disk, under a header that claims it. Raises AudioError.")
        .def("close", &WavWriter::close, py::call_guard<Released>(),
             "Flush and close. Does nothing after a first call or an error. Raises AudioError.")
        .def("__enter__", [](const py::object& self) { return self; })
        .def("__exit__",
             [](WavWriter& writer, const py::args&) {
                 const Released released;
                 writer.close();
             })
        .def_property_readonly("path", &WavWriter::path)
        .def_property_readonly("frames", &WavWriter::frames)
        .def_property_readonly("nan_samples", &WavWriter::nan_samples)
        .def_property_readonly("closed", &WavWriter::closed);
}

}  // namespace thoth
