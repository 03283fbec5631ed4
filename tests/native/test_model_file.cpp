// What a file on disk can do to the model check and to the reads after it. Exits non-zero at the first
// failure.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#ifndef _WIN32
#include <sys/stat.h>
#endif

#include "engine/model_file.hpp"
#include "engine/weight_scan.hpp"
#include "errors.hpp"
#include "tiny_model.hpp"

namespace fs = std::filesystem;

namespace {

void require(bool holds, const std::string& what) {
    if (!holds) {
        std::fprintf(stderr, "failed: %s\n", what.c_str());
        std::exit(1);
    }
}

std::string refusal(const std::function<void()>& action) {
    try {
        action();
    } catch (const thoth::InvalidModel& error) {
        return error.what();
    }
    return "";
}

struct Scratch {
    fs::path folder;

    Scratch() : folder(fs::temp_directory_path() / ("thoth-model-file-" + std::to_string(std::random_device{}()))) {
        fs::create_directories(folder);
    }
    ~Scratch() { fs::remove_all(folder); }

    std::string write(const std::string& name, const std::vector<std::byte>& bytes) const {
        const fs::path path = folder / name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
        return path.string();
    }
};

std::vector<std::byte> read_all(thoth::ModelFile& file, std::size_t piece) {
    std::vector<std::byte> all;
    std::vector<std::byte> part(piece, std::byte{0xEE});
    while (!file.eof()) {
        const std::size_t count = file.read(part.data(), part.size());
        all.insert(all.end(), part.begin(), part.begin() + std::ptrdiff_t(count));
    }
    return all;
}

void reads_give_the_file(const tiny_model::Model& model, const Scratch& scratch) {
    thoth::ModelFile file(scratch.write("sound.bin", model.bytes));
    require(file.info().file_bytes == model.bytes.size() && file.info().n_tensors == 50, "info tells sizes");
    for (const std::size_t piece : {std::size_t(4093), std::size_t(1) << 20, model.bytes.size() + 1}) {
        file.rewind();
        require(read_all(file, piece) == model.bytes, "reads in pieces give the file");
        require(!file.short_read(), "no short read of a whole file");
    }
    std::int32_t behind = -1;
    require(file.read(&behind, sizeof behind) == 0 && behind == 0 && file.eof(), "behind the end there are zeros");
    file.rewind();
    require(!file.eof(), "rewind clears eof");
}

void a_file_cut_after_the_check_is_noticed(const tiny_model::Model& model, const Scratch& scratch) {
    const std::string path = scratch.write("cut.bin", model.bytes);
    thoth::ModelFile file(path);
    fs::resize_file(path, model.weights[1] + 10);
    const auto all = read_all(file, 1 << 16);
    require(file.short_read(), "a short read is remembered");
    require(all.size() == model.bytes.size(), "missing weights are filled up");
    const std::size_t name = model.fields.back();
    require(std::memcmp(&all[name], &model.bytes[name], 10) == 0, "the structure is the one that was checked");
    file.rewind();
    require(!file.short_read(), "rewind clears short_read");
}

void a_file_overwritten_after_the_check_keeps_its_structure(const tiny_model::Model& model, const Scratch& scratch) {
    const std::string path = scratch.write("overwritten.bin", model.bytes);
    thoth::ModelFile file(path);
    std::fstream(path, std::ios::binary | std::ios::in | std::ios::out)
        .write(std::string(model.bytes.size(), '\xFF').data(), std::streamsize(model.bytes.size()));
    const auto all = read_all(file, 1 << 16);
    for (const std::size_t field : model.fields) {
        require(std::memcmp(&all[field], &model.bytes[field], 4) == 0, "an overwritten field is served as checked");
    }
    require(all[model.weights[0]] == std::byte{0xFF}, "weights come from the file");
}

void things_that_are_no_files_are_refused(const Scratch& scratch) {
    const auto open = [](const std::string& path) { return refusal([&] { thoth::ModelFile file(path); }); };
    require(open(scratch.folder.string()).find("directory") != std::string::npos, "a directory is refused");
    require(open((scratch.folder / "none").string()).find("no such file") != std::string::npos, "none is refused");
    require(open(std::string("a\0b", 3)).find("NUL") != std::string::npos, "a NUL in the path is refused");
#ifndef _WIN32
    const std::string pipe = (scratch.folder / "pipe").string();
    require(::mkfifo(pipe.c_str(), 0600) == 0, "a pipe can be made");
    require(open(pipe).find("pipe") != std::string::npos, "a pipe is refused, not waited for");
    require(open("/dev/zero").find("device") != std::string::npos, "a device is refused");
#endif
}

void every_type_is_scanned() {
    for (const thoth::TensorType& type : thoth::tensor_types()) {
        std::vector<std::byte> weights(40 * std::size_t(type.block_bytes));
        require(!thoth::first_non_finite(type, weights), "zeros are finite");
        const std::size_t at = 37 * std::size_t(type.block_bytes) + type.float_offsets[1];
        const std::size_t last = at + (type.name == "f32" ? 3 : 1);
        weights[last] = std::byte{0x7F};
        weights[last - 1] = std::byte{0xC0};
        require(thoth::first_non_finite(type, weights) == at, "a NaN is found in " + std::string(type.name));
    }
}

void every_weight_type_passes_and_a_nan_is_named() {
    for (const thoth::TensorType& type : thoth::tensor_types()) {
        if (type.ftype < 0) {
            continue;
        }
        auto model = tiny_model::make(type.ftype);
        require(thoth::check_model(model.bytes).weight_type == type.name, "a sound model passes");
        const std::size_t scale = model.weights.back() + 1;  // decoder.ln.bias, f32
        model.bytes[scale + 2] = std::byte{0x7F};
        model.bytes[scale + 1] = std::byte{0x80};
        const std::string message = refusal([&] { thoth::check_model(model.bytes); });
        require(message.find("'decoder.ln.bias' value 0") != std::string::npos, "the tensor is named: " + message);
    }
}

}  // namespace

int main() {
    const Scratch scratch;
    const tiny_model::Model model = tiny_model::make(1);
    reads_give_the_file(model, scratch);
    a_file_cut_after_the_check_is_noticed(model, scratch);
    a_file_overwritten_after_the_check_keeps_its_structure(model, scratch);
    things_that_are_no_files_are_refused(scratch);
    every_type_is_scanned();
    every_weight_type_passes_and_a_nan_is_named();
    return 0;
}
