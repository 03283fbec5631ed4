#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/model_layout.hpp"

// The smallest model that passes the check, made in memory with weights of zero.
namespace tiny_model {

struct Model {
    std::vector<std::byte> bytes;
    std::vector<std::size_t> fields;   // where each number and name of the structure begins, words left out
    std::vector<std::size_t> weights;  // where each tensor's data begins
    thoth::ModelInfo info;
};

class Builder {
public:
    explicit Builder(const thoth::TensorType& type) : type_(type) {
        auto& info = model_.info;
        info.n_vocab = 51864;
        info.n_audio_ctx = 1500;
        info.n_audio_state = info.n_text_state = type.block_values > 32 ? 256 : 32;
        info.n_audio_head = info.n_text_head = 1;
        info.n_audio_layer = info.n_text_layer = 1;
        info.n_text_ctx = 64;
        info.n_mels = 80;
        info.ftype = type.ftype + (type.quantized ? 2000 : 0);
    }

    Model build() {
        add_sizes();
        add_filters_and_words();
        for (const auto& spec : thoth::expected_tensors(model_.info, type_)) {
            add_tensor(spec);
        }
        return std::move(model_);
    }

private:
    static constexpr std::int32_t kWords = 50256;
    static constexpr std::int32_t kBins = 201;

    void add_sizes() {
        const auto& info = model_.info;
        for (const std::int32_t value :
             {0x67676d6c, info.n_vocab, info.n_audio_ctx, info.n_audio_state, info.n_audio_head, info.n_audio_layer,
              info.n_text_ctx, info.n_text_state, info.n_text_head, info.n_text_layer, info.n_mels, info.ftype}) {
            add_field(value);
        }
    }

    void add_filters_and_words() {
        add_field(model_.info.n_mels);
        add_field(kBins);
        model_.bytes.resize(model_.bytes.size() + sizeof(float) * std::size_t(model_.info.n_mels * kBins));
        add_field(kWords);
        add_field(1);
        add_text(" ");
        model_.bytes.resize(model_.bytes.size() + 4 * std::size_t(kWords - 1));
    }

    void add_tensor(const thoth::TensorSpec& spec) {
        int n_dims = 3;
        while (n_dims > 1 && spec.dims[std::size_t(n_dims - 1)] == 1) {
            --n_dims;
        }
        add_field(n_dims);
        add_field(std::int32_t(spec.name.size()));
        add_field(spec.type->id);
        for (int i = 0; i < n_dims; ++i) {
            add_field(spec.dims[std::size_t(i)]);
        }
        model_.fields.push_back(model_.bytes.size());
        add_text(spec.name);
        model_.weights.push_back(model_.bytes.size());
        model_.bytes.resize(model_.bytes.size() + spec.bytes);
    }

    void add_field(std::int32_t value) {
        model_.fields.push_back(model_.bytes.size());
        for (int shift = 0; shift < 32; shift += 8) {
            model_.bytes.push_back(std::byte(std::uint32_t(value) >> shift & 0xFF));
        }
    }

    void add_text(std::string_view text) {
        for (const char c : text) {
            model_.bytes.push_back(std::byte(c));
        }
    }

    const thoth::TensorType& type_;
    Model model_;
};

inline Model make(std::int32_t ftype) { return Builder(*thoth::tensor_type_of_ftype(ftype)).build(); }

}  // namespace tiny_model
