#include "audio/recorder.hpp"

#include <array>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "errors.hpp"

namespace thoth {
namespace {

constexpr int sample_rate_hz = 16'000;
constexpr std::size_t block_samples = 1600;  // written ten times a second
constexpr std::chrono::milliseconds idle_before_flush{500};
constexpr std::chrono::seconds patience_at_end{1};

}  // namespace

struct Recorder::Work {
    Work(std::shared_ptr<Tap> from, std::filesystem::path path, WavEncoding encoding, bool overwrite)
        : tap(std::move(from)), writer(std::move(path), {sample_rate_hz, 1, encoding}, {.overwrite = overwrite}) {}

    void run() {
        std::string why;
        try {
            copy();
            writer.close();
        } catch (const std::exception& error) {
            why = error.what();
            tap->abandon();
        }
        const std::lock_guard lock(mutex);
        failure = std::move(why);
        finished = true;
        done.notify_all();
    }

    void copy() {
        std::array<float, block_samples> block;
        bool flushed = true;
        const InUse turn = tap->claim();
        while (!tap->ended() && !tap->abandoned()) {
            const bool came = tap->wait_until(block.size(), Clock::now() + idle_before_flush);
            if (const std::size_t samples = tap->read(block); samples > 0) {
                writer.write(std::span(block).first(samples));
                flushed = false;
            } else if (!came && !std::exchange(flushed, true)) {
                writer.flush();
            }
        }
        while (const std::size_t samples = tap->read(block)) writer.write(std::span(block).first(samples));
    }

    const std::shared_ptr<Tap> tap;
    WavWriter writer;
    std::mutex mutex;
    std::condition_variable done;
    std::string failure;
    bool finished = false;
};

std::shared_ptr<Recorder> Recorder::create(std::shared_ptr<Tap> tap, std::filesystem::path path, WavEncoding encoding,
                                           bool overwrite) {
    auto work = std::make_shared<Work>(std::move(tap), std::move(path), encoding, overwrite);
    return {new Recorder(std::move(work)), [](Recorder* recorder) {
                if (recorder->process_.here()) delete recorder;  // elsewhere the copy is left alone
            }};
}

Recorder::Recorder(std::shared_ptr<Work> work) : work_(std::move(work)), thread_([work = work_] { work->run(); }) {}

Recorder::~Recorder() {
    work_->tap->abandon();
    if (wait_until(Clock::now() + patience_at_end)) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

bool Recorder::wait_until(Clock::time_point deadline) const {
    require_own_process();
    std::unique_lock lock(work_->mutex);
    return work_->done.wait_until(lock, deadline, [&] { return work_->finished; });
}

bool Recorder::finished() const {
    require_own_process();
    const std::lock_guard lock(work_->mutex);
    return work_->finished;
}

std::string Recorder::failure() const {
    require_own_process();
    const std::lock_guard lock(work_->mutex);
    return work_->failure;
}

std::uint64_t Recorder::frames() const {
    require_own_process();
    return work_->writer.frames();
}

void Recorder::require_own_process() const {
    if (!process_.here()) {
        throw AudioError("this recording was begun before fork(): it goes on in the process that began it");
    }
}

}  // namespace thoth
