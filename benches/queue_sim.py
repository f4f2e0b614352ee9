#!/usr/bin/env python3
"""Where workers of a queue stop adding up: a simulation from measured times.

    cargo run -p flowinone-queue --example overhead -- redis://127.0.0.1:7777 100000 4 8
    python3 benches/queue_sim.py --seconds 0.05 --take 30 --settle 40 --renew 25

Each worker takes a batch, computes it, renews its leases each --renewals seconds meanwhile, then writes and settles
picture by picture. Redis answers one command after another, each for as long as it was measured to; the
store takes any number of writes at a time, each for --write milliseconds, up to --store of them a second.
What a batch takes differs by --spread, so that workers do not keep step. Prints Markdown.
"""

import argparse
import heapq
import random


class Server:
    """Serves one request after another."""

    def __init__(self):
        self.free, self.busy = 0.0, 0.0

    def serve(self, now, service):
        begin = max(now, self.free)
        self.free = begin + service
        self.busy += service
        return self.free


def simulate(options, workers):
    """Pictures a second, and the shares of time that Redis and the workers are busy."""
    chance = random.Random(workers)
    redis, store = Server(), Server()
    batch, horizon = options.batch, options.horizon * max(1.0, options.batch * options.seconds)
    warm = horizon / 5
    done, computing, every = 0, 0.0, options.renewals
    # An event is a time, a worker, and what it does next: the time is when it asks for it.
    events = [(chance.uniform(0, batch * options.seconds), number, "take", 0.0) for number in range(workers)]
    heapq.heapify(events)
    left = [0] * workers
    while events:
        now, worker, what, rest = heapq.heappop(events)
        if now > horizon:
            break
        if what == "take":
            answered = redis.serve(now, 1e-6 * options.take * batch) + options.trip
            compute = batch * options.seconds * chance.uniform(1 - options.spread, 1 + options.spread)
            computing += compute
            heapq.heappush(events, (answered + min(every, compute), worker, "compute", compute - every))
        elif what == "compute" and rest > 0:
            # There is more of it: the leases are renewed.
            answered = redis.serve(now, 1e-6 * options.renew * batch) + options.trip
            heapq.heappush(events, (answered + min(every, rest), worker, "compute", rest - every))
        elif what == "compute":
            left[worker] = batch
            heapq.heappush(events, (now, worker, "write", 0.0))
        elif what == "write":
            begun = store.serve(now, 1 / options.store) if options.store else now
            heapq.heappush(events, (begun + 1e-3 * options.write, worker, "settle", 0.0))
        else:
            answered = redis.serve(now, 1e-6 * options.settle) + options.trip
            done += now > warm
            left[worker] -= 1
            heapq.heappush(events, (answered, worker, "write" if left[worker] else "take", 0.0))
    return done / (horizon - warm), redis.busy / horizon, computing / horizon / workers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    number = dict(type=float)
    parser.add_argument("--seconds", **number, required=True, help="seconds of a picture in a batch, one worker")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--take", **number, required=True, help="microseconds of Redis a job: taking it")
    parser.add_argument("--settle", **number, required=True, help="the same: settling it")
    parser.add_argument("--renew", **number, required=True, help="the same: renewing its lease")
    parser.add_argument("--renewals", **number, default=15.0, help="seconds between them: an eighth of the lease")
    parser.add_argument("--trip", **number, default=0.0005, help="seconds on the way to Redis and back")
    parser.add_argument("--write", **number, default=1.0, help="milliseconds of a write")
    parser.add_argument("--store", **number, default=0.0, help="most writes a second, 0: any number")
    parser.add_argument("--spread", **number, default=0.1)
    parser.add_argument("--horizon", **number, default=20.0, help="seconds, or batches, to simulate")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100, 300, 1000])
    options = parser.parse_args()
    print("| workers | pictures a second | of what they could | Redis busy |\n|---:|---:|---:|---:|")
    for workers in options.workers:
        rate, redis, computing = simulate(options, workers)
        could = workers / options.seconds
        print(f"| {workers:,} | {rate:,.1f} | {100 * rate / could:.1f} % | {100 * redis:.1f} % |")


if __name__ == "__main__":
    main()
