#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "audio/counted_ring.hpp"
#include "audio/portaudio_abi.hpp"
#include "audio/ring_buffer.hpp"
#include "audio/ticks.hpp"

namespace thoth {

// What a PortAudio input stream writes into: float32, interleaved. The callback copies and counts, nothing else: no
// allocation, no lock, no system call, no log.
//
// Threads: callback() and room() belong to the stream's audio thread; frames() and xruns() to the one that reads; the
// rest may be called by any. The object must outlive the stream: PortAudio holds its bare address.
class Capture {
public:
    // A ring that holds `buffer_s` seconds. rate_hz 1 kHz to 768 kHz, channels 1 to 32, buffer_s up to 600; throws
    // InvalidOption for anything else.
    Capture(double rate_hz, int channels, double buffer_s);
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    // The PaStreamCallback; `user_data` is the Capture.
    static int callback(const void* input, void* output, unsigned long frames, const PaStreamCallbackTimeInfo* time,
                        unsigned long flags, void* user_data) noexcept;

    [[nodiscard]] double rate_hz() const noexcept { return rate_hz_; }
    [[nodiscard]] std::size_t channels() const noexcept { return channels_; }

    // The reader's side: frames and gaps, and where the system said that it had lost some of its own accord (positions
    // like those of the frames; the latest ones, when nobody reads them for long, are only counted).
    [[nodiscard]] CountedRing::Consumer& frames() noexcept { return consumer_; }
    [[nodiscard]] RingBuffer<std::uint64_t>::Consumer& xruns() noexcept { return xrun_consumer_; }

    // Frames that a call is sure to take now, and at best; for whoever stands in for the audio thread.
    [[nodiscard]] std::size_t room() noexcept { return producer_.room(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return producer_.capacity(); }

    // Calls so far: the heartbeat. PortAudio reports nothing when a device goes; this then stands still.
    [[nodiscard]] std::uint64_t callbacks() const noexcept { return callbacks_.load(std::memory_order_relaxed); }
    // Frames that came, lost ones too.
    [[nodiscard]] std::uint64_t frames_offered() const noexcept { return offered_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t frames_lost() const noexcept { return consumer_.lost(); }
    [[nodiscard]] std::uint64_t xrun_count() const noexcept { return xruns_.load(std::memory_order_relaxed); }
    [[nodiscard]] double callback_mean_s() const noexcept;
    [[nodiscard]] double callback_worst_s() const noexcept;
    // Since the last call began; 0 before the first.
    [[nodiscard]] double since_callback_s() const noexcept;

private:
    Capture(double rate_hz, int channels, CountedRing::Ends ring, RingBuffer<std::uint64_t>::Ends xruns);

    void take(const void* input, std::size_t frames, unsigned long flags) noexcept;
    void time_call(std::uint64_t begin, std::uint64_t end) noexcept;

    const double rate_hz_;
    const std::size_t channels_;
    const TickRate tick_rate_;

    CountedRing::Producer producer_;
    RingBuffer<std::uint64_t>::Producer xrun_producer_;
    // Stored by the audio thread alone.
    std::atomic<std::uint64_t> callbacks_ = 0;
    std::atomic<std::uint64_t> offered_ = 0;
    std::atomic<std::uint64_t> xruns_ = 0;
    std::atomic<std::uint64_t> last_tick_ = 0;
    std::atomic<std::uint64_t> total_ticks_ = 0;
    std::atomic<std::uint64_t> worst_ticks_ = 0;

    CountedRing::Consumer consumer_;
    RingBuffer<std::uint64_t>::Consumer xrun_consumer_;
};

}  // namespace thoth
