#include "engine/structure_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "errors.hpp"

namespace thoth {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::size_t kQuotedCharacters = 80;
constexpr const char* kFault = ": not a usable Whisper model: ";
constexpr const char* kAdvice =
    " The file is damaged or was not made for whisper.cpp: compare it with the catalogue (`thoth models "
    "verify`) or "
    "download it again (`thoth models pull`).";

}  // namespace

StructureReader::StructureReader(ByteSource& source, std::string file_name)
    : source_(source), file_name_(std::move(file_name)), buffer_(kBufferBytes) {
    structure_.emplace_back();
}

void StructureReader::read(std::span<std::byte> out, const std::string& field) {
    require_inside(out.size(), field);
    std::size_t done = 0;
    while (done < out.size()) {
        if (buffer_used_ == buffer_size_) {
            fill_buffer(field);
        }
        const std::size_t count = std::min(out.size() - done, buffer_size_ - buffer_used_);
        std::memcpy(out.data() + done, buffer_.data() + buffer_used_, count);
        buffer_used_ += count;
        position_ += count;
        done += count;
    }
}

std::int32_t StructureReader::read_int(const std::string& field) {
    last_field_ = field;
    last_offset_ = position_;
    std::array<std::byte, 4> raw{};
    read(raw, field);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        value |= std::to_integer<std::uint32_t>(raw[i]) << (8 * i);
    }
    last_value_ = static_cast<std::int32_t>(value);
    return last_value_;
}

std::string StructureReader::read_text(std::uint32_t length, const std::string& field) {
    require_inside(length, field);
    std::string text(length, '\0');
    read(std::as_writable_bytes(std::span(text)), field);
    return text;
}

void StructureReader::skip_weights(std::uint64_t bytes, const std::string& field) {
    require_inside(bytes, field);
    keep_used();
    position_ += bytes;
    buffer_kept_ = buffer_used_ = buffer_size_ = 0;
    structure_.push_back({position_, {}});
}

std::vector<StructureRange> StructureReader::take_structure() {
    keep_used();
    return std::exchange(structure_, {});
}

void StructureReader::fault(const std::string& field, const std::string& value, std::uint64_t offset,
                            const std::string& expected) const {
    throw InvalidModel(file_name_ + kFault + field + " is " + value + " at byte " + std::to_string(offset) +
                       "; expected " + expected + "." + kAdvice);
}

void StructureReader::wrong(const std::string& expected) const {
    fault(last_field_, std::to_string(last_value_), last_offset_, expected);
}

void StructureReader::unreadable(std::uint64_t offset, const std::string& field) const {
    throw InvalidModel(file_name_ + ": reading stopped at byte " + std::to_string(offset) + " of " +
                       std::to_string(source_.size()) + ", in " + field +
                       ": the file shrank meanwhile, or its disk fails; try again, or download it again.");
}

void StructureReader::require_inside(std::uint64_t bytes, const std::string& field) const {
    const std::uint64_t left = source_.size() - position_;
    if (bytes > left) {
        throw InvalidModel(file_name_ + kFault + "the file ends in " + field + ", which takes " +
                           std::to_string(bytes) + " bytes from byte " + std::to_string(position_) +
                           " on; the file has " + std::to_string(source_.size()) + " bytes." +
                           " It was cut off, probably by an interrupted download: download it again "
                           "(`thoth models pull`).");
    }
}

void StructureReader::fill_buffer(const std::string& field) {
    keep_used();
    buffer_kept_ = buffer_used_ = 0;
    buffer_size_ = source_.read_at(position_, buffer_);
    if (buffer_size_ == 0) {
        unreadable(position_, field);
    }
}

void StructureReader::keep_used() {
    const auto used = std::span(buffer_).subspan(buffer_kept_, buffer_used_ - buffer_kept_);
    structure_.back().bytes.insert(structure_.back().bytes.end(), used.begin(), used.end());
    buffer_kept_ = buffer_used_;
}

std::string quoted(std::span<const std::byte> bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text = "'";
    for (const std::byte raw : bytes.first(std::min(bytes.size(), kQuotedCharacters))) {
        const auto byte = std::to_integer<unsigned char>(raw);
        if (byte >= 0x20 && byte < 0x7F && byte != '\'' && byte != '\\') {
            text += static_cast<char>(byte);
        } else {
            text += {'\\', 'x', digits[byte >> 4], digits[byte & 0xF]};
        }
    }
    return text + (bytes.size() > kQuotedCharacters ? "…'" : "'");
}

std::string quoted(const std::string& text) { return quoted(std::as_bytes(std::span(text))); }

}  // namespace thoth
