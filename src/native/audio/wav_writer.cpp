#include "audio/wav_writer.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <sstream>
#include <system_error>
#include <utility>

#include "audio/in_use.hpp"
#include "audio/limits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

static_assert(std::endian::native == std::endian::little, "WAV is little-endian: swap the samples' bytes here");

// A third of a second of 48 kHz stereo float32: few system calls, little to lose.
constexpr std::size_t buffer_bytes = 128 * 1024;

// Half of the second that a killed process may lose: the next write, up to a block later, does the renewal.
constexpr auto renewal_interval = std::chrono::milliseconds(500);

constexpr float full_scale_pcm16 = 32'768.0F;

WavFormat checked(const WavFormat& format) {
    if (format.rate_hz < 1 || static_cast<double>(format.rate_hz) > max_rate_hz) {
        throw InvalidOption("rate_hz takes a sample rate of 1 to 768000 Hz, not " + std::to_string(format.rate_hz));
    }
    static_cast<void>(checked_channels(format.channels));
    return format;
}

std::int16_t as_pcm16(float sample) noexcept {
    const float scaled = sample * full_scale_pcm16;
    return static_cast<std::int16_t>(std::lrint(std::clamp(scaled, -full_scale_pcm16, full_scale_pcm16 - 1)));
}

float without_infinity(float sample) noexcept { return std::isinf(sample) ? std::copysign(1.0F, sample) : sample; }

std::string reason(int error) {
    switch (error) {
        case ENOSPC:
#ifdef EDQUOT
        case EDQUOT:
#endif
            return "the disk is full: free some space or record to another disk";
        case EFBIG:
            return "the file is as large as this disk or account allows: go on in a new file";
        default:
            return "the file cannot be written (" + std::generic_category().message(error) +
                   "): check the disk and record to another";
    }
}

}  // namespace

WavWriter::WavWriter(std::filesystem::path path, WavFormat format, WavOptions options)
    : path_(std::move(path)),
      format_(checked(format)),
      riff_limit_bytes_(options.riff_limit_bytes),
      header_bytes_(WavHeader(format_, 0, riff_limit_bytes_).bytes().size()),
      buffer_(buffer_bytes - buffer_bytes % frame_bytes(format_)),
      file_(path_, options.overwrite),
      renewed_(Clock::now()) {
    if (const int error = write_header(); error != 0) {
        file_.close();
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);  // an empty file is no recording
        throw AudioError(shown(path_) + ": " + reason(error));
    }
}

WavWriter::~WavWriter() {
    try {
        close();
    } catch (const Error&) {  // the file is in order all the same, and nobody is left to tell
    }
}

void WavWriter::write(std::span<const float> samples) {
    const InUse in_use(in_use_, "WavWriter");
    require_open();
    const auto channels = static_cast<std::size_t>(format_.channels);
    if (samples.size() % channels != 0) {
        throw AudioError(std::to_string(samples.size()) + " interleaved samples are no whole number of frames of " +
                         std::to_string(channels) + " channels");
    }
    while (!samples.empty()) {
        const std::size_t room = (buffer_.size() - buffered_bytes_) / sample_bytes(format_);
        const auto piece = samples.first(std::min(room, samples.size()));
        append(piece);
        frames_.fetch_add(piece.size() / channels, std::memory_order_relaxed);
        samples = samples.subspan(piece.size());
        if (Clock::now() - renewed_ >= renewal_interval) {
            renew_header();
        } else if (buffered_bytes_ == buffer_.size()) {
            drain();
        }
    }
}

void WavWriter::flush() {
    const InUse in_use(in_use_, "WavWriter");
    require_open();
    store();
}

void WavWriter::close() {
    const InUse in_use(in_use_, "WavWriter");
    if (closed()) {
        return;
    }
    store();
    if (const int error = file_.close(); error != 0) {
        end(error);
    }
    closed_ = true;
}

void WavWriter::require_open() const {
    if (closed()) {
        throw AudioError(failure_.empty() ? shown(path_) + ": this recording was closed: start a new one" : failure_);
    }
}

void WavWriter::append(std::span<const float> samples) {
    std::uint64_t nans = 0;
    std::byte* out = buffer_.data() + buffered_bytes_;
    const auto each = [&](auto convert) {
        for (const float sample : samples) {
            const bool nan = std::isnan(sample);
            nans += nan ? 1 : 0;
            const auto value = convert(nan ? 0.0F : sample);
            std::memcpy(out, &value, sizeof value);
            out += sizeof value;
        }
    };
    if (format_.encoding == WavEncoding::pcm16) {
        each(as_pcm16);
    } else {
        each(without_infinity);
    }
    buffered_bytes_ += samples.size() * sample_bytes(format_);
    nan_samples_.fetch_add(nans, std::memory_order_relaxed);
}

void WavWriter::drain() {
    const auto [bytes, error] =
        file_.write_at(header_bytes_ + written_bytes_, std::span(buffer_).first(std::exchange(buffered_bytes_, 0)));
    written_bytes_ += bytes;
    if (error != 0) {
        keep_written();
        end(error);
    }
}

// Samples first, and synced, so that no header on the disk claims what is not there.
void WavWriter::renew_header() {
    renewed_ = Clock::now();  // before the sync: the time that a slow disk takes counts too
    drain();
    if (const int error = file_.sync(); error != 0) {
        end(error);
    }
    if (const int error = write_header(); error != 0) {
        end(error);
    }
    if (file_.removed()) {
        end("the file was removed while it was written to: record again, to a folder that stays");
    }
}

void WavWriter::store() {
    renew_header();
    if (const int error = file_.sync(); error != 0) {
        end(error);
    }
}

int WavWriter::write_header() noexcept {
    const std::uint64_t frames = written_bytes_ / frame_bytes(format_);
    const int error = file_.write_at(0, WavHeader(format_, frames, riff_limit_bytes_).bytes()).error;
    if (error == 0) {
        claimed_frames_ = frames;
    }
    return error;
}

// After a write that failed half way: claim the frames that were written whole and cut off what is left of
// another. Where even that fails, the header before still stands, and claims less.
void WavWriter::keep_written() noexcept {
    if (write_header() == 0) {
        static_cast<void>(file_.truncate(header_bytes_ + claimed_frames_ * frame_bytes(format_)));
    }
    static_cast<void>(file_.sync());
}

void WavWriter::end(int error) { end(reason(error)); }

void WavWriter::end(const std::string& why) {
    file_.close();
    frames_ = claimed_frames_;
    std::ostringstream message;
    message << shown(path_) << ": " << why << ". The recording ends after "
            << static_cast<double>(claimed_frames_) / static_cast<double>(format_.rate_hz) << " s (" << claimed_frames_
            << " frames)";
    failure_ = message.str();
    closed_ = true;
    throw AudioError(failure_);
}

}  // namespace thoth
