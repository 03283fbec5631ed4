#pragma once

#include "engine/model_file.hpp"
#include "engine/options.hpp"
#include "engine/result.hpp"
#include "engine/workspace.hpp"

namespace thoth {

// What the run that ended last in `workspace` has found: its segments, less those that are silence, and the no-speech
// probability, which takes one more decoder step. The thread of that run, with the gate held.
void collect(WindowResult& result, const Workspace& workspace, const ModelInfo& info, const DecodeOptions& options);

}  // namespace thoth
