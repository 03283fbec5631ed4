// What a PortAudio stream may count on when it calls back into a Capture: every frame in its place or in a gap of the
// right length, the system's own losses at their positions, and a heartbeat. All through the function pointer.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "audio/capture.hpp"
#include "errors.hpp"
#include "require.hpp"

using thoth::Capture;
using thoth::Gap;
using Clock = std::chrono::steady_clock;

namespace {

PaStreamCallback* const volatile callback = &Capture::callback;  // volatile: called as PortAudio does, not inlined

// Sample n of the stream: exact in a float, different in neighbours, and with a period that nothing here divides.
float sample(std::uint64_t n) { return static_cast<float>(n % 1'000'003) / 1'048'576.0F; }

// The device: numbers its samples, goes on counting through what it could not deliver.
class Device {
public:
    explicit Device(Capture& capture) : capture_(capture) {}

    void call(std::size_t frames, unsigned long flags = 0) {
        block_.resize(frames * capture_.channels());
        for (std::size_t i = 0; i < block_.size(); ++i) block_[i] = sample(position_ * capture_.channels() + i);
        call_with(block_.data(), frames, flags);
    }
    void call_without_input(std::size_t frames, unsigned long flags = 0) { call_with(nullptr, frames, flags); }
    [[nodiscard]] std::uint64_t position() const { return position_; }

private:
    void call_with(const float* input, std::size_t frames, unsigned long flags) {
        const PaStreamCallbackTimeInfo time{1.0, 1.5, 0.0};
        REQUIRE(callback(input, nullptr, frames, &time, flags, &capture_) == thoth::pa_continue);
        position_ += frames;
    }

