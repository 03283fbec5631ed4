#pragma once

#include <cstddef>
#include <span>

// What `thoth bench` times here because Python would stand in the figure: calls that take microseconds, and two threads
// that hand each other blocks. Any thread may call them; each call makes what it times anew, and shares nothing.
namespace thoth::bench {

// Seconds from the first block to the end of the flush. Samples are mono, taken in blocks as a sound card gives them.
// `live`: by the live path's resampler, else by libsoxr's. Throws InvalidOption for rates that it does not take.
[[nodiscard]] double resampling_s(std::span<const float> samples, double from_hz, double to_hz,
                                  std::size_t block_samples, bool live);

// Seconds that one block takes through a ring of `capacity` samples, written and read by this thread in turn.
[[nodiscard]] double ring_alone_s(std::size_t capacity, std::size_t block_samples, std::size_t blocks);

// The same with a thread at either end, as fast as they go. The system places the threads.
[[nodiscard]] double ring_between_threads_s(std::size_t capacity, std::size_t block_samples, std::size_t blocks);

}  // namespace thoth::bench
