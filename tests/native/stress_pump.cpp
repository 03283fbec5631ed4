// The live path under storms: streams that start and stop, devices that come and go, taps added, paused and removed by
// several threads while readers read and files are recorded. Afterwards the accounts must agree, to the sample, and no
// thread may be left. Usage: stress_pump SECONDS [SEED]
#ifdef __linux__
#include <unistd.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "audio/callback_feeder.hpp"
#include "audio/capture.hpp"
#include "audio/pump.hpp"
#include "audio/recorder.hpp"
#include "audio/tap.hpp"
#include "errors.hpp"
#include "require.hpp"

using namespace std::chrono_literals;
using thoth::CallbackFeeder;
using thoth::Capture;
using thoth::LossCause;
using thoth::Pump;
using thoth::PumpOptions;
using thoth::Recorder;
using thoth::Tap;
using Clock = std::chrono::steady_clock;
using Random = std::mt19937;

namespace {

constexpr auto patience = 60s;  // for what must happen: only a hang takes so long

std::size_t between(std::size_t least, std::size_t most, Random& random) {
    return least + random() % (most - least + 1);
}
double between_s(double least, double most, Random& random) {
    return std::uniform_real_distribution(least, most)(random);
}
template <class T>
T one_of(std::initializer_list<T> all, Random& random) {
    return *(all.begin() + random() % all.size());
}
void pause_up_to(std::chrono::microseconds most, Random& random) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<std::uint64_t>(most.count() + 1)));
}

std::shared_ptr<Tap> add_tap(Pump& pump, double capacity_s, double preroll_s) {
    return pump.add_taps(1, {capacity_s, preroll_s}).front();
}

// Sample n of a stream: never 0, which is silence, exact in a float, within full scale, and exact again as the mean of
// 1, 2 or 4 equal channels.
float number(std::uint64_t n) {
    constexpr std::uint64_t period = (1U << 24U) - 1;
    return static_cast<float>(1 + n % period) / 16'777'216.0F;
}

struct DeviceOptions {
    std::size_t block_frames = 256;
    double speed = 1.0;        // 0: no pace
    bool waits = false;        // for room
    bool faulty = false;       // null input and overflow flags at times
    std::uint64_t frames = 0;  // then it rests; 0: no end
};

// A thread that calls back into a capture until it is told to stop.
class Device {
public:
    Device(std::shared_ptr<Capture> capture, const DeviceOptions& options, unsigned seed)
        : capture_(std::move(capture)),
          options_(options),
          random_(seed),
          feeder_(&Device::callback, this, capture_->rate_hz(), static_cast<int>(capture_->channels()),
                  options.block_frames, options.speed, 0) {
        if (options.waits) feeder_.wait_for_room_in(capture_.get());
        thread_ = std::thread([this] { run(); });
    }
    ~Device() { stop(); }

    void stop() {
        feeder_.stop();
        if (thread_.joinable()) thread_.join();
    }
    // Waits for the end of a device that has one.
    void join() { thread_.join(); }
    // Fed so far; for the thread that stopped it.
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] std::uint64_t xruns() const { return xruns_; }

private:
    static int callback(const void* input, void* output, unsigned long frames, const PaStreamCallbackTimeInfo* time,
                        unsigned long flags, void* user_data) {
        auto& device = *static_cast<Device*>(user_data);
        if (device.options_.faulty) {
            if (device.random_() % 64 == 0) input = nullptr;
            if (device.random_() % 64 == 0) {
                flags |= thoth::pa_input_overflow;
                ++device.xruns_;
            }
        }
        return Capture::callback(input, output, frames, time, flags, device.capture_.get());
    }

    void run() {
        const auto end = options_.frames == 0 ? UINT64_MAX : options_.frames;
        std::vector<float> samples;
        while (frames_ < end) {
            const auto frames = std::min<std::uint64_t>(between(1, 4 * options_.block_frames, random_), end - frames_);
            samples.clear();
            for (std::uint64_t i = 0; i < frames; ++i) {
                samples.insert(samples.end(), capture_->channels(), number(frames_ + i));
            }
            const auto fed = feeder_.push(samples, [] {});
            frames_ += fed;
            if (fed < frames) break;
        }
    }

    std::shared_ptr<Capture> capture_;
    DeviceOptions options_;
    Random random_;
    CallbackFeeder feeder_;
    std::uint64_t frames_ = 0;
    std::uint64_t xruns_ = 0;
    std::thread thread_;
};

