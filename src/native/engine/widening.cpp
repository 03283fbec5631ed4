#include "engine/widening.hpp"

#include <ggml.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace thoth {
namespace {

constexpr std::size_t kBlockValues = 32;                       // QK8_0
constexpr std::size_t kBlockBytes = sizeof(ggml_fp16_t) + 32;  // block_q8_0: the scale, then 32 signed bytes
constexpr float kLargestByte = 127;
constexpr float kBelowHalf = 0.49999997F;  // the float before 0.5: added to it, no number below 0.5 becomes 1

// Bit patterns of floats without their sign are ordered as the floats are, and integers have a maximum that compilers
// compute for several values at once.
float largest_magnitude(std::span<const float, kBlockValues> values) {
    std::int32_t largest = 0;
    for (const float value : values) {
        largest = std::max(largest, std::bit_cast<std::int32_t>(value) & 0x7FFFFFFF);
    }
    return std::bit_cast<float>(largest);
}

// roundf(), which is a call for each value where the compiler may not assume a new CPU.
std::int8_t rounded(float value) {
    return static_cast<std::int8_t>(static_cast<std::int32_t>(value + std::copysign(kBelowHalf, value)));
}

void encode_block(std::span<const float, kBlockValues> values, std::byte* block) {
    const float scale = largest_magnitude(values) / kLargestByte;
    if (!(scale <= std::numeric_limits<float>::max())) {
        std::memset(block, 0, kBlockBytes);
        return;
    }
    const float inverse = scale > 0 ? 1 / scale : 0;
    const ggml_fp16_t half = ggml_fp32_to_fp16(scale);
    std::memcpy(block, &half, sizeof half);
    std::array<std::int8_t, kBlockValues> bytes;
    for (std::size_t i = 0; i < kBlockValues; ++i) {
        bytes[i] = rounded(values[i] * inverse);
    }
    std::memcpy(block + sizeof half, bytes.data(), bytes.size());
}

}  // namespace

void widen_to_q8_0(const TensorType& from, std::span<const std::byte> blocks, std::span<std::byte> widened) {
    const auto decode = ggml_get_type_traits(static_cast<ggml_type>(from.id))->to_float;
    std::array<float, 128 * kBlockValues> values;
    const std::size_t most_blocks = values.size() / from.block_values;
    std::byte* out = widened.data();
    while (!blocks.empty()) {
        const auto piece = blocks.first(std::min(blocks.size(), most_blocks * from.block_bytes));
        const std::size_t n_values = piece.size() / from.block_bytes * from.block_values;
        decode(piece.data(), values.data(), static_cast<std::int64_t>(n_values));
        for (std::size_t i = 0; i < n_values; i += kBlockValues, out += kBlockBytes) {
            encode_block(std::span(values).subspan(i).first<kBlockValues>(), out);
        }
        blocks = blocks.subspan(piece.size());
    }
}

}  // namespace thoth
