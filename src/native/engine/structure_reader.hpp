#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/byte_source.hpp"
#include "engine/model_check.hpp"

namespace thoth {

// Reads the structure of a model front to back and keeps a copy of it. Each read names the field that it is
// for, so that the message about a file that ends too early can name it too. Borrows the source.
class StructureReader {
public:
    StructureReader(ByteSource& source, std::string file_name);

    // Throw InvalidModel when the file ends before the field does, or cannot be read.
    void read(std::span<std::byte> out, const std::string& field);
    std::int32_t read_int(const std::string& field);  // 32 bits, little-endian
    std::string read_text(std::uint32_t length, const std::string& field);
    void skip_weights(std::uint64_t bytes, const std::string& field);

    std::uint64_t position() const noexcept { return position_; }
    bool at_end() const noexcept { return position_ == source_.size(); }
    std::vector<StructureRange> take_structure();

    // "FILE: not a usable Whisper model: FIELD is VALUE at byte OFFSET; expected EXPECTED. ADVICE"
    [[noreturn]] void fault(const std::string& field, const std::string& value, std::uint64_t offset,
                            const std::string& expected) const;
    // The same for the number that read_int read last.
    [[noreturn]] void wrong(const std::string& expected) const;
    [[noreturn]] void unreadable(std::uint64_t offset, const std::string& field) const;

private:
    void require_inside(std::uint64_t bytes, const std::string& field) const;
    void fill_buffer(const std::string& field);
    void keep_used();

    ByteSource& source_;
    std::string file_name_;
    std::uint64_t position_ = 0;
    std::vector<std::byte> buffer_;
    std::size_t buffer_kept_ = 0;  // up to here copied to structure_
    std::size_t buffer_used_ = 0;  // up to here handed out
    std::size_t buffer_size_ = 0;
    std::vector<StructureRange> structure_;
    std::string last_field_;
    std::uint64_t last_offset_ = 0;
    std::int32_t last_value_ = 0;
};

// Bytes from a file, for a message: printable ASCII as it is, anything else escaped, cut after 80 characters.
std::string quoted(std::span<const std::byte> bytes);
std::string quoted(const std::string& text);

}  // namespace thoth
