#include "engine/weight_scan.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace thoth {
namespace {

// An IEEE number is NaN or infinite exactly when all bits of its exponent are set. Adding the exponent's
// lowest bit to the exponent field then carries into the sign's place, which needs no comparison and so
// vectorises.
template <class Word>
struct Exponent;

template <>
struct Exponent<std::uint16_t> {
    static constexpr std::uint16_t mask = 0x7C00;
    static constexpr std::uint16_t lowest = 0x0400;
    static constexpr std::uint16_t carry = 0x8000;
};

template <>
struct Exponent<std::uint32_t> {
    static constexpr std::uint32_t mask = 0x7F80'0000;
    static constexpr std::uint32_t lowest = 0x0080'0000;
    static constexpr std::uint32_t carry = 0x8000'0000;
};

// Model files are little-endian.
template <class Word>
Word load(const std::byte* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
        Word swapped = 0;
        for (std::size_t i = 0; i < sizeof word; ++i) {
            swapped = static_cast<Word>((swapped << 8) | ((word >> (8 * i)) & 0xFF));
        }
        word = swapped;
    }
    return word;
}

template <class Word>
Word overflow(const std::byte* at) {
    return static_cast<Word>((load<Word>(at) & Exponent<Word>::mask) + Exponent<Word>::lowest);
}

template <class Word>
bool any_non_finite(const std::byte* bytes, std::size_t count) {
    Word seen = 0;
    for (std::size_t i = 0; i < count; ++i) {
        seen = static_cast<Word>(seen | overflow<Word>(bytes + i * sizeof(Word)));
    }
    return (seen & Exponent<Word>::carry) != 0;
}

template <class Word>
std::optional<std::size_t> scan_values(std::span<const std::byte> bytes) {
    constexpr std::size_t step_bytes = 4096;  // a constant length lets the compiler unroll and vectorise
    const std::size_t whole = bytes.size() / sizeof(Word) * sizeof(Word);
    std::size_t at = 0;
    while (whole - at >= step_bytes && !any_non_finite<Word>(bytes.data() + at, step_bytes / sizeof(Word))) {
        at += step_bytes;
    }
    for (; at < whole; at += sizeof(Word)) {
        if ((overflow<Word>(bytes.data() + at) & Exponent<Word>::carry) != 0) {
            return at;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> scan_scales(const TensorType& type, std::span<const std::byte> bytes) {
    using Half = std::uint16_t;
    const std::size_t whole = bytes.size() / type.block_bytes * type.block_bytes;
    for (std::size_t block = 0; block < whole; block += type.block_bytes) {
        for (const std::uint32_t offset : type.float_offsets) {
            if ((overflow<Half>(bytes.data() + block + offset) & Exponent<Half>::carry) != 0) {
                return block + offset;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::size_t> first_non_finite(const TensorType& type, std::span<const std::byte> bytes) {
    if (type.quantized) {
        return scan_scales(type, bytes);
    }
    return type.block_bytes == sizeof(std::uint32_t) ? scan_values<std::uint32_t>(bytes)
                                                     : scan_values<std::uint16_t>(bytes);
}

}  // namespace thoth
