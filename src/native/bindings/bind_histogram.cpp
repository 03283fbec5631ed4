#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "errors.hpp"
#include "histogram.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

using Seconds = std::chrono::duration<double>;

// Any thread: the lock is held for a few hundred nanoseconds, and for a pass over the buckets by quantile().
class SharedHistogram {
public:
    void record(double seconds) {
        if (!(seconds >= 0)) throw InvalidOption("a duration takes seconds from 0");
        const Seconds bounded(std::min(seconds, 1e9));
        const std::lock_guard lock(mutex_);
        histogram_.record(std::chrono::round<std::chrono::nanoseconds>(bounded));
    }

    [[nodiscard]] double quantile(double q) const {
        if (!(q >= 0 && q <= 1)) throw InvalidOption("a quantile takes a share from 0 to 1");
        const std::lock_guard lock(mutex_);
        return Seconds(histogram_.quantile(q)).count();
    }

    [[nodiscard]] std::uint64_t count() const {
        const std::lock_guard lock(mutex_);
        return histogram_.count();
    }

    [[nodiscard]] double largest() const {
        const std::lock_guard lock(mutex_);
        return Seconds(histogram_.largest()).count();
    }

private:
    mutable std::mutex mutex_;
    Histogram histogram_;
};

}  // namespace

void register_histogram(py::module_& m) {
    py::class_<SharedHistogram>(m, "Histogram")
        .def(py::init<>())
        .def("record", &SharedHistogram::record, "seconds"_a)
        .def("quantile", &SharedHistogram::quantile, "q"_a)
        .def_property_readonly("count", &SharedHistogram::count)
        .def_property_readonly("largest", &SharedHistogram::largest);
}

}  // namespace thoth
