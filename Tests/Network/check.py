"""Checks the simulated network against ping and iperf3: what it says it does to packets, they see."""
import json
import re
import subprocess
import sys

from network import Network


def ping(network, count=200, interval=0.01):
    """Round-trip times in ms in the order of arrival, sequence numbers in the same order, and how many came twice."""
    words = ["ping", "-c", str(count), "-i", str(interval), "-W", "2", network.address("b")]
    text = network.host("a").run(words, capture_output=True, text=True).stdout
    lines = re.findall(r"icmp_seq=(\d+) .*time=([\d.]+) ms( \(DUP!\))?", text)
    return [float(time) for _, time, _ in lines], [int(number) for number, _, _ in lines], sum(1 for line in lines if line[2])


def iperf(network, client="a", server="b", seconds=3):
    """Received bits per second of one TCP stream."""
    listener = network.host(server).start(["iperf3", "-s", "-1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(20):
            result = network.host(client).run(["iperf3", "-c", network.address(server), "-t", str(seconds), "-J"], capture_output=True, text=True)
            answer = json.loads(result.stdout)
            if "error" not in answer:
                return answer["end"]["sum_received"]["bits_per_second"]
        raise SystemExit(f"iperf3: {answer['error']}")
    finally:
        listener.kill()
        listener.wait()


def main():
    failures = []

    def check(what, found, low, high):
        fine = low <= found <= high
        print(f"{'ok  ' if fine else 'FAIL'} {what}: {found:.4g}, expected {low:g} to {high:g}", flush=True)
        if not fine:
            failures.append(what)

    def fresh(**settings):
        network.link("a", delay=0.0, jitter=0.0, loss=0.0, duplicate=0.0, reorder=0.0, rate=None, is_up=True)
        network.link("a", **settings)

    with Network(["a", "b"], seed=7) as network:
        times, numbers, twice = ping(network)
        check("a quiet network loses nothing of 200", len(times), 200, 200)
        check("and takes ms", sorted(times)[100], 0, 5)
        fresh(delay=0.05)
        times, *_ = ping(network, count=50)
        check("50 ms each way: round trip in ms", sorted(times)[25], 100, 110)
        fresh(delay=0.05, jitter=0.02)
        times, *_ = ping(network)
        times.sort()
        # Two uniform draws add up to a triangle of 80 ms; between its 5th and 95th percentile lie 55.
        check("jitter of 20 ms each way: 5th to 95th percentile in ms", times[190] - times[10], 42, 70)
        fresh(loss=0.1)
        times, *_ = ping(network, count=1000, interval=0.002)
        check("a tenth lost each way: share that comes back", len(times) / 1000, 0.76, 0.86)
        fresh(duplicate=0.2)
        times, _, twice = ping(network, count=500, interval=0.004)
        check("a fifth duplicated each way: duplicates of 500", twice, 150, 290)
        fresh(delay=0.02, reorder=0.1)
        _, numbers, _ = ping(network, count=500, interval=0.004)
        check("a tenth overtakes: out of order of 500", sum(1 for one, two in zip(numbers, numbers[1:]) if two < one), 20, 200)
        fresh(is_up=False)
        times, *_ = ping(network, count=5)
        check("a link that is down: answers of 5", len(times), 0, 0)
        for rate in (1e6, 10e6, 50e6):
            fresh(rate=rate, delay=0.005)
            check(f"{rate / 1e6:g} Mbit/s: TCP's share of it", iperf(network) / rate, 0.8, 1.0)
        fresh()
        check("no limit: Mbit/s of TCP, at least", iperf(network) / 1e6, 60, 1e6)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
