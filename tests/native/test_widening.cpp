// Matrices of slow types, encoded anew while a model is loaded: the numbers, and the file that is served. Exits
// non-zero at the first failure.
#include <ggml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/model_file.hpp"
#include "engine/widening.hpp"
#include "require.hpp"
#include "tiny_model.hpp"

namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t block_values = 32;
constexpr std::size_t q8_bytes = 34;

const thoth::TensorType& type_named(std::string_view name) {
    for (const auto& type : thoth::tensor_types()) {
        if (type.name == name) return type;
    }
    std::abort();
}

// Blocks of any bits whatever, with finite scales.
Bytes random_blocks(const thoth::TensorType& type, std::size_t n_blocks, unsigned seed) {
    std::mt19937 random(seed);
    Bytes blocks(n_blocks * type.block_bytes);
    for (std::byte& byte : blocks) byte = std::byte(random());
    for (std::size_t block = 0; block < blocks.size(); block += type.block_bytes) {
        for (const auto offset : type.float_offsets) blocks[block + offset + 1] &= std::byte{0xBF};
    }
    return blocks;
}

Bytes widened_by_ggml(const thoth::TensorType& type, const Bytes& blocks) {
    const std::size_t n_values = blocks.size() / type.block_bytes * block_values;
    std::vector<float> values(n_values);
    ggml_get_type_traits(ggml_type(type.id))->to_float(blocks.data(), values.data(), std::int64_t(n_values));
    Bytes out(n_values / block_values * q8_bytes);
    ggml_quantize_chunk(GGML_TYPE_Q8_0, values.data(), out.data(), 0, 1, std::int64_t(n_values), nullptr);
    return out;
}

Bytes widened(const thoth::TensorType& type, const Bytes& blocks) {
    Bytes out(blocks.size() / type.block_bytes * q8_bytes, std::byte{0xEE});
    thoth::widen_to_q8_0(type, blocks, out);
    return out;
}

void numbers_are_those_of_ggml() {
    for (const char* name : {"q4_1", "q5_1"}) {
        const auto& type = type_named(name);
        for (const std::size_t n_blocks : {1, 127, 128, 129, 50000}) {
            const Bytes blocks = random_blocks(type, n_blocks, unsigned(n_blocks));
            REQUIRE(widened(type, blocks) == widened_by_ggml(type, blocks));
        }
        const Bytes zeros(3 * type.block_bytes);
        REQUIRE(widened(type, zeros) == widened_by_ggml(type, zeros));
    }
}

void what_is_not_finite_becomes_zeros() {
    const auto& type = type_named("q5_1");
    Bytes blocks = random_blocks(type, 2, 1);
    const Bytes sound = widened(type, blocks);
    blocks[1] = std::byte{0x7C};  // the first block's scale: infinite, or not a number
    const Bytes spoiled = widened(type, blocks);
    REQUIRE(std::memcmp(spoiled.data(), Bytes(q8_bytes).data(), q8_bytes) == 0);
    REQUIRE(std::memcmp(&spoiled[q8_bytes], &sound[q8_bytes], q8_bytes) == 0);
}

struct Scratch {
    fs::path path = fs::temp_directory_path() / ("thoth-widening-" + std::to_string(std::random_device{}()) + ".bin");

    explicit Scratch(const Bytes& bytes) {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    }
    ~Scratch() { fs::remove(path); }
};

Bytes read_all(thoth::ModelFile& file, std::size_t piece) {
    Bytes all;
    Bytes part(piece);
    while (!file.eof()) {
        const std::size_t count = file.read(part.data(), part.size());
        all.insert(all.end(), part.begin(), part.begin() + std::ptrdiff_t(count));
    }
    return all;
}

// A model of this type with weights that are not all the same.
tiny_model::Model model_of(const char* name) {
    auto model = tiny_model::make(type_named(name).ftype);
    const auto& type = type_named(name);
    const auto specs = thoth::expected_tensors(model.info, type);
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].type != &type) continue;
        const Bytes blocks = random_blocks(type, specs[i].bytes / type.block_bytes, unsigned(i));
        std::ranges::copy(blocks, model.bytes.begin() + std::ptrdiff_t(model.weights[i]));
    }
    return model;
}

