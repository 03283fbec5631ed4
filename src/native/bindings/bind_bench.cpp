#include <pybind11/pybind11.h>

#include "bench/timings.hpp"
#include "bindings/blocks.hpp"
#include "bindings/released.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace thoth {
namespace {

double time_resampling(const py::handle& samples, double from_hz, double to_hz, std::size_t block_samples, bool live) {
    const auto in = interleaved(samples, 1, "time_resampling");
    require_finite(in, "time_resampling");
    const Released released;
    return bench::resampling_s(in, from_hz, to_hz, block_samples, live);
}

double time_ring(std::size_t capacity, std::size_t block_samples, std::size_t blocks, int threads) {
    if (threads != 1 && threads != 2) throw InvalidOption("a ring is timed with 1 thread or 2");
    const Released released;
    return threads == 1 ? bench::ring_alone_s(capacity, block_samples, blocks)
                        : bench::ring_between_threads_s(capacity, block_samples, blocks);
}

}  // namespace

void register_bench(py::module_& m) {
    m.def(
        "time_resampling", &time_resampling, "samples"_a, "from_hz"_a, "to_hz"_a, "block_samples"_a, "live"_a,
        "Seconds that mono float32 samples take through a new resampler, block by block: the live path's, or libsoxr. "
        "Releases the GIL. Any thread.");
    m.def(
        "time_ring", &time_ring, "capacity"_a, "block_samples"_a, "blocks"_a, "threads"_a,
        "Seconds that one block takes through a new ring, with one thread in turns or one at either end. Releases the "
        "GIL. Any thread.");
}

}  // namespace thoth
