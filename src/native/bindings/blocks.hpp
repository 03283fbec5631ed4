#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"

// Blocks of samples as Python hands them over: taken as they are, never converted behind the caller's back. And as it
// gets them.
namespace thoth {

inline std::string describe(const pybind11::handle& block) {
    namespace py = pybind11;
    if (!py::isinstance<py::array>(block)) return "a " + std::string(py::str(py::type::of(block).attr("__name__")));
    const auto array = py::reinterpret_borrow<py::array>(block);
    const bool contiguous = (array.flags() & py::array::c_style) != 0;
    return std::string(py::str(array.dtype())) + " of shape " + std::string(py::str(array.attr("shape"))) +
           (contiguous ? "" : ", not C-contiguous");
}

[[noreturn]] inline void refuse_block(const pybind11::handle& block, const std::string& taker,
                                      const std::string& shape) {
    throw AudioError(taker + " takes a C-contiguous float32 array of shape " + shape + ", not " + describe(block) +
                     ": convert with numpy.ascontiguousarray(block, dtype=numpy.float32)");
}

// The interleaved samples of a C-contiguous float32 array, (frames,) for one channel or (frames, channels), for as
// long as the array lives. Throws AudioError for anything else; `taker` is what the message calls the caller.
inline std::span<const float> interleaved(const pybind11::handle& block, int channels, const std::string& taker) {
    namespace py = pybind11;
    if (py::isinstance<py::array_t<float, py::array::c_style>>(block)) {
        const auto array = py::reinterpret_borrow<py::array>(block);
        if ((array.ndim() == 1 && channels == 1) || (array.ndim() == 2 && array.shape(1) == channels)) {
            return {static_cast<const float*>(array.data()), static_cast<std::size_t>(array.size())};
        }
    }
    refuse_block(block, taker + " of " + std::to_string(channels) + " channel(s)",
                 channels == 1 ? "(frames,)" : "(frames, " + std::to_string(channels) + ")");
}

// The samples as an array, (frames,) for one channel or (frames, channels). It takes the vector over; none is copied.
inline pybind11::array as_array(std::vector<float>&& samples, int channels) {
    namespace py = pybind11;
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

}  // namespace thoth
