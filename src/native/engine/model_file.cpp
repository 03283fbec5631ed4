#include "engine/model_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace thoth {

ModelInfo check_model(std::span<const std::byte> bytes) {
    MemorySource source(bytes);
    return check_source(source, "model in memory").info;
}

ModelFile::ModelFile(std::string path) : path_(std::move(path)), source_(path_), model_(check_source(source_, path_)) {}

std::size_t ModelFile::read(void* out, std::size_t n) {
    auto* const bytes = static_cast<std::byte*>(out);
    const std::size_t wanted = std::min<std::uint64_t>(n, model_.info.file_bytes - position_);
    for (std::size_t done = 0; done < wanted;) {
        done += read_piece({bytes + done, wanted - done});
    }
    if (wanted < n) {
        std::memset(bytes + wanted, 0, n - wanted);
        eof_ = true;
    }
    return wanted;
}

void ModelFile::rewind() noexcept {
    position_ = 0;
    next_range_ = 0;
    eof_ = false;
    short_read_ = false;
}

// As much of `out` as lies in one stretch of structure or of weights.
std::size_t ModelFile::read_piece(std::span<std::byte> out) {
    const auto& structure = model_.structure;
    const auto end_of = [](const StructureRange& range) { return range.offset + range.bytes.size(); };
    while (next_range_ < structure.size() && end_of(structure[next_range_]) <= position_) {
        ++next_range_;
    }
    const StructureRange* range = next_range_ < structure.size() ? &structure[next_range_] : nullptr;
    if (range != nullptr && range->offset <= position_) {
        const std::size_t count = std::min<std::uint64_t>(out.size(), end_of(*range) - position_);
        std::memcpy(out.data(), range->bytes.data() + (position_ - range->offset), count);
        position_ += count;
        return count;
    }
    const std::uint64_t weights_end = range != nullptr ? range->offset : model_.info.file_bytes;
    const auto piece = out.first(std::min<std::uint64_t>(out.size(), weights_end - position_));
    const std::size_t count = source_.read_at(position_, piece);
    if (count < piece.size()) {
        std::ranges::fill(piece.subspan(count), std::byte{0});
        short_read_ = true;
    }
    position_ += piece.size();
    return piece.size();
}

}  // namespace thoth
