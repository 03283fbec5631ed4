#include "audio/wav_header.hpp"

#include <string>

#include "errors.hpp"

namespace thoth {
namespace {

constexpr std::uint64_t tag_pcm = 1;
constexpr std::uint64_t tag_float = 3;
constexpr std::uint64_t tag_extensible = 0xFFFE;
constexpr std::uint64_t in_ds64 = 0xFFFF'FFFF;

constexpr std::size_t chunk_head_bytes = 8;
constexpr std::size_t riff_head_bytes = 12;
constexpr std::size_t ds64_bytes = 28;
constexpr std::size_t fact_bytes = 4;

bool is_extensible(const WavFormat& format) noexcept { return format.channels > 2; }
bool is_float(const WavFormat& format) noexcept { return format.encoding == WavEncoding::float32; }

std::size_t fmt_bytes(const WavFormat& format) noexcept {
    if (is_extensible(format)) {
        return 40;
    }
    return is_float(format) ? 18 : 16;  // all but PCM carry the size of an extension, here 0
}

std::size_t header_bytes(const WavFormat& format) noexcept {
    const std::size_t fact = is_float(format) ? chunk_head_bytes + fact_bytes : 0;
    return riff_head_bytes + chunk_head_bytes + ds64_bytes + chunk_head_bytes + fmt_bytes(format) + fact +
           chunk_head_bytes;
}

}  // namespace

WavEncoding wav_encoding_named(std::string_view name) {
    if (name == "pcm16") {
        return WavEncoding::pcm16;
    }
    if (name == "float32") {
        return WavEncoding::float32;
    }
    throw InvalidOption("encoding takes pcm16 or float32, not '" + std::string(name) + "'");
}

std::size_t sample_bytes(const WavFormat& format) noexcept { return is_float(format) ? 4 : 2; }

std::size_t frame_bytes(const WavFormat& format) noexcept {
    return sample_bytes(format) * static_cast<std::size_t>(format.channels);
}

WavHeader::WavHeader(const WavFormat& format, std::uint64_t frames, std::uint64_t riff_limit_bytes) noexcept {
    const std::uint64_t data_bytes = frames * frame_bytes(format);
    const std::uint64_t riff_bytes = header_bytes(format) - chunk_head_bytes + data_bytes;
    const bool large = riff_bytes > riff_limit_bytes;

    put_name(large ? "RF64" : "RIFF");
    put(large ? in_ds64 : riff_bytes, 4);
    put_name("WAVE");
    put_ds64(large, riff_bytes, data_bytes, frames);
    put_fmt(format);
    if (is_float(format)) {
        put_name("fact");
        put(fact_bytes, 4);
        put(large ? in_ds64 : frames, 4);
    }
    put_name("data");
    put(large ? in_ds64 : data_bytes, 4);
}

void WavHeader::put_ds64(bool large, std::uint64_t riff_bytes, std::uint64_t data_bytes,
                         std::uint64_t frames) noexcept {
    put_name(large ? "ds64" : "JUNK");
    put(ds64_bytes, 4);
    put(large ? riff_bytes : 0, 8);
    put(large ? data_bytes : 0, 8);
    put(large ? frames : 0, 8);
    put(0, 4);  // no table of further large chunks
}

void WavHeader::put_fmt(const WavFormat& format) noexcept {
    const std::uint64_t tag = is_float(format) ? tag_float : tag_pcm;
    const std::uint64_t sample_bits = 8 * sample_bytes(format);
    const auto rate_hz = static_cast<std::uint64_t>(format.rate_hz);
    put_name("fmt ");
    put(fmt_bytes(format), 4);
    put(is_extensible(format) ? tag_extensible : tag, 2);
    put(static_cast<std::uint64_t>(format.channels), 2);
    put(rate_hz, 4);
    put(rate_hz * frame_bytes(format), 4);
    put(frame_bytes(format), 2);
    put(sample_bits, 2);
    if (is_extensible(format)) {
        put(22, 2);           // bytes that follow
        put(sample_bits, 2);  // all of them valid
        put(0, 4);            // no speaker positions
        put(tag, 4);          // {0000tag-0000-0010-8000-00AA00389B71}
        put(0x0010'0000, 4);
        put(0x719B'3800'AA00'0080, 8);
    } else if (is_float(format)) {
        put(0, 2);
    }
}

void WavHeader::put_name(std::string_view name) noexcept {
    for (const char letter : name) {
        bytes_[size_++] = static_cast<std::byte>(letter);
    }
}

void WavHeader::put(std::uint64_t value, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes; ++i) {
        bytes_[size_++] = static_cast<std::byte>(value >> (8 * i));
    }
}

}  // namespace thoth
