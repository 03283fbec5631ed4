"""The event bus where processes end, fork, or are interrupted by signals."""

from __future__ import annotations

import os
import signal

import pytest
from python_process import PythonProcess

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_what_waits_at_the_end_of_the_program_is_delivered() -> None:
    code = """
        import time
        from thoth.observe.events import Events

        events = Events()

        def slow(event):
            time.sleep(0.01)
            print(event, flush=True)

        events.subscribe(slow)
        for number in range(10):
            events.publish(number)
    """
    with PythonProcess(code) as process:
        assert process.outcome() == (0, "".join(f"{number}\n" for number in range(10)), "")


def test_a_program_ends_although_a_subscriber_does_not_return() -> None:
    code = """
        import atexit, threading
        from thoth.observe.events import Events

        events = Events()
        atexit.register(events.publish, "at the end, before what waits is delivered")
        inside = threading.Event()

        def stuck(event):
            inside.set()
            threading.Event().wait()

        events.subscribe(stuck)
        events.publish(1)
        inside.wait()
        print("over")

        class Last:
            def __del__(self):
                events.publish("in the interpreter's last moments")

        last = Last()
    """
    with PythonProcess(code) as process:
        assert process.outcome() == (0, "over\n", "")


@needs_fork
def test_a_forked_process_has_no_subscribers_until_it_subscribes() -> None:
    code = """
        import os, threading, warnings
        from thoth.observe.events import Events

        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which is the matter here
        events, other = Events(), Events()
        seen = []
        inside, leave = threading.Event(), threading.Event()

        def callback(event):
            seen.append(event)

        def holding():
            with subscription._changed, events._lock:
                inside.set()
                leave.wait()

        subscription = events.subscribe(callback)
        holder = threading.Thread(target=holding)
        holder.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            events.publish("of the parent")
            assert threading.active_count() == 1
            mine = events.subscribe(callback)
            events.publish("of the child")
            events.close(30)
            subscription.unsubscribe(30)
            other.close()
            print(seen, flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        leave.set()
        holder.join()
        events.publish("in the parent")
        events.close(30)
        print(seen)
    """
    with PythonProcess(code) as process:
        assert process.outcome() == (0, "['of the child']\n0\n['in the parent']\n", "")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_a_signal_handler_may_publish_and_trace_whatever_it_interrupts() -> None:
    code = """
        import signal
        from thoth.observe.events import Events
        from thoth.observe.tracing import Tracer

        events, tracer = Events(), Tracer("light", capacity=1000)
        interruptions = 0

        def handler(number, frame):
            global interruptions
            interruptions += 1
            with tracer.span("interrupting"):
                events.publish("interrupting")

        subscription = events.subscribe(lambda event: None)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while interruptions < 500:
            with tracer.span("interrupted"):
                events.publish("interrupted")
        signal.setitimer(signal.ITIMER_REAL, 0)
        events.close(30)
        print(subscription.errors)
    """
    with PythonProcess(code) as process:
        assert process.outcome() == (0, "0\n", "")
