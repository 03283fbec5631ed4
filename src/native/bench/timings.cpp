#include "bench/timings.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "audio/fir_resampler.hpp"
#include "audio/resampler.hpp"
#include "audio/ring_buffer.hpp"
#include "errors.hpp"

namespace thoth::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Ends = RingBuffer<float>::Ends;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class Kind>
double conversion_s(Kind& resampler, std::span<const float> samples, std::size_t block_samples,
                    std::size_t expected_samples) {
    std::vector<float> out;
    out.reserve(expected_samples);
    const auto start = Clock::now();
    while (!samples.empty()) {
        const auto block = samples.first(std::min(block_samples, samples.size()));
        resampler.process(block, out);
        samples = samples.subspan(block.size());
    }
    resampler.flush(out);
    return seconds_since(start);
}

void require_sizes(std::size_t capacity, std::size_t block_samples, std::size_t blocks) {
    if (block_samples == 0 || block_samples > capacity || blocks == 0) {
        throw InvalidOption("a ring is timed with at least one block, of at least one sample, that fits into it");
    }
}

// Waiting gives the core away: where there is but one, the other end runs on it.
void write_all(RingBuffer<float>::Producer& producer, std::span<const float> block) {
    while (!block.empty()) {
        const auto written = producer.write(block);
        if (written == 0) std::this_thread::yield();
        block = block.subspan(written);
    }
}

void read_count(RingBuffer<float>::Consumer& consumer, std::span<float> block, std::size_t count) {
    while (count > 0) {
        const auto read = consumer.read(block.first(std::min(block.size(), count)));
        if (read == 0) std::this_thread::yield();
        count -= read;
    }
}

}  // namespace

double resampling_s(std::span<const float> samples, double from_hz, double to_hz, std::size_t block_samples,
                    bool live) {
    if (block_samples == 0) throw InvalidOption("a resampler is timed with blocks of at least one sample");
    if (live) {
        FirResampler resampler(from_hz, to_hz);
        return conversion_s(resampler, samples, block_samples, samples.size());
    }
    Resampler resampler(from_hz, to_hz);
    return conversion_s(resampler, samples, block_samples, samples.size());
}

double ring_alone_s(std::size_t capacity, std::size_t block_samples, std::size_t blocks) {
    require_sizes(capacity, block_samples, blocks);
    Ends ring = RingBuffer<float>::create(capacity);
    std::vector<float> block(block_samples);
    const auto turns = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            write_all(ring.producer, block);
            read_count(ring.consumer, block, block_samples);
        }
    };
    turns(2 * capacity / block_samples);  // once round and round again: every page is there
    const auto start = Clock::now();
    turns(blocks);
    return seconds_since(start) / static_cast<double>(blocks);
}

double ring_between_threads_s(std::size_t capacity, std::size_t block_samples, std::size_t blocks) {
    require_sizes(capacity, block_samples, blocks);
    Ends ring = RingBuffer<float>::create(capacity);
    std::vector<float> taken(block_samples);
    const std::size_t warm_up = 2 * capacity / block_samples;
    std::thread writer([&ring, block_samples, count = warm_up + blocks] {
        const std::vector<float> block(block_samples);
        for (std::size_t i = 0; i < count; ++i) write_all(ring.producer, block);
    });
    read_count(ring.consumer, taken, warm_up * block_samples);
    const auto start = Clock::now();
    read_count(ring.consumer, taken, blocks * block_samples);
    const double elapsed_s = seconds_since(start);
    writer.join();
    return elapsed_s / static_cast<double>(blocks);
}

}  // namespace thoth::bench
