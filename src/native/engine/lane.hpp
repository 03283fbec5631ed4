#pragma once

#include <optional>
#include <vector>

#include "engine/result.hpp"
#include "engine/turn.hpp"

namespace thoth {

// One window on its way through a turn: where it stops for others, and what its stages take.
//
// One thread at a time: the one that runs the window. Must go before its Turn and its RunControl.
class Lane {
public:
    Lane(Turn& turn, const RunControl& control);
    virtual ~Lane() = default;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // To be called where the window is between two passes and in order: lets others go first where they should. What it
    // throws ends the run; the gate may be lost then, and nothing but what belongs to this run alone may be touched.
    void checkpoint();
    [[nodiscard]] bool cancelled() const noexcept { return control_.patience.stop.stop_requested(); }

    // Ends the stage before, if any.
    void begin(Stage stage) noexcept;

    // Ends the stage and fills in what the result tells of the turn.
    void describe(WindowResult& result);

protected:
    // Throws where the run shall end.
    virtual void look_up();
    // Returns when this lane may go on. Called where somebody waits.
    virtual void stand_aside();

    Turn& turn_;
    const RunControl& control_;

private:
    void end_stage() noexcept;

    std::optional<Stage> stage_;
    double stage_start_s_ = 0;
    std::vector<StageTime> stages_;
};

}  // namespace thoth
