#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "audio/own_process.hpp"
#include "audio/tap.hpp"
#include "audio/wav_writer.hpp"

namespace thoth {

// Writes what a tap gives into a WAV file, on a thread of its own: a disk that stalls holds up neither the microphone
// nor any other reader. The tap's capacity is how long it may stall.
//
// The file ends when the tap does, or at the first error, after which the tap is abandoned. Between
// utterances (a pause, a slow source) it is flushed once it has been idle for half a second.
//
// Threads: any may call anything; in a child made by fork() it throws AudioError. The thread owns what it uses: one
// that hangs in a dead disk is left behind.
class Recorder {
public:
    using Clock = std::chrono::steady_clock;

    // Creates the file (16 kHz mono). Throws as WavWriter's constructor.
    [[nodiscard]] static std::shared_ptr<Recorder> create(std::shared_ptr<Tap> tap, std::filesystem::path path,
                                                          WavEncoding encoding, bool overwrite);
    // Finishes the file with what the tap holds, and waits for that at most a second.
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    // True when the file is finished, false at the deadline.
    [[nodiscard]] bool wait_until(Clock::time_point deadline) const;
    [[nodiscard]] bool finished() const;
    // Why the recording ended early, in words that name the file and what it holds; empty if it did not.
    [[nodiscard]] std::string failure() const;
    // In the file, or on the way to it.
    [[nodiscard]] std::uint64_t frames() const;

private:
    struct Work;

    explicit Recorder(std::shared_ptr<Work> work);
    void require_own_process() const;

    const OwnProcess process_;
    std::shared_ptr<Work> work_;
    std::thread thread_;
};

}  // namespace thoth
