#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "audio/capture.hpp"
#include "audio/heartbeat.hpp"
#include "audio/history.hpp"
#include "audio/level.hpp"
#include "audio/live_converter.hpp"
#include "audio/loss.hpp"
#include "audio/own_process.hpp"
#include "audio/readers.hpp"
#include "audio/tap.hpp"

namespace thoth {

struct PumpOptions {
    double preroll_s = 1.0;   // how much of the past is kept for readers to come, 0 to 600 s
    double stall_s = 0.75;    // a stream without a callback for so long has failed; 0: never
    bool lossless = false;    // wait for slow readers, and never stall: for sources that can wait; 16 kHz only
    bool reconnects = false;  // a failed stream may be replaced by attach(): readers stay
};

struct TapOptions {
    double capacity_s = 30.0;  // how far its reader may fall behind, above 0 and up to an hour
    double preroll_s = 0.0;    // it begins so long ago, as far as that is kept
    std::uint64_t most_samples = Tap::endless;
};

struct PumpStats {
    std::uint64_t samples = 0;          // of the stream so far, at 16 kHz
    std::uint64_t frames_captured = 0;  // that came from the device and were taken
    std::uint64_t frames_lost = 0;      // of the device's frames: overruns and outages
    std::uint64_t xruns = 0;            // losses that the system reported, of unknown length
    std::uint64_t bad_samples = 0;      // not numbers, or far out of range
    double held_back_s = 0.0;           // by the resampler, now
    double handover_mean_s = 0.0;       // from the callback until its frames were taken on
    double handover_worst_s = 0.0;
    double conversion_s = 0.0;  // processing time spent on channels and rate
    std::uint64_t loss_count = 0;
    std::vector<Loss> losses;  // the latest 1000
};

// The thread between a Capture and its readers: takes what the callback wrote, mixes it down to the mean of the
// channels, resamples it to 16 kHz and hands it to every tap. It keeps the last seconds for taps that come later, puts
// silence where frames were lost, measures the level, and notices when the callback has died.
//
// Its thread polls, since a callback that woke it would have to make a system call. It takes no lock that is ever held
// while waiting for Python, for a disk or for a reader, so it is late by no more than the system's scheduler makes it.
//
// Threads: any may call anything. In a child made by fork() the thread is missing, and calls throw AudioError;
// require_own_process() is that check alone.
class Pump {
public:
    enum class State {
        idle,     // no stream yet, or between two
        running,  // a stream is attached
        stalled,  // its callback has died, and attach() is awaited
        ended,    // readers get what is left and no more
    };

    // Throws InvalidOption for times out of range.
    [[nodiscard]] static std::shared_ptr<Pump> create(const PumpOptions& options);
    ~Pump();  // as stop()
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    // Takes from this stream from now on. After an earlier one the time until audio comes is accounted as an outage.
    // Throws AudioError when one is attached, or after the end.
    void attach(std::shared_ptr<Capture> capture);
    // Takes what has come, and lets go of the stream, which must not call back any more, or has stalled.
    void detach();

    // `count` readers that get the same. After the end of the stream they hold the pre-roll only. Throws InvalidOption.
    [[nodiscard]] Taps add_taps(std::size_t count, const TapOptions& options);
    // They get what has come up to now, and their end.
    void remove_taps(const Taps& taps);
    // While paused a tap gets nothing, and loses nothing.
    void set_paused(const Taps& taps, bool paused);

    // Ends by itself when all that was captured up to now has been delivered; for sources that have an end, or, with a
    // reason that failure() then tells, broke off.
    void finish(const std::string& why = {});
    // From now on a stream that falls silent is none that has failed: its device is being closed.
    void expect_end();
    // Takes what has come, ends all taps and the thread. Bounded: waits for no reader. May be called again.
    void stop();

    void require_own_process() const;
    [[nodiscard]] State state() const;
    // Why the stream ended or stalled; empty if it did not, or was stopped while audio came.
    [[nodiscard]] std::string failure() const;
    // Waits until the state is not `state` any more; false at the deadline.
    [[nodiscard]] bool wait_while(State state, std::chrono::steady_clock::time_point deadline) const;
    [[nodiscard]] PumpStats stats() const;
    [[nodiscard]] Level::Reading level() const;

private:
    using Clock = std::chrono::steady_clock;
    using Lock = std::unique_lock<std::mutex>;

    explicit Pump(const PumpOptions& options);

    void run();
    void join();
    void pass();
    void take_all();
    void begin_in_the_past(Tap& tap, std::size_t samples) const;
    [[nodiscard]] std::size_t frames_to_take();
    std::size_t take(std::size_t most_frames);
    void take_xruns();
    void watch_heartbeat();
    void lose_frames(const Gap& gap);
    void time_handover();
    [[nodiscard]] bool in_outage() const noexcept;
    void note_audio() noexcept;
    [[nodiscard]] Loss outage() const;
    void end_outage();
    void note(const Loss& loss);
    void deliver(std::span<const float> samples);
    void end_stream();
    void end(const std::string& why);
    void break_off(const std::exception& error);
    void change(State state);
    [[nodiscard]] std::uint64_t sample_at(std::uint64_t frame) const;

    const PumpOptions options_;
    const OwnProcess process_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    State state_ = State::idle;
    std::optional<std::string> finishing_;  // why
    bool end_expected_ = false;
    std::string failure_;
    Readers readers_;
    History history_;
    Level level_;
    LossLog losses_;
    PumpStats counts_;
    double handover_total_s_ = 0.0;
    std::uint64_t handovers_ = 0;

    // The stream attached now, or latest.
    std::shared_ptr<Capture> capture_;
    std::optional<LiveConverter> converter_;
    Heartbeat heartbeat_{options_.stall_s};
    std::uint64_t first_sample_ = 0;  // where it begins
    std::uint64_t stream_lost_ = 0;   // of its frames, in gaps met so far
    std::vector<float> frames_;
    std::uint64_t calls_taken_ = 0;
    Clock::time_point last_look_;
    Clock::time_point last_audio_;
    double rate_hz_ = 0.0;       // of the stream that it came from
    bool awaits_audio_ = false;  // a stream after an outage has not begun yet
    bool had_stream_ = false;
    std::uint64_t stream_frames_ = 0;  // of the stream before

    std::mutex join_mutex_;
    std::thread thread_;
};

}  // namespace thoth
