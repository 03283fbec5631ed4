#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "audio/output_file.hpp"
#include "audio/wav_header.hpp"

namespace thoth {

struct WavOptions {
    // The largest size a plain RIFF header may give, just below the 0xFFFFFFFF that stands for "see ds64".
    static constexpr std::uint64_t riff_limit_bytes_default = 0xFFFF'FFFE;

    bool overwrite = false;
    std::uint64_t riff_limit_bytes = riff_limit_bytes_default;  // smaller ones are for tests
};

// Writes float samples to a WAV file that is whole at every moment, however the process ends.
//
// From the constructor's return on the file has a valid header, whose sizes never claim a byte that is not
// written yet: samples go first, then the header, in one write within the first sector. The sizes are renewed
// every half second of wall time, by the write that is due, and by flush() and close(). So a process killed
// while it writes at the pace of the audio loses at most half a second, one block and the time of one sync of
// the disk, together: within the last second for blocks of 100 ms and a disk that syncs in 400.
//
// On the disk: samples are synced (fdatasync or the system's equal) before each header that claims them, and
// the header by the next sync, so a power cut costs one renewal more; after flush() or close() all is synced.
// The name in the folder is left to the file system.
//
// Past 4 GiB the header becomes RF64 (EBU Tech 3306) in place: its ds64 chunk has waited as a JUNK chunk of the
// same size.
//
// pcm16: x * 32768, rounded to nearest, ties to even, clipped to [-32768, 32767]; 16-bit audio scaled by 32768
// comes back exactly. No dither: it would end that, and the rounding noise, 98 dB below full scale, is already
// under the noise of any microphone. float32: written as it is, beyond +-1 too. In both, NaN becomes 0 and is
// counted, and an infinity becomes +-1, for one such sample would spoil whatever filters the file later.
//
// When something fails (disk full, file removed, I/O error), AudioError names the path, what was kept and what to do;
// the file is closed with a header that fits what was kept. Later writes throw, close() does nothing.
//
// Threads: one at a time; a second call at once throws AudioError and touches nothing. The getters, from any.
class WavWriter {
public:
    // Creates `path`. Throws InvalidOption for a format out of range, AudioError when the file exists (unless
    // overwriting was asked for) or cannot be created or written. A file whose very header cannot be written is
    // removed, also one that was there before and had to be emptied.
    explicit WavWriter(std::filesystem::path path, WavFormat format, WavOptions options = {});
    // As close(), but failing in silence.
    ~WavWriter();
    WavWriter(const WavWriter&) = delete;
    WavWriter& operator=(const WavWriter&) = delete;

    // Takes whole frames of interleaved samples. Throws AudioError, also after close().
    void write(std::span<const float> samples);

    // On return all that was written is on the disk, under a header that claims it. Throws as write() does.
    void flush();

    // Flushes and closes. May be called again, and after an error, and then does nothing. Throws AudioError.
    void close();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const WavFormat& format() const noexcept { return format_; }
    // Frames taken; after an error, those that the file was left with.
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t nan_samples() const noexcept { return nan_samples_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

private:
    using Clock = std::chrono::steady_clock;

    void require_open() const;
    void append(std::span<const float> samples);
    void drain();
    void renew_header();
    void store();
    [[nodiscard]] int write_header() noexcept;
    void keep_written() noexcept;
    [[noreturn]] void end(int error);
    [[noreturn]] void end(const std::string& why);

    std::filesystem::path path_;
    WavFormat format_;
    std::uint64_t riff_limit_bytes_;
    std::size_t header_bytes_;
    std::vector<std::byte> buffer_;  // samples on their way: whole frames, of a bounded number
    std::size_t buffered_bytes_ = 0;
    OutputFile file_;
    std::uint64_t written_bytes_ = 0;   // of samples, in the file
    std::uint64_t claimed_frames_ = 0;  // by the header in the file
    Clock::time_point renewed_;
    std::string failure_;
    std::atomic<std::uint64_t> frames_ = 0;
    std::atomic<std::uint64_t> nan_samples_ = 0;
    std::atomic<bool> closed_ = false;
    std::atomic<bool> in_use_ = false;
};

}  // namespace thoth
