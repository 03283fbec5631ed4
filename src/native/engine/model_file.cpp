#include "engine/model_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace thoth {
namespace {

// Blocks that are widened at a time: what they are read into and encoded to stays in a CPU's first cache.
constexpr std::size_t kPieceBlocks = 128;

}  // namespace

ModelInfo check_model(std::span<const std::byte> bytes) {
    MemorySource source(bytes);
    return check_source(source, "model in memory").info;
}

ModelFile::ModelFile(std::string path, Widen widen)
    : path_(std::move(path)), source_(path_), model_(check_source(source_, path_)), widen_(widen) {
    if (model_.loaded == model_.weights) {
        widen_ = nullptr;
    }
    if (widen_ != nullptr) {
        declare_widened();
    } else {
        model_.info.loaded_type = model_.info.weight_type;
    }
}

std::size_t ModelFile::read(void* out, std::size_t n) {
    const std::span bytes(static_cast<std::byte*>(out), n);
    std::size_t done = 0;
    while (done < n && (position_ < model_.info.file_bytes || !ready_.empty())) {
        done += read_piece(bytes.subspan(done));
    }
    if (done < n) {
        std::ranges::fill(bytes.subspan(done), std::byte{0});
        eof_ = true;
    }
    return done;
}

void ModelFile::rewind() noexcept {
    ready_ = {};
    position_ = 0;
    next_range_ = 0;
    next_matrix_ = 0;
    eof_ = false;
    short_read_ = false;
}

// The checked structure says the new type wherever it said the old one.
void ModelFile::declare_widened() {
    add_to_number(model_.ftype_offset, model_.loaded->ftype - model_.weights->ftype);
    for (const MatrixPlace& matrix : model_.matrices) {
        add_to_number(matrix.type_offset, model_.loaded->id - model_.weights->id);
    }
    blocks_.resize(kPieceBlocks * model_.weights->block_bytes);
    widened_.resize(kPieceBlocks * model_.loaded->block_bytes);
}

void ModelFile::add_to_number(std::uint64_t offset, std::int32_t difference) {
    const auto behind = std::ranges::upper_bound(model_.structure, offset, {}, &StructureRange::offset);
    StructureRange& range = *std::prev(behind);
    std::int32_t number = 0;
    std::byte* const place = range.bytes.data() + (offset - range.offset);
    std::memcpy(&number, place, sizeof number);
    number += difference;
    std::memcpy(place, &number, sizeof number);
}

// As much of `out` as lies in one stretch of structure or of weights.
std::size_t ModelFile::read_piece(std::span<std::byte> out) {
    if (!ready_.empty()) {
        return take_widened(out);
    }
    const StructureRange* range = next_structure();
    if (range != nullptr && range->offset <= position_) {
        const std::uint64_t start = position_ - range->offset;
        const std::size_t count = std::min<std::uint64_t>(out.size(), range->bytes.size() - start);
        std::memcpy(out.data(), range->bytes.data() + start, count);
        position_ += count;
        return count;
    }
    if (const MatrixPlace* matrix = matrix_here()) {
        widen_piece(*matrix);
        return take_widened(out);
    }
    const std::uint64_t weights_end = range != nullptr ? range->offset : model_.info.file_bytes;
    const auto piece = out.first(std::min<std::uint64_t>(out.size(), weights_end - position_));
    read_weights(piece);
    return piece.size();
}

const StructureRange* ModelFile::next_structure() noexcept {
    const auto& structure = model_.structure;
    while (next_range_ < structure.size() &&
           structure[next_range_].offset + structure[next_range_].bytes.size() <= position_) {
        ++next_range_;
    }
    return next_range_ < structure.size() ? &structure[next_range_] : nullptr;
}

// The matrix to be widened that lies here, if one does.
const MatrixPlace* ModelFile::matrix_here() noexcept {
    if (widen_ == nullptr) {
        return nullptr;
    }
    const auto& matrices = model_.matrices;
    while (next_matrix_ < matrices.size() &&
           matrices[next_matrix_].offset + matrices[next_matrix_].bytes <= position_) {
        ++next_matrix_;
    }
    const bool inside = next_matrix_ < matrices.size() && matrices[next_matrix_].offset <= position_;
    return inside ? &matrices[next_matrix_] : nullptr;
}

void ModelFile::read_weights(std::span<std::byte> out) {
    const std::size_t count = source_.read_at(position_, out);
    if (count < out.size()) {
        std::ranges::fill(out.subspan(count), std::byte{0});
        short_read_ = true;
    }
    position_ += out.size();
}

void ModelFile::widen_piece(const MatrixPlace& matrix) {
    const std::uint64_t left = matrix.offset + matrix.bytes - position_;
    const auto blocks = std::span(blocks_).first(std::min<std::uint64_t>(blocks_.size(), left));
    read_weights(blocks);
    const std::size_t n_blocks = blocks.size() / model_.weights->block_bytes;
    const auto widened = std::span(widened_).first(n_blocks * model_.loaded->block_bytes);
    widen_(*model_.weights, blocks, widened);
    ready_ = widened;
}

std::size_t ModelFile::take_widened(std::span<std::byte> out) noexcept {
    const std::size_t count = std::min(out.size(), ready_.size());
    std::ranges::copy(ready_.first(count), out.begin());
    ready_ = ready_.subspan(count);
    return count;
}

}  // namespace thoth