// Reads a tap to its end, at a pace of its own.
std::vector<float> read_to_the_end(Tap& tap, unsigned seed, bool slow) {
    Random random(seed);
    const auto turn = tap.claim();
    std::vector<float> all;
    std::vector<float> block(4000);
    while (!tap.ended()) {
        const std::size_t wanted = between(1, block.size(), random);
        static_cast<void>(tap.wait_until(wanted, Clock::now() + std::chrono::milliseconds(random() % 20)));
        const auto samples = tap.read(std::span(block).first(wanted));
        all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(samples));
        if (slow) pause_up_to(3ms, random);
    }
    REQUIRE(tap.read(block) == 0);
    return all;
}

class Reading {
public:
    Reading(std::shared_ptr<Tap> tap, unsigned seed, bool slow)
        : thread_([this, tap = std::move(tap), seed, slow] { samples_ = read_to_the_end(*tap, seed, slow); }) {}
    [[nodiscard]] const std::vector<float>& samples() {
        if (thread_.joinable()) thread_.join();
        return samples_;
    }

private:
    std::vector<float> samples_;
    std::jthread thread_;
};

template <class T>
T little_endian(std::span<const char> bytes, std::size_t at) {
    REQUIRE(at + sizeof(T) <= bytes.size());
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// The samples of a 16 kHz mono WAV file, whose header must be right in every size.
std::vector<char> wav_samples(const std::filesystem::path& path, std::uint16_t format, std::uint16_t bits) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    REQUIRE(bytes.size() >= 44 && std::memcmp(bytes.data(), "RIFF", 4) == 0);
    REQUIRE(little_endian<std::uint32_t>(bytes, 4) == bytes.size() - 8);
    REQUIRE(std::memcmp(bytes.data() + 8, "WAVE", 4) == 0);
    bool format_seen = false;
    for (std::size_t at = 12; at < bytes.size();) {
        const auto size = little_endian<std::uint32_t>(bytes, at + 4);
        if (std::memcmp(bytes.data() + at, "fmt ", 4) == 0) {
            REQUIRE(little_endian<std::uint16_t>(bytes, at + 8) == format);
            REQUIRE(little_endian<std::uint16_t>(bytes, at + 10) == 1);
            REQUIRE(little_endian<std::uint32_t>(bytes, at + 12) == 16'000);
            REQUIRE(little_endian<std::uint16_t>(bytes, at + 22) == bits);
            format_seen = true;
        } else if (std::memcmp(bytes.data() + at, "data", 4) == 0) {
            REQUIRE(format_seen && at + 8 + size == bytes.size());
            return {bytes.begin() + static_cast<std::ptrdiff_t>(at + 8), bytes.end()};
        }
        at += 8 + size;
    }
    REQUIRE(!"a data chunk");
    return {};
}

// A recording of a tap, and what must hold of it in the end.
class Recording {
public:
    Recording(std::shared_ptr<Tap> tap, std::filesystem::path path, bool as_float)
        : tap_(std::move(tap)),
          path_(std::move(path)),
          as_float_(as_float),
          recorder_(Recorder::create(tap_, path_, as_float ? thoth::WavEncoding::float32 : thoth::WavEncoding::pcm16,
                                     false)) {}

    // Its samples; those of a 16-bit file in its bytes. The tap must have its end.
    std::vector<char> finish() {
        REQUIRE(recorder_->wait_until(Clock::now() + patience) && recorder_->finished());
        REQUIRE(recorder_->failure().empty());
        REQUIRE(recorder_->frames() == tap_->offered());
        auto bytes = wav_samples(path_, as_float_ ? 3 : 1, as_float_ ? 32 : 16);
        REQUIRE(bytes.size() == tap_->offered() * (as_float_ ? 4 : 2));
        std::filesystem::remove(path_);
        return bytes;
    }

private:
    std::shared_ptr<Tap> tap_;
    std::filesystem::path path_;
    bool as_float_;
    std::shared_ptr<Recorder> recorder_;
};

struct Totals {
    std::uint64_t rounds = 0;
    std::uint64_t streams = 0;
    std::atomic<std::uint64_t> taps = 0;
    std::atomic<std::uint64_t> samples = 0;  // read from taps
    std::uint64_t files = 0;
    std::uint64_t lost_frames = 0;
};

// --- A source that waits for its readers: each sample arrives once, and none is missing.

void lossless_round(unsigned seed, const std::filesystem::path& folder, Totals& totals) {
    Random random(seed);
    const auto pump = Pump::create({.preroll_s = 0.1, .stall_s = 0.0, .lossless = true});
    std::vector<std::shared_ptr<Tap>> taps;
    std::vector<std::unique_ptr<Reading>> readings;
    for (std::size_t i = between(1, 3, random); i > 0; --i) {
        taps.push_back(add_tap(*pump, between_s(0.02, 0.5, random), 0.0));
        readings.push_back(std::make_unique<Reading>(taps.back(), random(), random() % 2 == 0));
    }
    const auto recorded = add_tap(*pump, 0.3, 0.0);
    Recording recording(recorded, folder / "lossless.wav", true);
    const auto hopping = add_tap(*pump, 0.2, 0.0);
    Reading hops(hopping, random(), false);

    const auto abandoned = add_tap(*pump, 0.1, 0.0);  // or all would wait for it
    const auto capture = std::make_shared<Capture>(16'000.0, one_of({1, 2, 4}, random), between_s(0.2, 0.5, random));
    const DeviceOptions options{.block_frames = between(1, 2000, random),
                                .speed = random() % 2 == 0 ? 0.0 : between_s(20.0, 200.0, random),
                                .waits = true,
                                .frames = between(1, 40'000, random)};
    pump->attach(capture);
    Device device(capture, options, random());
    std::jthread hop([&, seed = random()] {
        Random own(seed);
        for (int i = 0; i < 20; ++i) {
            pump->set_paused({hopping}, own() % 2 == 0);
            pause_up_to(1ms, own);
        }
        pump->remove_taps({hopping});
    });
    abandoned->abandon();
    device.join();
    pump->finish();
    REQUIRE(pump->wait_while(Pump::State::running, Clock::now() + patience));
    REQUIRE(pump->state() == Pump::State::ended && pump->failure().empty());
    const auto stats = pump->stats();
    REQUIRE(stats.samples == options.frames && stats.frames_captured == options.frames);
    REQUIRE(stats.frames_lost == 0 && stats.loss_count == 0 && stats.bad_samples == 0);
    REQUIRE(capture->frames_lost() == 0 && capture->frames_offered() == options.frames);

    for (std::size_t i = 0; i < taps.size(); ++i) {
        const auto& samples = readings[i]->samples();
        REQUIRE(samples.size() == options.frames && taps[i]->loss_count() == 0);
        for (std::size_t n = 0; n < samples.size(); ++n) REQUIRE(samples[n] == number(n));
        totals.samples += samples.size();
    }
    const auto file = recording.finish();
    REQUIRE(file.size() == 4 * options.frames);
    for (std::size_t n = 0; n < options.frames; ++n) REQUIRE(little_endian<float>(file, 4 * n) == number(n));
    // Paused it gets nothing, and in between all: in order, none twice.
    hop.join();
    const auto& some = hops.samples();
    REQUIRE(std::ranges::adjacent_find(some, std::greater_equal{}) == some.end());
    REQUIRE(some.size() == hopping->offered() && hopping->loss_count() == 0);
    totals.taps += taps.size() + 3;
    totals.files += 1;
    totals.streams += 1;
}

// --- Slow readers and a device that does not wait: each sample is in its place, or silence under a loss that says so.

void require_silence_where_losses_say(const std::vector<float>& samples, const Tap& tap) {
    REQUIRE(tap.loss_count() <= thoth::LossLog::most_kept);
    std::vector<bool> lost(samples.size());
    for (const auto& loss : tap.losses()) {
        REQUIRE(loss.sample + loss.silence <= samples.size());
        std::fill_n(lost.begin() + static_cast<std::ptrdiff_t>(loss.sample), loss.silence, true);
    }
    for (std::size_t n = 0; n < samples.size(); ++n) REQUIRE(samples[n] == (lost[n] ? 0.0F : number(n)));
}

void losing_round(unsigned seed, Totals& totals) {
    Random random(seed);
    const auto pump = Pump::create({.preroll_s = 0.0, .stall_s = 0.0});
    std::vector<std::shared_ptr<Tap>> taps;
    std::vector<std::unique_ptr<Reading>> readings;
    for (int i = 0; i < 3; ++i) {
        taps.push_back(add_tap(*pump, between_s(0.1, 1.0, random), 0.0));
        readings.push_back(std::make_unique<Reading>(taps.back(), random(), true));
    }
    const auto capture = std::make_shared<Capture>(16'000.0, one_of({1, 2, 4}, random), between_s(0.02, 0.2, random));
    const DeviceOptions options{.block_frames = between(16, 2000, random),
                                .speed = between_s(5.0, 100.0, random),
                                .faulty = true,
                                .frames = between(1, 100'000, random)};
    pump->attach(capture);
    Device device(capture, options, random());
    device.join();
    pump->stop();
    const auto stats = pump->stats();
    REQUIRE(stats.samples == options.frames);
    REQUIRE(stats.frames_captured + stats.frames_lost == options.frames);
    REQUIRE(stats.frames_lost == capture->frames_lost() && stats.xruns == device.xruns());
    for (std::size_t i = 0; i < taps.size(); ++i) {
        const auto& samples = readings[i]->samples();
        REQUIRE(samples.size() == options.frames && taps[i]->offered() == options.frames);
        require_silence_where_losses_say(samples, *taps[i]);
        totals.samples += samples.size();
    }
    totals.taps += taps.size();
    totals.streams += 1;
    totals.lost_frames += stats.frames_lost;
}

// --- The storm proper.

// Adds a tap, uses it in one way or another, removes it, and holds its account against the pump's clock.
void one_tap(Pump& pump, const std::filesystem::path& folder, Random& random, Totals& totals) {
    const double preroll_s = random() % 2 == 0 ? 0.0 : between_s(0.0, 0.5, random);
    const auto before_adding = pump.stats().samples;
    const std::uint64_t most = random() % 4 == 0 ? between(1, 8000, random) : Tap::endless;
    const auto tap = pump.add_taps(1, {between_s(0.05, 0.5, random), preroll_s, most}).front();
    const auto after_adding = pump.stats().samples;
    std::unique_ptr<Recording> recording;
    if (random() % 4 == 0) {
        recording = std::make_unique<Recording>(tap, folder / (std::to_string(random()) + ".wav"), random() % 2 == 0);
    }
    std::uint64_t got = 0;
    bool was_paused = false;
    std::vector<float> block(3000);
    const auto read = [&] { got += tap->read(std::span(block).first(between(1, block.size(), random))); };
    for (std::size_t turn = between(0, 30, random); turn > 0; --turn) {
        if (random() % 8 == 0) {
            was_paused = true;
            pump.set_paused({tap}, random() % 2 == 0);
        }
        if (recording || random() % 4 == 0) {
            pause_up_to(2ms, random);
        } else {
            static_cast<void>(tap->wait_until(between(1, 2000, random), Clock::now() + 2ms));
            read();
        }
        const auto kept = tap->losses().size();
        REQUIRE(kept <= tap->loss_count());
    }
    const auto before_removing = pump.stats().samples;
    pump.remove_taps({tap});
    const auto after_removing = pump.stats().samples;
    if (recording) {
        static_cast<void>(recording->finish());
        got = tap->offered();
    }
    while (!tap->ended()) read();
    REQUIRE(got == tap->offered());
    const auto past = static_cast<std::uint64_t>(std::ceil(preroll_s * 16'000.0));
    REQUIRE(tap->first_sample() <= after_adding && tap->first_sample() + past >= before_adding);
    const auto last = tap->first_sample() + got;
    REQUIRE(got <= most && last <= after_removing);
    REQUIRE(was_paused || got == most || last >= before_removing);
    for (const auto& loss : tap->losses()) {
        if (loss.cause == LossCause::reader) REQUIRE(loss.sample + loss.silence <= got && loss.frames == loss.silence);
    }
    totals.taps += 1;
    totals.samples += got;
}

// Whatever is asked for while all the rest goes on: counts never go back.
void watch(const Pump& pump, const std::atomic<bool>& over) {
    thoth::PumpStats before;
    while (!over.load(std::memory_order_acquire)) {
        const auto stats = pump.stats();
        REQUIRE(stats.samples >= before.samples && stats.frames_captured >= before.frames_captured);
        REQUIRE(stats.frames_lost >= before.frames_lost && stats.xruns >= before.xruns);
        REQUIRE(stats.loss_count >= before.loss_count && stats.losses.size() <= thoth::LossLog::most_kept);
        const auto level = pump.level();
        REQUIRE(level.rms_db <= level.peak_db + 0.001 && level.peak_db <= 20.0 && level.rms_db >= -120.0);
        static_cast<void>(pump.state());
        before = stats;
        std::this_thread::sleep_for(1ms);
    }
}

// What the streams of a round delivered, beside which the pump's own account is held.
struct Delivered {
    std::uint64_t frames = 0;
    std::uint64_t lost = 0;
    std::uint64_t xruns = 0;
    double samples = 0.0;
    std::uint64_t streams = 0;

    void add(const Capture& capture, const Device& device) {
        REQUIRE(capture.frames_offered() == device.frames());
        frames += device.frames();
        lost += capture.frames_lost();
        xruns += device.xruns();
        samples += static_cast<double>(device.frames()) * 16'000.0 / capture.rate_hz();
        ++streams;
    }
};

std::shared_ptr<Capture> some_capture(Random& random) {
    const double rate_hz = one_of({8'000.0, 11'025.0, 16'000.0, 22'050.0, 44'100.0, 48'000.0, 96'000.0}, random);
    return std::make_shared<Capture>(rate_hz, one_of({1, 2, 3, 4}, random), between_s(0.01, 0.5, random));
}

DeviceOptions some_device(const Capture& capture, Random& random) {
    const bool paced = random() % 4 != 0;
    return {.block_frames = between(1, 2048, random),
            .speed = paced ? between_s(1.0, 20.0, random) : 0.0,
            .waits = random() % 3 == 0,
            .faulty = random() % 2 == 0,
            // Without a pace it would offer billions.
            .frames = paced ? 0 : static_cast<std::uint64_t>(2.0 * capture.rate_hz())};
}

void require_agreement(const thoth::PumpStats& stats, const Delivered& delivered) {
    REQUIRE(stats.frames_captured + delivered.lost == delivered.frames);
    REQUIRE(stats.xruns == delivered.xruns);
    if (stats.loss_count > stats.losses.size()) return;  // the outages are not all there any more
    std::uint64_t outage_frames = 0;
    std::uint64_t outage_samples = 0;
    for (const auto& loss : stats.losses) {
        if (loss.cause != LossCause::outage) continue;
        outage_frames += loss.frames;
        outage_samples += loss.silence;
    }
    REQUIRE(stats.frames_lost == delivered.lost + outage_frames);
    // Each stream's length is right to one sample.
    const double error = static_cast<double>(stats.samples - outage_samples) - delivered.samples;
    REQUIRE(std::abs(error) <= static_cast<double>(delivered.streams));
}

// Ends the stream in one of the ways there are, readers and all in the middle of what they do.
void end_somehow(const std::shared_ptr<Pump>& pump, Random& random) {
    switch (random() % 3) {
        case 0: {
            const std::jthread other([&] { pump->stop(); });
            pump->stop();
            break;
        }
        case 1:
            pump->detach();
            pump->finish();
            break;
        default:
            pump->stop();
    }
    REQUIRE(pump->state() == Pump::State::ended);
}

void storm_round(unsigned seed, const std::filesystem::path& folder, Totals& totals) {
    Random random(seed);
    const auto pump = Pump::create({.preroll_s = between_s(0.0, 0.5, random), .stall_s = 0.0});
    const auto whole = add_tap(*pump, 1.0, 0.0);
    Reading reading(whole, random(), random() % 2 == 0);
    const auto recorded = add_tap(*pump, 0.5, 0.0);
    Recording recording(recorded, folder / "whole.wav", random() % 2 == 0);
    std::atomic<bool> over = false;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&, own = Random(random())]() mutable {
            while (!over.load(std::memory_order_acquire)) one_tap(*pump, folder, own, totals);
        });
    }
    threads.emplace_back([&] { watch(*pump, over); });

    Delivered delivered;
    const bool stops_mid_stream = random() % 3 == 0;
    for (std::size_t left = between(1, 5, random); left > 0; --left) {
        const auto capture = some_capture(random);
        pump->attach(capture);
        Device device(capture, some_device(*capture, random), random());
        pause_up_to(60ms, random);
        if (left == 1 && stops_mid_stream) {
            pump->stop();  // while the device still calls back
            device.stop();
        } else {
            device.stop();
            delivered.add(*capture, device);
            if (left > 1) pump->detach();
            pause_up_to(3ms, random);
        }
        ++totals.streams;
    }
    end_somehow(pump, random);
    const auto stats = pump->stats();
    if (!stops_mid_stream) require_agreement(stats, delivered);

    // One tap on an ended stream, too.
    one_tap(*pump, folder, random, totals);
    over.store(true, std::memory_order_release);
    threads.clear();
    REQUIRE(reading.samples().size() == stats.samples && whole->offered() == stats.samples);
    REQUIRE(recorded->offered() == stats.samples);
    static_cast<void>(recording.finish());
    REQUIRE(pump->stats().samples == stats.samples);
    totals.samples += stats.samples;
    totals.taps += 2;
    totals.files += 1;
    totals.lost_frames += delivered.lost;
}

// --- A device that falls silent, and one that comes back.

void stall_round(unsigned seed, Totals& totals) {
    Random random(seed);
    const bool reconnects = random() % 2 == 0;
    const auto pump = Pump::create({.preroll_s = 0.2, .stall_s = 0.02, .reconnects = reconnects});
    const auto tap = add_tap(*pump, 0.5, 0.0);
    Reading reading(tap, random(), false);
    for (int stream = 0; stream < 3; ++stream) {
        const auto capture = std::make_shared<Capture>(48'000.0, 2, 0.5);
        pump->attach(capture);
        REQUIRE(pump->state() != Pump::State::idle);
        Device device(capture, {.block_frames = 480, .speed = 1.0, .frames = 2'400}, random());
        device.join();
        REQUIRE(pump->wait_while(Pump::State::running, Clock::now() + patience));
        REQUIRE(pump->failure().find("no audio") != std::string::npos);
        ++totals.streams;
        if (!reconnects) {
            REQUIRE(pump->state() == Pump::State::ended);
            break;
        }
        REQUIRE(pump->state() == Pump::State::stalled);
        pump->detach();
    }
    pump->stop();
    const auto stats = pump->stats();
    REQUIRE(reading.samples().size() == stats.samples && tap->offered() == stats.samples);
    const std::uint64_t streams = reconnects ? 3 : 1;
    REQUIRE(stats.frames_captured == 2'400 * streams);
    REQUIRE(stats.loss_count == (reconnects ? streams : 0));  // the last outage was not over
    std::uint64_t silence = 0;
    for (const auto& loss : stats.losses) silence += loss.silence;
    const auto error = static_cast<std::int64_t>(stats.samples - silence) - static_cast<std::int64_t>(800 * streams);
    REQUIRE(std::abs(error) <= static_cast<std::int64_t>(streams));
    totals.taps += 1;
}

// Streams that last no time at all, and pumps that are dropped in the middle of everything.
void brief_round(unsigned seed, Totals& totals) {
    Random random(seed);
    for (int i = 0; i < 10; ++i) {
        auto pump = Pump::create({.preroll_s = 0.1, .stall_s = 0.0});
        const auto tap = add_tap(*pump, 0.1, 0.0);
        Reading reading(tap, random(), false);
        const auto capture = some_capture(random);
        pump->attach(capture);
        Device device(capture, some_device(*capture, random), random());
        if (random() % 2 == 0) pause_up_to(5ms, random);
        if (random() % 2 == 0) device.stop();
        if (random() % 2 == 0) pump->stop();
        pump.reset();
        REQUIRE(reading.samples().size() == tap->offered());
        ++totals.streams;
        ++totals.taps;
    }
}

// --- What storms may never hit.

// Nothing else would end it, and its readers wait for that.
void a_stream_that_is_finishing_ends_when_it_is_detached() {
    const auto pump = Pump::create({.preroll_s = 0.0, .stall_s = 0.0, .lossless = true});
    const std::vector<float> samples(100, 0.5F);
    const auto capture = std::make_shared<Capture>(16'000.0, 1, 0.1);
    pump->attach(capture);
    Capture::callback(samples.data(), nullptr, samples.size(), nullptr, 0, capture.get());
    pump->finish();  // nobody reads: it waits
    REQUIRE(pump->state() == Pump::State::running);
    pump->detach();
    REQUIRE(pump->state() == Pump::State::ended);
}

// A reader that waits for as much as its tap can hold, while nothing more fits in.
void a_reader_waits_for_no_more_than_there_can_be() {
    Tap tap(160);
    std::vector<float> samples(160, 0.5F);
    tap.write(std::span(samples).first(100));
    tap.write(std::span(samples).first(100));  // 60 fit
    REQUIRE(tap.read(std::span(samples).first(50)) == 50);
    tap.write(std::span(samples).first(100));  // does not fit into 50
    REQUIRE(tap.wait_until(160, Clock::now() + 1ms));
}

// The pump hands on some 1000 samples at a time: a tap for fewer loses some, not all.
void a_tap_smaller_than_a_piece_gets_what_fits() {
    Tap tap(100);
    const std::vector<float> samples(1024, 0.5F);
    std::vector<float> to(2000);
    std::uint64_t heard = 0;
    for (int i = 0; i < 5; ++i) {
        tap.write(samples);
        const auto got = tap.read(to);
        heard += static_cast<std::uint64_t>(std::ranges::count(std::span(to).first(got), 0.5F));
    }
    REQUIRE(heard == 5 * 100);
}

#ifdef __linux__
std::size_t threads_now() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}
#endif

// A thread that was joined may still be on its way out of the kernel's list.
void require_threads(std::size_t expected) {
#ifdef __linux__
    const auto deadline = Clock::now() + patience;
    while (threads_now() > expected && Clock::now() < deadline) std::this_thread::sleep_for(1ms);
    REQUIRE(threads_now() <= expected);
#else
    static_cast<void>(expected);
#endif
}

std::size_t threads_at_first() {
    std::thread([] {}).join();  // a sanitizer's own thread begins with the first of ours
#ifdef __linux__
    std::this_thread::sleep_for(10ms);
    return threads_now();
#else
    return 0;
#endif
}

// One round after another until the time is over, with every second seed.
void storm(Clock::time_point end, unsigned seed, const std::filesystem::path& folder, Totals& totals) {
    std::filesystem::create_directory(folder);
    for (; Clock::now() < end || totals.rounds < 5; ++totals.rounds, seed += 2) {
        std::fprintf(stderr, "seed %u\n", seed);
        switch (totals.rounds % 5) {
            case 0:
                lossless_round(seed, folder, totals);
                break;
            case 1:
                losing_round(seed, totals);
                break;
            case 2:
                stall_round(seed, totals);
                break;
            case 3:
                brief_round(seed, totals);
                break;
            default:
                storm_round(seed, folder, totals);
        }
    }
    REQUIRE(std::filesystem::remove(folder));  // it is empty
    std::printf("%llu rounds: %llu streams, %llu taps, %llu samples read, %llu frames lost, %llu whole files\n",
                static_cast<unsigned long long>(totals.rounds), static_cast<unsigned long long>(totals.streams),
                static_cast<unsigned long long>(totals.taps), static_cast<unsigned long long>(totals.samples),
                static_cast<unsigned long long>(totals.lost_frames), static_cast<unsigned long long>(totals.files));
}

// Two at once: nothing is shared between two streams, and each is held up by the other.
void two_storms(std::chrono::duration<double> time, unsigned seed, const std::filesystem::path& folder) {
    const std::size_t threads = threads_at_first();
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
    {
        Totals totals[2];
        std::jthread other([&] { storm(end, seed + 1, folder / "other", totals[1]); });
        storm(end, seed, folder / "one", totals[0]);
        other.join();
    }
    require_threads(threads);
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 10.0;
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
    a_stream_that_is_finishing_ends_when_it_is_detached();
    a_reader_waits_for_no_more_than_there_can_be();
    a_tap_smaller_than_a_piece_gets_what_fits();
    const auto stamp = std::to_string(Clock::now().time_since_epoch().count());
    const auto folder = std::filesystem::temp_directory_path() / ("thoth-stress-pump-" + stamp);
    std::filesystem::create_directory(folder);
    two_storms(std::chrono::duration<double>(seconds), seed, folder);
    REQUIRE(std::filesystem::remove(folder));
}
