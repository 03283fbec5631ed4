#include "audio/capture.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "audio/limits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

constexpr double max_buffer_s = 600.0;
constexpr double max_buffer_samples = 1U << 28U;  // 1 GiB
constexpr std::size_t most_xruns = 64;

CountedRing::Ends ring_for(double rate_hz, int channels, double buffer_s) {
    const std::size_t count = checked_channels(channels);
    const double frames = std::ceil(checked_rate("rate_hz", rate_hz) * buffer_s);
    std::ostringstream message;
    if (!(buffer_s > 0.0 && buffer_s <= max_buffer_s)) {
        message << "buffer_s takes a time above 0 and up to 600 s, not " << buffer_s;
        throw InvalidOption(message.str());
    }
    if (frames * channels > max_buffer_samples) {
        message << "a buffer of " << buffer_s << " s, " << channels << " channels and " << rate_hz
                << " Hz would take more than 1 GiB: take a smaller buffer_s";
        throw InvalidOption(message.str());
    }
    return CountedRing::create(count, static_cast<std::size_t>(frames));
}

// For counters that one thread alone stores: a plain addition, where fetch_add would lock the bus.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

Capture::Capture(double rate_hz, int channels, double buffer_s)
    : Capture(rate_hz, channels, ring_for(rate_hz, channels, buffer_s), RingBuffer<std::uint64_t>::create(most_xruns)) {
}

Capture::Capture(double rate_hz, int channels, CountedRing::Ends ring, RingBuffer<std::uint64_t>::Ends xruns)
    : rate_hz_(rate_hz),
      channels_(static_cast<std::size_t>(channels)),
      producer_(std::move(ring.producer)),
      xrun_producer_(std::move(xruns.producer)),
      consumer_(std::move(ring.consumer)),
      xrun_consumer_(std::move(xruns.consumer)) {}

int Capture::callback(const void* input, void* /*output*/, unsigned long frames,
                      const PaStreamCallbackTimeInfo* /*time*/, unsigned long flags, void* user_data) noexcept {
    const auto begin = ticks_now();
    auto& capture = *static_cast<Capture*>(user_data);
    capture.take(input, frames, flags);
    capture.time_call(begin, ticks_now());
    return pa_continue;
}

void Capture::take(const void* input, std::size_t frames, unsigned long flags) noexcept {
    // Overflow: the system lost input before this block. Underflow: it had none, and this block is zeros instead.
    if ((flags & (pa_input_overflow | pa_input_underflow)) != 0) {
        const auto position = producer_.position();
        static_cast<void>(xrun_producer_.write({&position, 1}));
        add(xruns_, 1);
    }
    if (input == nullptr) {  // PortAudio has no data for a stretch that passed all the same
        producer_.lose(frames);
    } else {
        producer_.write({static_cast<const float*>(input), frames * channels_});
    }
    add(offered_, frames);
}

void Capture::time_call(std::uint64_t begin, std::uint64_t end) noexcept {
    const std::uint64_t ticks = end > begin ? end - begin : 0;  // two cores' clocks may differ by a little
    add(total_ticks_, ticks);
    worst_ticks_.store(std::max(worst_ticks_.load(std::memory_order_relaxed), ticks), std::memory_order_relaxed);
    last_tick_.store(begin, std::memory_order_relaxed);
    add(callbacks_, 1);
}

double Capture::callback_mean_s() const noexcept {
    const auto calls = callbacks();
    if (calls == 0) return 0.0;
    return tick_rate_.seconds(static_cast<double>(total_ticks_.load(std::memory_order_relaxed)) /
                              static_cast<double>(calls));
}

double Capture::callback_worst_s() const noexcept {
    return tick_rate_.seconds(static_cast<double>(worst_ticks_.load(std::memory_order_relaxed)));
}

double Capture::since_callback_s() const noexcept {
    const auto last = last_tick_.load(std::memory_order_relaxed);
    const auto now = ticks_now();
    return last == 0 || now < last ? 0.0 : tick_rate_.seconds(static_cast<double>(now - last));
}

}  // namespace thoth
