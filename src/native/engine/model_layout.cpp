#include "engine/model_layout.hpp"

#include <algorithm>

namespace thoth {
namespace {

// Sizes and the places of the scales are those of the block structs in ggml-common.h. Models of ftype
// GGML_FTYPE_ALL_F32 load, but then ggml aborts the process: its convolution takes f16 kernels only.
constexpr std::array kTypes = {
    TensorType{0, -1, "f32", 1, 4, {0, 0}, false},           // GGML_TYPE_F32
    TensorType{1, 1, "f16", 1, 2, {0, 0}, false},            // GGML_TYPE_F16
    TensorType{2, 2, "q4_0", 32, 18, {0, 0}, true},          // GGML_TYPE_Q4_0: d
    TensorType{3, 3, "q4_1", 32, 20, {0, 2}, true},          // GGML_TYPE_Q4_1: d, m
    TensorType{6, 8, "q5_0", 32, 22, {0, 0}, true},          // GGML_TYPE_Q5_0: d
    TensorType{7, 9, "q5_1", 32, 24, {0, 2}, true},          // GGML_TYPE_Q5_1: d, m
    TensorType{8, 7, "q8_0", 32, 34, {0, 0}, true},          // GGML_TYPE_Q8_0: d
    TensorType{10, 10, "q2_K", 256, 84, {80, 82}, true},     // GGML_TYPE_Q2_K: d, dmin
    TensorType{11, 11, "q3_K", 256, 110, {108, 108}, true},  // GGML_TYPE_Q3_K: d
    TensorType{12, 12, "q4_K", 256, 144, {0, 2}, true},      // GGML_TYPE_Q4_K: d, dmin
    TensorType{13, 13, "q5_K", 256, 176, {0, 2}, true},      // GGML_TYPE_Q5_K: d, dmin
    TensorType{14, 14, "q6_K", 256, 210, {208, 208}, true},  // GGML_TYPE_Q6_K: d
};

constexpr const TensorType& kF32 = kTypes[0];
constexpr const TensorType& kF16 = kTypes[1];
constexpr const TensorType& kQ8 = kTypes[6];

class SpecList {
public:
    void add(std::string name, const TensorType& type, std::int32_t d0, std::int32_t d1 = 1, std::int32_t d2 = 1) {
        const std::uint64_t values = std::uint64_t(d0) * std::uint64_t(d1) * std::uint64_t(d2);
        specs_.push_back({std::move(name), {d0, d1, d2, 1}, &type, values / type.block_values * type.block_bytes});
    }

    void add_norm(const std::string& name, std::int32_t state) {
        add(name + ".weight", kF32, state);
        add(name + ".bias", kF32, state);
    }

    void add_linear(const std::string& name, const TensorType& type, std::int32_t in, std::int32_t out) {
        add(name + ".weight", type, in, out);
        add(name + ".bias", kF32, out);
    }

    // Whisper's keys have no bias.
    void add_attention(const std::string& name, const TensorType& type, std::int32_t state) {
        add_norm(name + "_ln", state);
        add_linear(name + ".query", type, state, state);
        add(name + ".key.weight", type, state, state);
        add_linear(name + ".value", type, state, state);
        add_linear(name + ".out", type, state, state);
    }

    void add_mlp(const std::string& block, const TensorType& type, std::int32_t state) {
        add_norm(block + ".mlp_ln", state);
        add_linear(block + ".mlp.0", type, state, 4 * state);
        add_linear(block + ".mlp.2", type, 4 * state, state);
    }

    std::vector<TensorSpec> take() { return std::move(specs_); }

private:
    std::vector<TensorSpec> specs_;
};

void add_encoder(SpecList& list, const ModelInfo& info, const TensorType& weights) {
    const std::int32_t state = info.n_audio_state;
    list.add("encoder.positional_embedding", kF32, state, info.n_audio_ctx);
    list.add("encoder.conv1.weight", kF16, 3, info.n_mels, state);
    list.add("encoder.conv1.bias", kF32, 1, state);
    list.add("encoder.conv2.weight", kF16, 3, state, state);
    list.add("encoder.conv2.bias", kF32, 1, state);
    for (std::int32_t layer = 0; layer < info.n_audio_layer; ++layer) {
        const std::string block = "encoder.blocks." + std::to_string(layer);
        list.add_attention(block + ".attn", weights, state);
        list.add_mlp(block, weights, state);
    }
    list.add_norm("encoder.ln_post", state);
}

void add_decoder(SpecList& list, const ModelInfo& info, const TensorType& weights) {
    const std::int32_t state = info.n_text_state;
    list.add("decoder.positional_embedding", kF32, state, info.n_text_ctx);
    list.add("decoder.token_embedding.weight", weights, state, info.n_vocab);
    for (std::int32_t layer = 0; layer < info.n_text_layer; ++layer) {
        const std::string block = "decoder.blocks." + std::to_string(layer);
        list.add_attention(block + ".attn", weights, state);
        list.add_attention(block + ".cross_attn", weights, state);
        list.add_mlp(block, weights, state);
    }
    list.add_norm("decoder.ln", state);
}

template <class Member>
const TensorType* find_type(Member member, std::int32_t value) {
    const auto found = std::ranges::find(kTypes, value, member);
    return found == kTypes.end() ? nullptr : &*found;
}

}  // namespace

std::span<const TensorType> tensor_types() { return kTypes; }

const TensorType* tensor_type(std::int32_t id) { return find_type(&TensorType::id, id); }

const TensorType* tensor_type_of_ftype(std::int32_t ftype) { return find_type(&TensorType::ftype, ftype); }

std::vector<TensorSpec> expected_tensors(const ModelInfo& info, const TensorType& weights) {
    SpecList list;
    add_encoder(list, info, weights);
    add_decoder(list, info, weights);
    return list.take();
}

const TensorType& loaded_type(const TensorType& weights, std::span<const TensorSpec> tensors) {
    if (weights.name != "q4_1" && weights.name != "q5_1") {
        return weights;
    }
    std::uint64_t blocks = 0;
    for (const TensorSpec& tensor : tensors) {
        blocks += tensor.type == &weights ? tensor.bytes / weights.block_bytes : 0;
    }
    return blocks * kQ8.block_bytes <= widest_bytes ? kQ8 : weights;
}

}  // namespace thoth