void a_served_file_is_a_sound_q8_0_model(const char* name) {
    const auto model = model_of(name);
    const auto& type = type_named(name);
    const Scratch scratch(model.bytes);
    thoth::ModelFile file(scratch.path.string(), thoth::widen_to_q8_0);
    REQUIRE(file.info().weight_type == name && file.info().loaded_type == "q8_0");
    const Bytes served = read_all(file, 1 << 20);
    const auto info = thoth::check_model(served);
    REQUIRE(info.weight_type == "q8_0" && info.n_tensors == file.info().n_tensors);
    REQUIRE(file.position() == model.bytes.size() && !file.short_read());
    for (const std::size_t piece : {std::size_t(4093), served.size() + 1}) {
        file.rewind();
        REQUIRE(read_all(file, piece) == served);
    }

    std::size_t at = 0;  // in the served file
    std::size_t from = 0;
    const auto specs = thoth::expected_tensors(model.info, type);
    for (std::size_t i = 0; i < specs.size(); ++i) {
        at += model.weights[i] - from;
        const auto begin = model.bytes.begin() + std::ptrdiff_t(model.weights[i]);
        Bytes expected(begin, begin + std::ptrdiff_t(specs[i].bytes));
        if (specs[i].type == &type) expected = widened_by_ggml(type, expected);
        REQUIRE(std::memcmp(&served[at], expected.data(), expected.size()) == 0);
        at += expected.size();
        from = model.weights[i] + specs[i].bytes;
    }
    REQUIRE(at == served.size());
}

void a_file_cut_while_it_is_loaded_is_noticed() {
    const auto model = model_of("q5_1");
    const Scratch scratch(model.bytes);
    thoth::ModelFile file(scratch.path.string(), thoth::widen_to_q8_0);
    const Bytes whole = read_all(file, 1 << 16);
    fs::resize_file(scratch.path, model.weights[9] + 10);
    file.rewind();
    const Bytes cut = read_all(file, 1 << 16);
    REQUIRE(file.short_read() && cut.size() == whole.size());
    thoth::check_model(cut);  // throws where the structure is not sound
}

void a_file_overwritten_while_it_is_loaded_keeps_its_structure() {
    const auto model = model_of("q5_1");
    const Scratch scratch(model.bytes);
    thoth::ModelFile file(scratch.path.string(), thoth::widen_to_q8_0);
    const std::size_t served = read_all(file, 1 << 16).size();
    std::ofstream(scratch.path, std::ios::binary | std::ios::in)
        .write(std::string(model.bytes.size(), '\xFF').data(), std::streamsize(model.bytes.size()));
    file.rewind();
    const Bytes bytes = read_all(file, 1 << 16);
    REQUIRE(bytes.size() == served);
    const std::int32_t ftype = 2007;
    REQUIRE(std::memcmp(&bytes[44], &ftype, sizeof ftype) == 0);
}

void other_types_and_large_models_keep_theirs() {
    for (const auto& type : thoth::tensor_types()) {
        if (type.ftype < 0) continue;
        const bool slow = type.name == "q4_1" || type.name == "q5_1";
        REQUIRE(thoth::check_model(tiny_model::make(type.ftype).bytes).loaded_type == (slow ? "q8_0" : type.name));
    }
    thoth::ModelInfo info = tiny_model::make(9).info;
    const auto& q5_1 = type_named("q5_1");
    for (const auto& [width, layers, loaded] : {std::tuple{768, 12, "q8_0"}, std::tuple{1024, 24, "q5_1"}}) {
        info.n_audio_state = info.n_text_state = width;
        info.n_audio_layer = info.n_text_layer = layers;
        REQUIRE(thoth::loaded_type(q5_1, thoth::expected_tensors(info, q5_1)).name == loaded);
    }
}

}  // namespace

int main() {
    numbers_are_those_of_ggml();
    what_is_not_finite_becomes_zeros();
    a_served_file_is_a_sound_q8_0_model("q5_1");
    a_served_file_is_a_sound_q8_0_model("q4_1");
    a_file_cut_while_it_is_loaded_is_noticed();
    a_file_overwritten_while_it_is_loaded_keeps_its_structure();
    other_types_and_large_models_keep_theirs();
    return 0;
}
