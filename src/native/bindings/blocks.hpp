#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
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

// Throws AudioError where a sample is a NaN or infinite: in a filter it would spoil what comes after it.
inline void require_finite(std::span<const float> samples, const std::string& taker) {
    constexpr std::uint32_t magnitude_bits = 0x7FFF'FFFF;
    constexpr std::uint32_t infinity_bits = 0x7F80'0000;
    std::uint32_t largest = 0;  // of all, in bits: compilers compare these many at a time
    for (const float sample : samples) {
        largest = std::max(largest, std::bit_cast<std::uint32_t>(sample) & magnitude_bits);
    }
    if (largest < infinity_bits) return;
    const auto bad = std::ranges::find_if(samples, [](float sample) { return !std::isfinite(sample); });
    throw AudioError(taker + " takes finite samples: number " + std::to_string(bad - samples.begin()) +
                     " of this block is " + std::to_string(*bad) + "; mend it first, with numpy.nan_to_num say");
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
