// What the gate promises: one holder at a time, live before batch, nobody starved, and no way to lose it.
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/gate.hpp"
#include "errors.hpp"
#include "require.hpp"

using namespace std::chrono_literals;
using thoth::Gate;
using thoth::Patience;
using thoth::Priority;

namespace {

constexpr auto live = Priority::live;
constexpr auto batch = Priority::batch;

struct Interrupted : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class Error, class Action>
bool throws(Action action) {
    try {
        action();
    } catch (const Error&) {
        return true;
    }
    return false;
}

void wait_until_waiting(const Gate& gate, std::size_t count) {
    while (gate.stats().waiting() != count) std::this_thread::yield();
}

// Threads that ask for the gate one after the other, each once the one before stands in line, and note when they had
// it.
class Callers {
public:
    explicit Callers(Gate& gate) : gate_(gate) {}

    void ask(Priority priority, std::string name) {
        threads_.emplace_back([this, priority, name] {
            const auto permit = gate_.acquire(priority);
            order.push_back(name);
        });
        wait_until_waiting(gate_, ++asked_);
    }
    void ask(Priority priority, const std::string& name, int count) {
        for (int i = 0; i < count; ++i) ask(priority, name + std::to_string(i));
    }
    void join() { threads_.clear(); }

    std::vector<std::string> order;  // guarded by the gate

private:
    Gate& gate_;
    std::size_t asked_ = 0;
    std::vector<std::jthread> threads_;
};

void no_patience_means_busy_at_once() {
    Gate gate;
    const auto held = gate.acquire(batch);
    REQUIRE(throws<thoth::ModelBusy>(
        [&] { static_cast<void>(gate.acquire(live, {.timeout = 0ns, .stop = {}, .poll = {}})); }));
    REQUIRE(gate.stats().waiting() == 0);
    REQUIRE(gate.stats().of(live).timed_out == 1);
    REQUIRE(!held.should_yield());
}

void who_holds_it_is_told_to_whom_it_keeps_waiting() {
    Gate gate;
    Callers callers(gate);
    {
        const auto held = gate.acquire(batch);
        REQUIRE(gate.stats().holder == batch);
        callers.ask(batch, "b", 2);
        callers.ask(live, "l");
        try {
            static_cast<void>(gate.acquire(live, {.timeout = 0ns, .stop = {}, .poll = {}}));
            REQUIRE(false);
        } catch (const thoth::ModelBusy& busy) {
            const std::string message = busy.what();
            REQUIRE(message.find("in use by a batch request, with 1 live and 2 batch waiting") != std::string::npos);
        }
    }
    callers.join();
    REQUIRE(!gate.stats().holder);
}

void a_timeout_is_kept_and_leaves_no_trace() {
    Gate gate;
    {
        const auto held = gate.acquire(batch);
        const auto start = std::chrono::steady_clock::now();
        REQUIRE(throws<thoth::ModelBusy>(
            [&] { static_cast<void>(gate.acquire(batch, {.timeout = 30ms, .stop = {}, .poll = {}})); }));
        REQUIRE(std::chrono::steady_clock::now() - start >= 30ms);
        REQUIRE(gate.stats().waiting() == 0);
    }
    REQUIRE(!gate.stats().holder);
}

void first_come_first_served_within_a_class() {
    for (const auto priority : {live, batch}) {
        Gate gate;
        Callers callers(gate);
        {
            const auto held = gate.acquire(batch);
            for (int i = 0; i < 8; ++i) callers.ask(priority, std::to_string(i));
        }
        callers.join();
        for (std::size_t i = 0; i < 8; ++i) REQUIRE(callers.order[i] == std::to_string(i));
    }
}

void live_goes_before_batch() {
    Gate gate;
    Callers callers(gate);
    {
        const auto held = gate.acquire(live);
        callers.ask(batch, "b", 2);
        callers.ask(live, "l", 2);
    }
    callers.join();
    REQUIRE((callers.order == std::vector<std::string>{"l0", "l1", "b0", "b1"}));
}

void a_batch_holder_is_asked_to_yield_while_a_live_request_waits_and_no_longer() {
    Gate gate;
    auto held = gate.acquire(batch);
    REQUIRE(!held.should_yield());
    std::stop_source stop;
    std::jthread impatient([&] {
        REQUIRE(throws<thoth::Cancelled>(
            [&] { static_cast<void>(gate.acquire(live, {.timeout = {}, .stop = stop.get_token(), .poll = {}})); }));
    });
    wait_until_waiting(gate, 1);
    REQUIRE(held.should_yield());
    stop.request_stop();
    impatient.join();
    REQUIRE(!held.should_yield());
    REQUIRE(!held.give_way());
    REQUIRE(held.held());
    REQUIRE(gate.stats().of(batch).preempted == 0);
    REQUIRE(gate.stats().of(live).cancelled == 1);
}

void a_live_holder_is_never_asked_to_yield() {
    Gate gate;
    Callers callers(gate);
    {
        auto held = gate.acquire(live);
        callers.ask(live, "l");
        callers.ask(batch, "b");
        REQUIRE(!held.should_yield());
        REQUIRE(!held.give_way());
    }
    callers.join();
}

void who_gives_way_goes_on_before_others_of_its_class() {
    Gate gate;
    Callers callers(gate);
    {
        auto held = gate.acquire(batch);
        callers.ask(batch, "b");
        callers.ask(live, "l", 2);
        REQUIRE(held.give_way());
        callers.order.emplace_back("on");
        REQUIRE(gate.stats().holder == batch);
    }
    callers.join();
    REQUIRE((callers.order == std::vector<std::string>{"l0", "l1", "on", "b"}));
    REQUIRE(gate.stats().of(batch).preempted == 1);
    REQUIRE(gate.stats().of(batch).granted == 2);
}

void a_turn_gives_way_to_so_many_and_then_goes_on_to_its_end() {
    Gate gate;
    {
        auto held = gate.acquire(batch);
        for (int i = 0; i < Gate::most_overtakes; ++i) {
            Callers caller(gate);
            caller.ask(live, "live");
            REQUIRE(held.should_yield());
            REQUIRE(held.give_way());
            caller.join();
            REQUIRE(caller.order.size() == 1);
        }
        Callers late(gate);
        late.ask(live, "late");
        REQUIRE(!held.should_yield());
        REQUIRE(!held.give_way());
        held.release();
    }
    // The next turn may be interrupted again.
    auto next = gate.acquire(batch);
    Callers caller(gate);
    caller.ask(live, "live");
    REQUIRE(next.give_way());
}

// Forty live requests stand in line. Eight go before the waiting batch request; it gives way whenever it is asked, lets
// eight go each time, and has come to its end after twenty-four.
void live_requests_cannot_starve_a_batch_request() {
    Gate gate;
    std::vector<std::string> order;  // guarded by the gate
    std::vector<std::jthread> threads;
    {
        const auto held = gate.acquire(live);
        threads.emplace_back([&] {
            auto permit = gate.acquire(batch);
            order.emplace_back("begin");
            while (permit.should_yield()) REQUIRE(permit.give_way());
            order.emplace_back("end");
        });
        wait_until_waiting(gate, 1);
        for (std::size_t i = 0; i < 40; ++i) {
            threads.emplace_back([&] {
                const auto permit = gate.acquire(live);
                order.emplace_back("live");
            });
            wait_until_waiting(gate, i + 2);
        }
    }
    threads.clear();
    const auto place = [&](const char* what) { return std::ranges::find(order, what) - order.begin(); };
    REQUIRE(order.size() == 42);
    REQUIRE(place("begin") == Gate::most_in_a_row);
    REQUIRE(place("end") - 1 == Gate::most_overtakes);
    REQUIRE(gate.stats().of(batch).preempted == 2);
}

void a_waiter_that_gives_up_lets_the_next_one_through() {
    Gate gate;
    std::stop_source first_stop;
    std::atomic<bool> first_cancelled{false};
    std::atomic<bool> second_in{false};
    std::jthread first;
    std::jthread second;
    {
        const auto held = gate.acquire(batch);
        first = std::jthread([&] {
            first_cancelled = throws<thoth::Cancelled>([&] {
                static_cast<void>(gate.acquire(batch, {.timeout = {}, .stop = first_stop.get_token(), .poll = {}}));
            });
        });
        wait_until_waiting(gate, 1);
        second = std::jthread([&] {
            const auto permit = gate.acquire(batch);
            second_in = true;
        });
        wait_until_waiting(gate, 2);
        first_stop.request_stop();
        first.join();
        REQUIRE(first_cancelled);
        REQUIRE(!second_in);
    }
    second.join();
    REQUIRE(second_in);
}

void who_is_cancelled_while_giving_way_has_lost_the_gate() {
    Gate gate;
    std::stop_source stop;
    std::atomic<bool> leave{false};
    auto held = gate.acquire(batch);
    std::jthread talker([&] {
        const auto permit = gate.acquire(live);
        wait_until_waiting(gate, 1);  // who gave way
        stop.request_stop();
        while (!leave) std::this_thread::yield();
    });
    wait_until_waiting(gate, 1);
    REQUIRE(throws<thoth::Cancelled>([&] { held.give_way({.timeout = {}, .stop = stop.get_token(), .poll = {}}); }));
    REQUIRE(!held.held());
    REQUIRE(gate.stats().holder == live);
    REQUIRE(gate.stats().waiting() == 0);
    leave = true;
    talker.join();
    REQUIRE(!gate.stats().holder);
}

void what_poll_throws_ends_the_wait() {
    Gate gate;
    const auto held = gate.acquire(live);
    const auto poll = [] { throw Interrupted("signal"); };
    REQUIRE(throws<Interrupted>(
        [&] { static_cast<void>(gate.acquire(batch, {.timeout = {}, .stop = {}, .poll = poll})); }));
    REQUIRE(gate.stats().waiting() == 0);
    REQUIRE(gate.stats().of(batch).cancelled == 1);
}

void waits_are_told_per_class() {
    Gate gate;
    Callers callers(gate);
    {
        const auto held = gate.acquire(batch);
        callers.ask(live, "l");
        std::this_thread::sleep_for(20ms);
    }
    callers.join();
    const auto stats = gate.stats();
    REQUIRE(stats.of(live).longest_wait >= 20ms && stats.of(live).p50_wait >= 19ms && stats.of(live).p99_wait >= 19ms);
    REQUIRE(stats.of(batch).longest_wait < 20ms);
    REQUIRE(stats.of(live).granted == 1 && stats.of(batch).granted == 1);
}

#ifndef _WIN32
// The copy of a thread's lock in the child is never opened: nothing there may wait for it.
void a_forked_child_is_told_and_does_not_hang() {
    Gate gate;
    Callers callers(gate);
    auto held = gate.acquire(batch);
    const int child = fork();
    if (child == 0) {
        alarm(10);
        const bool told = throws<thoth::ModelError>([&] { static_cast<void>(gate.acquire(live)); }) &&
                          throws<thoth::ModelError>([&] { static_cast<void>(gate.stats()); });
        held.release();
        _exit(told ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(gate.stats().holder == batch);
}
#endif

// Sixteen threads of both classes that acquire, give way, time out, are cancelled, are interrupted and throw while
// holding, at random. The counter is a plain int on purpose: two holders at once are a data race that ThreadSanitizer
// sees.
class Storm {
public:
    void run(std::chrono::seconds length) {
        const auto end = std::chrono::steady_clock::now() + length;
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < 16; ++i) {
            threads.emplace_back([this, i, end] {
                std::mt19937 random(i);
                while (std::chrono::steady_clock::now() < end) once(random);
            });
        }
        threads.clear();
        check();
    }

private:
    void once(std::mt19937& random) {
        std::stop_source stop;
        Patience patience{.timeout = {}, .stop = stop.get_token(), .poll = {}};
        std::jthread canceller;
        switch (random() % 5) {
            case 0:
                patience.timeout = std::chrono::microseconds(random() % 200);
                break;
            case 1:
                canceller = std::jthread([&stop] { stop.request_stop(); });
                break;
            case 2:
                patience.poll = [&random] {
                    if (random() % 2 == 0) throw Interrupted("signal");
                };
                break;
            default:
                break;
        }
        try {
            hold(random() % 2 == 0 ? live : batch, patience, random);
        } catch (const thoth::Error&) {
            ++refused_;
        } catch (const Interrupted&) {
            ++refused_;
        }
    }

    void hold(Priority priority, const Patience& patience, std::mt19937& random) {
        auto permit = gate_.acquire(priority, patience);
        ++granted_;
        int gave_way = 0;
        for (auto passes = random() % 4; passes > 0; --passes) {
            REQUIRE(++inside_ == 1);
            ++passes_;
            if (random() % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
            --inside_;
            if (random() % 9 == 0) throw Interrupted("failure while holding");
            if (permit.should_yield()) gave_way += permit.give_way(patience);
        }
        REQUIRE(gave_way <= Gate::most_overtakes && (gave_way == 0 || priority == batch));
        gave_way_ += static_cast<std::uint64_t>(gave_way);
    }

    void check() {
        const auto stats = gate_.stats();
        REQUIRE(granted_ > 0 && refused_ > 0 && gave_way_ > 0);
        REQUIRE(!stats.holder && stats.waiting() == 0);
        REQUIRE(stats.granted() == granted_);
        REQUIRE(stats.of(batch).preempted >= gave_way_ && stats.of(live).preempted == 0);
        std::printf("storm: %llu granted, %llu gave way, %llu ended otherwise, %llu passes\n",
                    static_cast<unsigned long long>(granted_), static_cast<unsigned long long>(gave_way_),
                    static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(passes_));
    }

    Gate gate_;
    int inside_ = 0;
    std::uint64_t passes_ = 0;  // guarded by the gate, as is `inside_`
    std::atomic<std::uint64_t> granted_{0};
    std::atomic<std::uint64_t> gave_way_{0};
    std::atomic<std::uint64_t> refused_{0};
};

}  // namespace

int main() {
    no_patience_means_busy_at_once();
    who_holds_it_is_told_to_whom_it_keeps_waiting();
    a_timeout_is_kept_and_leaves_no_trace();
    first_come_first_served_within_a_class();
    live_goes_before_batch();
    a_batch_holder_is_asked_to_yield_while_a_live_request_waits_and_no_longer();
    a_live_holder_is_never_asked_to_yield();
    who_gives_way_goes_on_before_others_of_its_class();
    a_turn_gives_way_to_so_many_and_then_goes_on_to_its_end();
    live_requests_cannot_starve_a_batch_request();
    a_waiter_that_gives_up_lets_the_next_one_through();
    who_is_cancelled_while_giving_way_has_lost_the_gate();
    what_poll_throws_ends_the_wait();
    waits_are_told_per_class();
#ifndef _WIN32
    a_forked_child_is_told_and_does_not_hang();
#endif
    Storm().run(5s);
}
