#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings/released.hpp"
#include "bindings/signals.hpp"
#include "bindings/waiting.hpp"
#include "engine/gate.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

// A permit for Python, which may drop the gate before it. One thread at a time; any may release it.
class GatePermit {
public:
    GatePermit(std::shared_ptr<Gate> gate, Gate::Permit permit) : gate_(std::move(gate)), permit_(std::move(permit)) {}

    [[nodiscard]] bool held() const noexcept { return permit_.held(); }
    [[nodiscard]] bool should_yield() const noexcept { return permit_.should_yield(); }
    void release() noexcept { permit_.release(); }

    bool give_way(const CancelToken* cancel) {
        SignalWatch signals;
        const auto wait = patience({}, cancel, signals);
        const Released released;
        return permit_.give_way(wait);
    }

private:
    std::shared_ptr<Gate> gate_;
    Gate::Permit permit_;
};

std::unique_ptr<GatePermit> acquire(const std::shared_ptr<Gate>& gate, const std::string& priority,
                                    std::optional<double> timeout_s, const CancelToken* cancel) {
    const auto asked = priority_named(priority);
    SignalWatch signals;
    const auto wait = patience(timeout_s, cancel, signals);
    const Released released;
    return std::make_unique<GatePermit>(gate, gate->acquire(asked, wait));
}

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void register_stats(py::module_& m) {
    using Counts = Gate::ClassStats;
    py::class_<Counts>(m, "GateClassStats")
        .def_readonly("granted", &Counts::granted)
        .def_readonly("waiting", &Counts::waiting)
        .def_readonly("timed_out", &Counts::timed_out)
        .def_readonly("cancelled", &Counts::cancelled)
        .def_readonly("preempted", &Counts::preempted)
        .def_property_readonly("p50_wait_s", [](const Counts& counts) { return seconds(counts.p50_wait); })
        .def_property_readonly("p99_wait_s", [](const Counts& counts) { return seconds(counts.p99_wait); })
        .def_property_readonly("longest_wait_s", [](const Counts& counts) { return seconds(counts.longest_wait); });
    py::class_<Gate::Stats>(m, "GateStats")
        .def_property_readonly("holder",
                               [](const Gate::Stats& stats) -> std::optional<std::string> {
                                   if (!stats.holder) return std::nullopt;
                                   return name_of(*stats.holder);
                               })
        .def_property_readonly("live", [](const Gate::Stats& stats) { return stats.of(Priority::live); })
        .def_property_readonly("batch", [](const Gate::Stats& stats) { return stats.of(Priority::batch); });
}

}  // namespace

void register_gate(py::module_& m) {
    py::class_<CancelToken>(m, "CancelToken")
        .def(py::init<const CancelToken*>(), "parent"_a = py::none())
        .def("cancel", &CancelToken::cancel, py::call_guard<Released>())
        .def_property_readonly("cancelled", &CancelToken::cancelled);
    register_stats(m);
    py::class_<GatePermit>(m, "GatePermit")
        .def("give_way", &GatePermit::give_way, "cancel"_a = py::none())
        .def("release", &GatePermit::release)
        .def_property_readonly("held", &GatePermit::held)
        .def_property_readonly("should_yield", &GatePermit::should_yield);
    py::class_<Gate, std::shared_ptr<Gate>>(m, "Gate")
        .def(py::init<>())
        .def_readonly_static("MOST_IN_A_ROW", &Gate::most_in_a_row)
        .def_readonly_static("MOST_OVERTAKES", &Gate::most_overtakes)
        .def("acquire", &acquire, "priority"_a, "timeout_s"_a = py::none(), "cancel"_a = py::none())
        .def_property_readonly("stats", &Gate::stats);
}

}  // namespace thoth
