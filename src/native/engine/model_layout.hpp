#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thoth {

// What a ggml Whisper model says about itself, in the file's own terms.
struct ModelInfo {
    std::int32_t n_vocab = 0;        // ids, special ones and timestamps included
    std::int32_t n_audio_ctx = 0;    // encoder frames of 20 ms
    std::int32_t n_audio_state = 0;  // encoder width
    std::int32_t n_audio_head = 0;
    std::int32_t n_audio_layer = 0;
    std::int32_t n_text_ctx = 0;    // decoder positions
    std::int32_t n_text_state = 0;  // decoder width
    std::int32_t n_text_head = 0;
    std::int32_t n_text_layer = 0;
    std::int32_t n_mels = 0;
    std::int32_t ftype = 0;        // enum ggml_ftype, without the quantization version
    std::string_view weight_type;  // "f16", "q5_1", … : the type of the large matrices
    std::string_view loaded_type;  // what they are in memory, see loaded_type()
    bool multilingual = false;
    std::uint64_t file_bytes = 0;
    std::uint64_t n_tensors = 0;
};

// How values of one type lie in memory: `block_values` of them share `block_bytes` bytes, among these the f16
// (or, for f32, the value itself) numbers at `float_offsets`, which must be finite.
struct TensorType {
    std::int32_t id;     // enum ggml_type
    std::int32_t ftype;  // enum ggml_ftype of a model whose large matrices have this type; -1: none may
    std::string_view name;
    std::uint32_t block_values;
    std::uint32_t block_bytes;
    std::array<std::uint32_t, 2> float_offsets;  // both the same where there is one
    bool quantized;
};

// The types that are checked and therefore allowed, in the order of their ids.
std::span<const TensorType> tensor_types();
const TensorType* tensor_type(std::int32_t id);
const TensorType* tensor_type_of_ftype(std::int32_t ftype);

struct TensorSpec {
    std::string name;
    std::array<std::int32_t, 4> dims;  // innermost first, padded with 1
    const TensorType* type;
    std::uint64_t bytes;
};

// The tensors that whisper.cpp creates for a model of these sizes and then expects in the file, each once, in
// any order (whisper_model_load and whisper-arch.h of whisper.cpp 1.8.5). The sizes must have been checked.
std::vector<TensorSpec> expected_tensors(const ModelInfo& info, const TensorType& weights);

// The type that matrices of type `weights` have in memory: their own, but q8_0 for those of q4_1 and q5_1 if they then
// take at most widest_bytes. ggml multiplies these two value by value on every CPU, which takes twice the time of
// q8_0 (docs/architecture.md). A fixed rule, so that a model gives the same text on every machine.
const TensorType& loaded_type(const TensorType& weights, std::span<const TensorSpec> tensors);

// Whisper's small is widened (256 MB), medium (810 MB) keeps the size that its user chose.
constexpr std::uint64_t widest_bytes = 320'000'000;

}  // namespace thoth
