#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/byte_source.hpp"
#include "engine/model_layout.hpp"

namespace thoth {

// A stretch of the file that is not weights: the header with filters and vocabulary, or one tensor's header.
struct StructureRange {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
};

// Where a matrix lies in the file, and the number that tells its type.
struct MatrixPlace {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t type_offset = 0;
};

struct CheckedModel {
    ModelInfo info;
    const TensorType* weights = nullptr;  // the type of the large matrices
    const TensorType* loaded = nullptr;   // what they are in memory
    std::uint64_t ftype_offset = 0;
    // Every tensor of type `weights`, in file order.
    std::vector<MatrixPlace> matrices;
    // Everything but the weights, in file order, as it was when it was checked (about 1 MB at most).
    std::vector<StructureRange> structure;
};

// Checks everything that whisper_model_load and whisper_full of whisper.cpp 1.8.5 take for granted about a
// model:
//   - sizes in the ranges that its fixed buffers and graphs bear, mel filters of exactly these sizes, a word
//   for
//     every id that it looks up, ids of all special tokens inside the vocabulary;
//   - exactly the tensors it creates, each once, with their types and shapes, wholly inside the file, and
//     nothing behind them;
//   - no NaN or infinity among the filters, the weights and the scales of quantized weights.
// Throws InvalidModel; the message begins with `name` and tells the field, its value, its byte offset, what
// was expected and what to do. The weights are read once, in pieces of 256 KiB.
CheckedModel check_source(ByteSource& source, const std::string& name);

}  // namespace thoth
