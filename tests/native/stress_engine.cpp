// Callers on one engine, live and batch, one window at a time or two side by side, while runs give way to others,
// are cancelled, time out and fail at random: every text that comes back must be the right one, and never two turns may
// be inside. And an engine that is closed while all of them use it.
//
// usage: stress_engine MODEL AUDIO_FOLDER SECONDS CALLERS
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "engine/log.hpp"
#include "errors.hpp"
#include "require.hpp"

using namespace std::chrono_literals;

namespace {

struct Injected : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Recording {
    std::vector<float> samples;
    std::string text;
};

// The recordings are 16 kHz mono 16-bit WAV with a plain 44-byte header: no decoder needed.
std::vector<float> read_wav(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    REQUIRE(bytes.size() > 44 && std::memcmp(bytes.data(), "RIFF", 4) == 0);
    std::vector<float> samples((bytes.size() - 44) / 2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        std::int16_t value;
        std::memcpy(&value, bytes.data() + 44 + 2 * i, 2);
        samples[i] = static_cast<float>(value) / 32768.0F;
    }
    return samples;
}

std::string text_of(const thoth::WindowResult& result) {
    std::string text;
    for (const auto& segment : result.segments) text += segment.text;
    return text;
}

struct Counts {
    std::atomic<int> right{0};
    std::atomic<int> pairs{0};
    std::atomic<int> halves{0};  // pairs of which only the first came to its end
    std::atomic<int> gave_way{0};
    std::atomic<int> pairs_gave_way{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> busy{0};
    std::atomic<int> injected{0};
};

void check(const thoth::WindowResult& result, const Recording& recording, const thoth::RunControl& control) {
    REQUIRE(text_of(result) == recording.text);
    REQUIRE(result.preemptions <= thoth::Gate::most_overtakes);
    REQUIRE(result.preemptions == 0 || control.priority == thoth::Priority::batch);
}

void run_one(thoth::Engine& engine, const Recording& recording, const thoth::DecodeOptions& options,
             const thoth::RunControl& control, Counts& counts) {
    const auto result = engine.transcribe(recording.samples, options, control);
    check(result, recording, control);
    ++counts.right;
    counts.gave_way += result.preemptions;
}

// What came to its end is there, in order, whatever became of the rest.
void run_pair(thoth::Engine& engine, const std::array<const Recording*, 2>& recordings,
              const thoth::DecodeOptions& options, const thoth::RunControl& control, Counts& counts) {
    const auto pair =
        engine.transcribe_pair({recordings[0]->samples, options}, {recordings[1]->samples, options}, control);
    for (std::size_t i = 0; i < pair.windows.size(); ++i) check(pair.windows[i], *recordings[i], control);
    REQUIRE((pair.windows.size() == 2) || pair.failure);
    counts.halves += pair.windows.size() == 1;
    if (pair.failure) std::rethrow_exception(pair.failure);
    ++counts.pairs;
    counts.pairs_gave_way += pair.windows[0].preemptions;
}

// A window and a pair that a live request finds in mid-run give way to it, at whatever pace the machine runs: chance
// alone need not show it where a pass takes seconds.
void gives_way_to_live(thoth::Engine& engine, const std::vector<Recording>& recordings, Counts& counts) {
    std::atomic<bool> inside{false};
    const auto waits_for_live = [&] {
        if (inside.exchange(true)) return;
        while (engine.gate_stats().of(thoth::Priority::live).waiting == 0) std::this_thread::sleep_for(1ms);
    };
    const auto beside_live = [&](const auto& run) {
        inside = false;
        const std::jthread live([&] {
            while (!inside) std::this_thread::sleep_for(1ms);
            const thoth::RunControl first{.patience = {}, .interrupt = {}, .priority = thoth::Priority::live};
            run_one(engine, recordings[0], {}, first, counts);
        });
        run(thoth::RunControl{.patience = {}, .interrupt = waits_for_live, .priority = thoth::Priority::batch});
    };
    beside_live([&](const auto& control) { run_one(engine, recordings[1], {}, control, counts); });
    beside_live([&](const auto& control) { run_pair(engine, {&recordings[1], &recordings[2]}, {}, control, counts); });
    REQUIRE(counts.gave_way == 1 && counts.pairs_gave_way == 1);
}

thoth::RunControl random_control(std::mt19937& random, std::stop_source& stop, int& passes) {
    thoth::RunControl control;
    // Live requests without a break would leave batch one turn in nine.
    control.priority = random() % 4 == 0 ? thoth::Priority::live : thoth::Priority::batch;
    control.patience.stop = stop.get_token();
    switch (random() % 6) {
        case 0:
            control.patience.timeout = std::chrono::milliseconds(random() % 50);
            break;
        case 1: {
            const int last = static_cast<int>(random() % 4);
            control.interrupt = [&passes, last] {
                if (passes++ == last) throw Injected("injected");
            };
            break;
        }
        case 2: {
            const int last = static_cast<int>(random() % 4);
            control.interrupt = [&passes, &stop, last] {
                if (passes++ == last) stop.request_stop();
            };
            break;
        }
        default:
            break;
    }
    return control;
}

void hammer(thoth::Engine& engine, const std::vector<Recording>& recordings, unsigned seed,
            std::chrono::steady_clock::time_point end, Counts& counts) {
    std::mt19937 random(seed);
    thoth::DecodeOptions options;
    while (std::chrono::steady_clock::now() < end) {
        const auto& recording = recordings[random() % recordings.size()];
        options.token_timestamps = random() % 2 == 0;
        // With two threads the candidates of a beam are filtered at once. Seldom: they spin, and eight callers share
        // what cores there are.
        options.beam_size = random() % 4 == 0 ? 2 + static_cast<int>(random() % 3) : 1;
        options.threads = options.beam_size > 1 && random() % 4 == 0 ? 2 : 1;
        std::stop_source stop;
        int passes = 0;
        const auto control = random_control(random, stop, passes);
        try {
            if (random() % 4 == 0) {
                const auto& beside = recordings[random() % recordings.size()];
                options.threads = 1;  // as where two windows share two cores
                run_pair(engine, {&recording, &beside}, options, control, counts);
            } else {
                run_one(engine, recording, options, control, counts);
            }
        } catch (const thoth::Cancelled&) {
            ++counts.cancelled;
        } catch (const thoth::ModelBusy&) {
            ++counts.busy;
        } catch (const Injected&) {
            ++counts.injected;
        }
        REQUIRE(!engine.tokenize(recording.text, {.priority = thoth::Priority::live}).empty());
    }
}

// As the built-in model is used; under a sanitizer, products of q8_0 take many times as long.
constexpr auto weights = thoth::Engine::Weights::as_they_are;

// Some wait, one runs and one has given way when the model goes: each gets its text or is told.
void close_while_in_use(const char* model, const std::vector<Recording>& recordings) {
    thoth::Engine engine(model, {}, weights);
    std::atomic<int> done{0};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            const auto& recording = recordings[i % recordings.size()];
            const thoth::RunControl control{
                .patience = {}, .interrupt = {}, .priority = i == 0 ? thoth::Priority::live : thoth::Priority::batch};
            try {
                for (Counts counts;;) {
                    run_one(engine, recording, {}, control, counts);
                    ++done;
                    if (control.priority == thoth::Priority::batch) {
                        run_pair(engine, {&recording, &recording}, {}, control, counts);
                    }
                }
            } catch (const thoth::ModelError&) {
                REQUIRE(engine.closed());
            }
        });
    }
    while (done < 3) std::this_thread::sleep_for(10ms);
    engine.close();
    threads.clear();
    REQUIRE(engine.most_inside() == 1);
}

}  // namespace

