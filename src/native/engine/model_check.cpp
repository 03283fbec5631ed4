#include "engine/model_check.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "engine/foreign_format.hpp"
#include "engine/model_header.hpp"
#include "engine/structure_reader.hpp"
#include "engine/weight_scan.hpp"

namespace thoth {
namespace {

constexpr std::int32_t kNameBytes = 128;
constexpr std::size_t kScanBytes = 256 * 1024;

std::string shape_text(std::span<const std::int32_t> dims) {
    std::string text = "[";
    for (const std::int32_t dim : dims) {
        text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
    }
    return text + "]";
}

std::string type_text(std::int32_t id) {
    const TensorType* type = tensor_type(id);
    return std::to_string(id) + (type == nullptr ? std::string() : " (" + std::string(type->name) + ")");
}

struct PlacedTensor {
    const TensorSpec* spec;
    std::uint64_t offset;
    std::uint64_t type_offset;
};

class ModelCheck {
public:
    ModelCheck(ByteSource& source, const std::string& name) : source_(source), reader_(source, name) {}

    CheckedModel run() {
        const ModelHeader header = read_header(reader_);
        check_tensors(header);
        check_weights();
        ModelInfo info = header.info;
        info.file_bytes = source_.size();
        info.n_tensors = placed_.size();
        const TensorType& weights = *header.weights;
        const TensorType& loaded = loaded_type(weights, specs_);
        info.loaded_type = loaded.name;
        return {info, &weights, &loaded, header.ftype_offset, matrices(weights), reader_.take_structure()};
    }

private:
    void check_tensors(const ModelHeader& header) {
        specs_ = expected_tensors(header.info, *header.weights);
        placed_.reserve(specs_.size());
        std::unordered_map<std::string_view, const TensorSpec*> missing;
        for (const TensorSpec& spec : specs_) {
            missing.emplace(spec.name, &spec);
        }
        while (!missing.empty() && !reader_.at_end()) {
            read_tensor(missing);
        }
        if (placed_.empty()) {
            reader_.fault(
                "number of tensors", "0", reader_.position(),
                std::to_string(specs_.size()) + " (a file with only a vocabulary serves tests of the format)");
        }
        if (!missing.empty()) {
            const auto first =
                std::ranges::find_if(specs_, [&](const TensorSpec& spec) { return missing.contains(spec.name); });
            reader_.fault("tensor " + quoted(first->name),
                          "missing; the file ends after " + std::to_string(placed_.size()) + " tensors,",
                          reader_.position(), std::to_string(specs_.size()) + " tensors");
        }
        if (!reader_.at_end()) {
            reader_.fault("what follows the last tensor",
                          std::to_string(source_.size() - reader_.position()) + " bytes", reader_.position(),
                          "the end of the file (is a tensor there twice, or is n_audio_layer or n_text_layer wrong?)");
        }
    }

    void read_tensor(std::unordered_map<std::string_view, const TensorSpec*>& missing) {
        const std::string ordinal = "tensor " + std::to_string(placed_.size()) + " ";
        const std::int32_t n_dims = reader_.read_int(ordinal + "n_dims");
        if (n_dims < 1 || n_dims > 4) {
            reader_.wrong("1 to 4");
        }
        const std::int32_t length = reader_.read_int(ordinal + "name length");
        if (length < 1 || length > kNameBytes) {
            reader_.wrong("1 to " + std::to_string(kNameBytes));
        }
        const std::int32_t type = reader_.read_int(ordinal + "type");
        const std::uint64_t type_offset = reader_.position() - 4;
        const std::uint64_t dims_offset = reader_.position();
        std::array<std::int32_t, 4> dims = {1, 1, 1, 1};
        for (std::int32_t i = 0; i < n_dims; ++i) {
            dims[static_cast<std::size_t>(i)] = reader_.read_int(ordinal + "dims");
        }
        const std::uint64_t name_offset = reader_.position();
        const std::string name = reader_.read_text(static_cast<std::uint32_t>(length), ordinal + "name");
        const TensorSpec& spec = claim(name, name_offset, missing);
        const std::string field = "tensor " + quoted(name);
        if (type != spec.type->id) {
            reader_.fault(field + " type", type_text(type), type_offset, type_text(spec.type->id));
        }
        if (dims != spec.dims) {
            reader_.fault(field + " shape", shape_text(dims), dims_offset, shape_text(spec.dims));
        }
        placed_.push_back({&spec, reader_.position(), type_offset});
        reader_.skip_weights(spec.bytes, field + " data");
    }

    const TensorSpec& claim(const std::string& name, std::uint64_t offset,
                            std::unordered_map<std::string_view, const TensorSpec*>& missing) {
        const auto found = missing.find(name);
        if (found != missing.end()) {
            const TensorSpec* spec = found->second;
            missing.erase(found);
            return *spec;
        }
        const bool twice = std::ranges::any_of(placed_, [&](const auto& tensor) { return tensor.spec->name == name; });
        reader_.fault("tensor " + std::to_string(placed_.size()) + " name", quoted(name), offset,
                      twice ? "each tensor once (this one came before)" : "the name of a Whisper tensor of this size");
    }

    std::vector<MatrixPlace> matrices(const TensorType& type) const {
        std::vector<MatrixPlace> found;
        for (const PlacedTensor& tensor : placed_) {
            if (tensor.spec->type == &type) {
                found.push_back({tensor.offset, tensor.spec->bytes, tensor.type_offset});
            }
        }
        return found;
    }

    void check_weights() {
        std::vector<std::byte> piece(kScanBytes);
        for (const PlacedTensor& tensor : placed_) {
            const TensorType& type = *tensor.spec->type;
            const std::size_t whole_blocks = kScanBytes / type.block_bytes * type.block_bytes;
            for (std::uint64_t done = 0; done < tensor.spec->bytes;) {
                const std::size_t count = std::min<std::uint64_t>(whole_blocks, tensor.spec->bytes - done);
                scan_piece(tensor, done, std::span(piece).first(count));
                done += count;
            }
        }
    }

    void scan_piece(const PlacedTensor& tensor, std::uint64_t start, std::span<std::byte> piece) {
        const std::string field = "tensor " + quoted(tensor.spec->name);
        const std::size_t count = source_.read_at(tensor.offset + start, piece);
        if (count < piece.size()) {
            reader_.unreadable(tensor.offset + start + count, field + " data");
        }
        const TensorType& type = *tensor.spec->type;
        if (const auto bad = first_non_finite(type, piece)) {
            const std::uint64_t value = (start + *bad) / type.block_bytes * type.block_values;
            reader_.fault(field + (type.quantized ? " scale of values from " : " value ") + std::to_string(value),
                          "NaN or infinite", tensor.offset + start + *bad, "a finite number");
        }
    }

    ByteSource& source_;
    StructureReader reader_;
    std::vector<TensorSpec> specs_;
    std::vector<PlacedTensor> placed_;
};

}  // namespace

CheckedModel check_source(ByteSource& source, const std::string& name) {
    refuse_foreign_format(source, name);
    return ModelCheck(source, name).run();
}

}  // namespace thoth
