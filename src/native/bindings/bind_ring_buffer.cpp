#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "audio/ring_buffer.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"
#include "errors.hpp"

namespace py = pybind11;

namespace thoth {
namespace {

// More than four hours at 16 kHz, in 1 GiB.
constexpr std::int64_t most_samples = std::int64_t{1} << 28;

// Below this a copy takes some tens of microseconds, while getting the GIL back from a busy thread can take a whole
// switch interval, 5 ms.
constexpr std::size_t worth_releasing_samples = 1U << 16;

std::size_t checked_capacity(std::int64_t capacity) {
    if (capacity < 1 || capacity > most_samples) {
        throw InvalidOption("capacity takes 1 to " + std::to_string(most_samples) + " samples, not " +
                            std::to_string(capacity));
    }
    return static_cast<std::size_t>(capacity);
}

// What the ends' types say in C++ must be watched over in Python: one thread at a time on each side.
template <class End>
class Side {
public:
    Side(End end, const char* name) : end_(std::move(end)), name_(name) {}

    template <class Action>
    auto use(Action action) {
        // Acquire here and release below: what the last user of this end did comes before what this one does.
        if (in_use_.test_and_set(std::memory_order_acquire)) {
            throw AudioError(std::string("two threads at once ") + name_ +
                             " one RingBuffer: it has one writer and one reader");
        }
        const Clear clear{in_use_};
        return action(end_);
    }

private:
    struct Clear {
        std::atomic_flag& flag;
        ~Clear() { flag.clear(std::memory_order_release); }
    };

    End end_;
    const char* name_;
    std::atomic_flag in_use_;
};

class FloatRing {
public:
    explicit FloatRing(std::int64_t capacity) : FloatRing(RingBuffer<float>::create(checked_capacity(capacity))) {}

    std::size_t write(const py::handle& block);
    py::array_t<float> read(std::optional<std::int64_t> most);

    [[nodiscard]] std::size_t free() {
        return producer_.use([](auto& end) { return end.free(); });
    }
    [[nodiscard]] std::size_t available() {
        return consumer_.use([](auto& end) { return end.available(); });
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    explicit FloatRing(RingBuffer<float>::Ends ends)
        : capacity_(ends.producer.capacity()),
          producer_(std::move(ends.producer), "write to"),
          consumer_(std::move(ends.consumer), "read from") {}

    std::size_t capacity_;
    Side<RingBuffer<float>::Producer> producer_;
    Side<RingBuffer<float>::Consumer> consumer_;
};

std::span<const float> view(const py::handle& block) {
    if (py::isinstance<py::array_t<float, py::array::c_style>>(block)) {
        const auto array = py::reinterpret_borrow<py::array>(block);
        if (array.ndim() == 1) return {static_cast<const float*>(array.data()), static_cast<std::size_t>(array.size())};
    }
    refuse_block(block, "a RingBuffer", "(samples,)");
}

std::size_t FloatRing::write(const py::handle& block) {
    const auto samples = view(block);
    return producer_.use([samples](auto& end) {
        const Released released(samples.size() >= worth_releasing_samples);
        return end.write(samples);
    });
}

py::array_t<float> FloatRing::read(std::optional<std::int64_t> most) {
    if (most && *most < 0) {
        throw InvalidOption("max_samples takes 0 or more, or None for all, not " + std::to_string(*most));
    }
    return consumer_.use([most](auto& end) {
        const auto available = end.available();
        const auto count = most ? std::min(static_cast<std::size_t>(*most), available) : available;
        py::array_t<float> samples(static_cast<py::ssize_t>(count));
        const std::span<float> to(samples.mutable_data(), count);
        const Released released(count >= worth_releasing_samples);
        // All of `to` is filled: the writer can only have added to what was available.
        static_cast<void>(end.read(to));
        return samples;
    });
}

}  // namespace

void register_ring_buffer(py::module_& m) {
    py::class_<FloatRing>(
        m, "RingBuffer",
        "A queue of 1 to 2**28 float32 samples (InvalidOption otherwise) between one writing and one reading thread, "
        "which never wait for each other. Memory is allocated once, here. write() and free belong to the "
        "writer, read() and available to the reader; a second thread on the same side while the first is still inside "
        "gets AudioError and changes nothing.")
        .def(py::init<std::int64_t>(), py::arg("capacity"), py::call_guard<Released>())
        .def("write", &FloatRing::write, py::arg("block"),
             "Take as many samples from the front of a C-contiguous float32 block (samples,) as there is room for, and "
             "return how many: 0 when full. Releases the GIL for long blocks. Raises AudioError for another form.")
        .def("read", &FloatRing::read, py::arg("max_samples") = py::none(),
             "Return the oldest samples, float32 (samples,), at most max_samples of them: none when empty. Without "
             "max_samples, all there are. Releases the GIL for long blocks. Raises InvalidOption below 0.")
        .def_property_readonly("free", &FloatRing::free, "Samples that a write is sure to take now.")
        .def_property_readonly("available", &FloatRing::available, "Samples that a read is sure to return now.")
        .def_property_readonly("capacity", &FloatRing::capacity);
}

}  // namespace thoth
