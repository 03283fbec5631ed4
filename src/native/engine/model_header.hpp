#pragma once

#include "engine/model_layout.hpp"
#include "engine/structure_reader.hpp"

namespace thoth {

struct ModelHeader {
    ModelInfo info;             // all but file_bytes and n_tensors
    const TensorType* weights;  // the type of the large matrices
    std::uint64_t ftype_offset;
};

// Reads and checks what comes before the tensors: magic, sizes, mel filters and vocabulary. Leaves the reader
// at the first tensor. Throws InvalidModel.
ModelHeader read_header(StructureReader& reader);

}  // namespace thoth
