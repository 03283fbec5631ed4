#pragma once

#include <cstddef>
#include <span>

#include "engine/model_layout.hpp"

namespace thoth {

// Decodes quantized blocks of `from` and encodes their values as q8_0, to the bit as ggml's reference quantizer does
// on any CPU (dequantize_row_… and quantize_row_q8_0_ref in ggml-quants.c). A block whose values are not finite, which
// no checked file has, becomes zeros. A Widen for ModelFile. Any thread.
void widen_to_q8_0(const TensorType& from, std::span<const std::byte> blocks, std::span<std::byte> widened);

}  // namespace thoth
