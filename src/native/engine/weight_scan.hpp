#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "engine/model_layout.hpp"

namespace thoth {

// Where the first NaN or infinity lies in whole blocks of `type` (the offset of the number within `bytes`),
// or nothing when every number is finite. Of quantized blocks the f16 scales are looked at: the rest are
// integers. A trailing part of a block is ignored. Any thread.
std::optional<std::size_t> first_non_finite(const TensorType& type, std::span<const std::byte> bytes);

}  // namespace thoth