int main(int argc, char** argv) {
    REQUIRE(argc == 5);
    const std::string folder = argv[2];
    const std::vector<Recording> recordings{
        {read_wav(folder + "/digits_01_1.wav"), " six"},
        {read_wav(folder + "/digits_02_2.wav"), " eight three"},
        {read_wav(folder + "/tts_00.wav"), " nine"},
    };
    Counts counts;
    thoth::Engine engine(argv[1], {}, weights);
    run_pair(engine, {&recordings[1], &recordings[2]}, {}, {}, counts);  // undisturbed, however few there will be
    gives_way_to_live(engine, recordings, counts);
    {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::stoi(argv[3]));
        const auto n_threads = static_cast<unsigned>(std::stoi(argv[4]));
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < n_threads; ++i) {
            threads.emplace_back([&, i] { hammer(engine, recordings, i, end, counts); });
        }
        while (std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(20ms);
            static_cast<void>(thoth::drain_log());
        }
    }
    std::printf("%d right, %d times given way; %d pairs, %d halves, %d times given way; ", counts.right.load(),
                counts.gave_way.load(), counts.pairs.load(), counts.halves.load(), counts.pairs_gave_way.load());
    std::printf("%d cancelled, %d busy, %d failed by injection\n", counts.cancelled.load(), counts.busy.load(),
                counts.injected.load());
    std::fflush(stdout);  // a failed check ends the program at once
    REQUIRE(engine.most_inside() == 1);
    REQUIRE(!engine.gate_stats().holder && engine.gate_stats().waiting() == 0);
    REQUIRE(counts.right + counts.pairs > 1);
    REQUIRE(counts.gave_way + counts.pairs_gave_way > 0);
    REQUIRE(engine.pairs() >= static_cast<std::uint64_t>(counts.pairs));
    engine.close();
    bool refused = false;
    try {
        static_cast<void>(engine.transcribe(recordings[0].samples, {}));
    } catch (const thoth::ModelError&) {
        refused = true;
    }
    REQUIRE(refused);
    close_while_in_use(argv[1], recordings);
}