    Capture& capture_;
    std::uint64_t position_ = 0;
    std::vector<float> block_;
};

// Reads up to the next gap and requires each sample to be the one that belongs there.
std::size_t read_right(Capture& capture, std::size_t most_frames) {
    std::vector<float> to(most_frames * capture.channels());
    const auto first = capture.frames().position() * capture.channels();
    const auto frames = capture.frames().read(to);
    for (std::size_t i = 0; i < frames * capture.channels(); ++i) REQUIRE(to[i] == sample(first + i));
    return frames;
}

bool at_gap(Capture& capture, std::uint64_t position, std::uint64_t frames) {
    const auto gap = capture.frames().gap();
    return gap && gap->position == position && gap->frames == frames;
}

void an_overflow_is_lost_to_the_frame_and_reading_goes_on() {
    for (const int channels : {1, 2, 8}) {
        Capture capture(48'000.0, channels, 0.1);  // 4800 frames
        Device device(capture);
        while (device.position() < 10'000) device.call(480 + device.position() % 7);
        const std::uint64_t lost = device.position() - 4800;
        REQUIRE(capture.frames_offered() == device.position() && capture.frames_lost() == lost);
        REQUIRE(read_right(capture, 1000) == 1000);
        device.call(999);
        REQUIRE(capture.frames_lost() == lost);  // it fits again
        device.call(2);                          // of which one fits
        device.call_without_input(50);
        REQUIRE(read_right(capture, 10'000) == 3800);
        REQUIRE(at_gap(capture, 4800, lost));
        REQUIRE(read_right(capture, 10'000) == 1000);
        REQUIRE(capture.frames().position() == 4800 + lost + 1000);
        REQUIRE(read_right(capture, 1) == 0 && !capture.frames().gap());
        device.call(1);
        REQUIRE(at_gap(capture, 4800 + lost + 1000, 51));
        REQUIRE(read_right(capture, 10) == 1);
        REQUIRE(capture.frames().position() == capture.frames_offered());
        REQUIRE(capture.frames_lost() == lost + 51);
    }
}

void without_input_the_frames_are_a_gap() {
    Capture capture(16'000.0, 2, 0.1);
    Device device(capture);
    device.call_without_input(7);
    device.call_without_input(3);
    device.call(20);
    device.call_without_input(5);
    REQUIRE(capture.frames_offered() == 35 && capture.frames_lost() == 15);
    REQUIRE(at_gap(capture, 0, 10));
    REQUIRE(read_right(capture, 100) == 20);
    REQUIRE(!capture.frames().gap());
    const auto last = capture.frames().last_gap();
    REQUIRE(last && last->position == 30 && last->frames == 5);
}

void a_block_larger_than_the_buffer_is_kept_as_far_as_it_fits() {
    Capture capture(8'000.0, 1, 0.01);  // 80 frames
    Device device(capture);
    for (std::uint64_t i = 0; i < 5; ++i) {
        device.call(256);
        if (i > 0) REQUIRE(at_gap(capture, 256 * i - 176, 176));
        REQUIRE(read_right(capture, 256) == 80);
    }
}

std::vector<std::uint64_t> xruns_read(Capture& capture) {
    std::vector<std::uint64_t> positions(200);
    positions.resize(capture.xruns().read(positions));
    return positions;
}

void what_the_system_lost_stands_at_its_position() {
    Capture capture(44'100.0, 1, 0.01);  // 441 frames
    Device device(capture);
    device.call(100, thoth::pa_input_overflow);
    device.call(100, thoth::pa_input_underflow);
    device.call(100, 0x1C);  // output flags and the priming flag
    device.call(300, thoth::pa_input_overflow | thoth::pa_input_underflow);
    device.call(10);                                          // lost
    device.call_without_input(10, thoth::pa_input_overflow);  // within a gap
    REQUIRE(capture.xrun_count() == 4);
    REQUIRE(xruns_read(capture) == std::vector<std::uint64_t>({0, 100, 300, 610}));
    REQUIRE(xruns_read(capture).empty() && capture.xrun_count() == 4);
}

void xruns_that_nobody_reads_are_counted_all_the_same() {
    Capture capture(16'000.0, 1, 1.0);
    Device device(capture);
    std::vector<std::uint64_t> first;
    for (std::uint64_t i = 0; i < 100; ++i) {
        if (i < 64) first.push_back(3 * i);
        device.call(3, thoth::pa_input_overflow);
    }
    REQUIRE(capture.xrun_count() == 100 && xruns_read(capture) == first);
    device.call(3, thoth::pa_input_overflow);
    REQUIRE(xruns_read(capture) == std::vector<std::uint64_t>({300}));
}

void the_heartbeat_and_the_durations_move() {
    Capture capture(48'000.0, 2, 0.1);
    Device device(capture);
    REQUIRE(capture.callbacks() == 0 && capture.frames_offered() == 0 && capture.since_callback_s() == 0.0);
    REQUIRE(capture.callback_mean_s() == 0.0 && capture.callback_worst_s() == 0.0);
    const auto begin = Clock::now();
    while (Clock::now() - begin < std::chrono::milliseconds{100}) device.call(256);  // the tick rate is then known
    const std::chrono::duration<double> elapsed = Clock::now() - begin;
    const auto calls = capture.callbacks();
    REQUIRE(calls == capture.frames_offered() / 256 && calls > 0);
    REQUIRE(capture.callback_mean_s() > 0.0 && capture.callback_worst_s() >= capture.callback_mean_s());
    REQUIRE(capture.callback_mean_s() * static_cast<double>(calls) <= 1.01 * elapsed.count());
    REQUIRE(capture.callback_worst_s() <= 1.01 * elapsed.count());

    const auto still = Clock::now();
    double since = 0.0;
    while (since < 0.02) {
        REQUIRE(Clock::now() - still < std::chrono::seconds{60});
        since = capture.since_callback_s();
    }
    const std::chrono::duration<double> waited = Clock::now() - begin;
    REQUIRE(since <= 1.01 * waited.count() && capture.callbacks() == calls);
    // A call sets it back: to less than before, unless this thread is held up right here, every time.
    for (int attempt = 0; since >= 0.02; ++attempt) {
        REQUIRE(attempt < 1000);
        device.call(1);
        since = capture.since_callback_s();
    }
    REQUIRE(capture.callbacks() > calls);
}

template <class Make>
bool refused(const Make& make) {
    try {
        make();
    } catch (const thoth::InvalidOption& error) {
        return std::string(error.what()).size() > 20;
    }
    return false;
}

void refuses_what_no_device_has() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double endless = std::numeric_limits<double>::infinity();
    for (const double rate_hz : {0.0, -48'000.0, 999.0, 768'001.0, nan, endless}) {
        REQUIRE(refused([&] { Capture(rate_hz, 1, 1.0); }));
    }
    for (const int channels : {0, -1, 33, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
        REQUIRE(refused([&] { Capture(48'000.0, channels, 1.0); }));
    }
    for (const double buffer_s : {0.0, -1.0, 601.0, nan, endless}) {
        REQUIRE(refused([&] { Capture(48'000.0, 1, buffer_s); }));
    }
    REQUIRE(refused([] { Capture(768'000.0, 32, 600.0); }));  // in range one by one, and too much together
    Capture(1'000.0, 1, 0.001);
    Capture(768'000.0, 32, 0.1);
}

void two_threads_agree_on_the_account() {
    Capture capture(96'000.0, 3, 0.05);
    std::atomic<bool> done = false;
    std::vector<std::uint64_t> xruns;
    std::uint64_t offered = 0;
    std::jthread audio_thread([&] {
        Device device(capture);
        std::mt19937 random(5);
        for (int i = 0; i < 20'000; ++i) {
            const auto kind = random() % 64;
            if (kind == 0) {
                device.call_without_input(random() % 500);
            } else {
                if (kind == 1) xruns.push_back(device.position());
                device.call(random() % 500, kind == 1 ? thoth::pa_input_overflow : 0);
            }
            if (random() % 16 == 0) std::this_thread::yield();
        }
        offered = device.position();
        done.store(true, std::memory_order_release);
    });
    std::uint64_t read = 0;
    std::uint64_t in_gaps = 0;
    std::vector<std::uint64_t> xruns_seen;
    bool last_look = false;
    while (capture.frames_lost() == 0) std::this_thread::yield();  // or a quick reader might see no gap
    while (!last_look) {
        last_look = done.load(std::memory_order_acquire);
        while (true) {
            const auto at = capture.frames().position();
            const auto gap = capture.frames().gap();
            if (gap) REQUIRE(gap->position == at);
            in_gaps += gap ? gap->frames : 0;
            const auto frames = read_right(capture, 700);
            read += frames;
            if (!gap && frames == 0) break;
        }
        const auto more = xruns_read(capture);
        xruns_seen.insert(xruns_seen.end(), more.begin(), more.end());
        REQUIRE(capture.callback_mean_s() >= 0.0 && capture.since_callback_s() >= 0.0);
        std::this_thread::yield();
    }
    if (const auto gap = capture.frames().last_gap()) in_gaps += gap->frames;
    REQUIRE(read + in_gaps == offered && capture.frames_offered() == offered && capture.frames_lost() == in_gaps);
    REQUIRE(read > 0 && in_gaps > 0);
    REQUIRE(capture.callbacks() == 20'000 && capture.xrun_count() == xruns.size());
    // Those seen are a part of those that were, in their order: some may have found no room.
    REQUIRE(!xruns_seen.empty() && std::ranges::includes(xruns, xruns_seen));
}

}  // namespace

int main() {
    an_overflow_is_lost_to_the_frame_and_reading_goes_on();
    without_input_the_frames_are_a_gap();
    a_block_larger_than_the_buffer_is_kept_as_far_as_it_fits();
    what_the_system_lost_stands_at_its_position();
    xruns_that_nobody_reads_are_counted_all_the_same();
    the_heartbeat_and_the_durations_move();
    refuses_what_no_device_has();
    two_threads_agree_on_the_account();
}
