#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace thoth {

enum class WavEncoding { pcm16, float32 };

// "pcm16" or "float32"; throws InvalidOption for any other name.
[[nodiscard]] WavEncoding wav_encoding_named(std::string_view name);

struct WavFormat {
    std::int64_t rate_hz;  // 1 to 768000
    int channels = 1;      // 1 to 32
    WavEncoding encoding = WavEncoding::pcm16;
};

[[nodiscard]] std::size_t sample_bytes(const WavFormat& format) noexcept;
// An even number, so a data chunk of whole frames never needs the pad byte.
[[nodiscard]] std::size_t frame_bytes(const WavFormat& format) noexcept;

// All that comes before the samples. Its size depends on the format alone and lies within one disk sector, so
// that it can be renewed in place by one write.
class WavHeader {
public:
    // RIFF while the whole, as RIFF counts it (less 8 bytes), is no larger than `riff_limit_bytes`; beyond that
    // RF64 (EBU Tech 3306 v1.1), whose ds64 chunk takes the place of a JUNK chunk of the same size. One or two
    // channels have the plain fmt chunk, more have WAVE_FORMAT_EXTENSIBLE with no speaker positions, as
    // Microsoft's "Multiple channel audio data and WAVE files" asks for.
    WavHeader(const WavFormat& format, std::uint64_t frames, std::uint64_t riff_limit_bytes) noexcept;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }

private:
    void put_name(std::string_view name) noexcept;
    void put(std::uint64_t value, std::size_t bytes) noexcept;
    void put_ds64(bool large, std::uint64_t riff_bytes, std::uint64_t data_bytes, std::uint64_t frames) noexcept;
    void put_fmt(const WavFormat& format) noexcept;

    std::array<std::byte, 128> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace thoth
