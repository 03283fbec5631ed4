#include "engine/turn.hpp"

namespace thoth {

Turn::Turn(Gate& gate, Occupancy& inside, Priority priority, const Patience& patience)
    : inside_(inside), asked_(Clock::now()), permit_(gate.acquire(priority, patience)), granted_(Clock::now()) {
    inside_.enter();
}

Turn::~Turn() {
    if (held()) inside_.leave();
}

void Turn::give_way(const Patience& patience) {
    const double from_s = since_grant_s();
    inside_.leave();
    preemptions_ += permit_.give_way(patience);
    inside_.enter();
    paused_s_ += since_grant_s() - from_s;
}

void Turn::describe(WindowResult& result) const noexcept {
    result.waited_s = Seconds(granted_ - asked_).count();
    result.paused_s = paused_s_;
    result.ran_s = since_grant_s() - paused_s_;
    result.preemptions = preemptions_;
}

}  // namespace thoth
