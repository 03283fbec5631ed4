#pragma once

#include <string>

namespace thoth {

// Makes the CPU's kernels known to ggml, before anything computes. A wheel carries one module of them for each family
// of CPUs in a folder of the package and takes the one that suits this CPU best; a local build has them built in. Any
// thread, any number of times: the first call loads. Throws ModelError where there is nothing to load.
void load_backends();

// What load_backends() took, as ggml names its modules ("zen4", "haswell", "x64", "armv8.2_1"); "native" in a local
// build. Loads like load_backends().
std::string cpu_variant();

}  // namespace thoth
