#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/byte_source.hpp"
#include "engine/model_check.hpp"

namespace thoth {

// Checks a model that lies in memory; see check_source for what is checked. Any thread.
ModelInfo check_model(std::span<const std::byte> bytes);

// Encodes whole blocks of one type anew, as the same number of values in blocks of another. The bytes may be any.
using Widen = void (*)(const TensorType& from, std::span<const std::byte> blocks, std::span<std::byte> widened);

// A Whisper model file that was found sound, open for loading: read() gives its bytes from front to back, as
// whisper_model_loader wants them. One thread at a time.
//
// A file may change between the check and the load. Its structure is therefore served from the copy that was
// checked, and only weights come from the file, through the descriptor that was checked: whatever happens to
// the file, whisper.cpp sees a structure that is sound.
//
// With a `widen`, the large matrices come as info().loaded_type, and the structure says so: what is read is then
// another, longer file. They are encoded piece by piece, as they are read.
class ModelFile {
public:
    // Opens and checks the file. Throws InvalidModel, also for a file that is missing or cannot be read.
    explicit ModelFile(std::string path, Widen widen = nullptr);

    const std::string& path() const noexcept { return path_; }
    const ModelInfo& info() const noexcept { return model_.info; }

    // Fills `out` with the next `n` bytes and returns how many of them there were; the rest is zero, because
    // whisper.cpp does not look at the count.
    std::size_t read(void* out, std::size_t n);

    // How much of the file has been read, of info().file_bytes.
    std::uint64_t position() const noexcept { return position_; }

    // Whether a read went past the last byte.
    bool eof() const noexcept { return eof_; }

    // Whether the file gave fewer weights than it did when it was checked. A model loaded from such reads has
    // zeros in their place and must not be used.
    bool short_read() const noexcept { return short_read_; }

    // Back to the first byte, as if nothing had been read.
    void rewind() noexcept;

private:
    void declare_widened();
    void add_to_number(std::uint64_t offset, std::int32_t difference);
    std::size_t read_piece(std::span<std::byte> out);
    const StructureRange* next_structure() noexcept;
    const MatrixPlace* matrix_here() noexcept;
    void read_weights(std::span<std::byte> out);
    void widen_piece(const MatrixPlace& matrix);
    std::size_t take_widened(std::span<std::byte> out) noexcept;

    std::string path_;
    FileSource source_;
    CheckedModel model_;
    Widen widen_;  // null where the matrices keep their type
    std::vector<std::byte> blocks_;
    std::vector<std::byte> widened_;
    std::span<const std::byte> ready_;  // of widened_, what has not been read yet
    std::uint64_t position_ = 0;
    std::size_t next_range_ = 0;   // the first stretch of structure that ends behind position_
    std::size_t next_matrix_ = 0;  // the first matrix that does
    bool eof_ = false;
    bool short_read_ = false;
};

}  // namespace thoth
