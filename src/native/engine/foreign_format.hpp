#pragma once

#include <string>

#include "engine/byte_source.hpp"

namespace thoth {

// Throws InvalidModel with a hint when the bytes are nothing at all, or begin like something else that people
// have at hand where a ggml model should be: a web page, a GGUF, safetensors or PyTorch file, a Git LFS
// pointer, … `name` begins the message.
void refuse_foreign_format(ByteSource& source, const std::string& name);

}  // namespace thoth
