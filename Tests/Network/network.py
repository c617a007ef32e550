"""Several hosts on one machine: network namespaces on a wide network that is simulated here, packet by packet.

Every host has a TUN device (tun(4)) as its only way out, with an address of its own. The relay reads each packet that a host
sends and writes it to the host it is for, after what the links of the two do to it: delay, jitter, loss, duplication, reordering,
a rate, or nothing gets through at all. Links are simulated; what runs over them is real. Needs root and iproute2.

    with Network(["north", "west"], seed=1) as network:
        network.link("north", delay=0.1, loss=0.05, rate=1e6)
        network.host("north").run(["ping", "-c", "3", network.address("west")])
"""
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# What waits for a slow link before packets are dropped: a quarter of a second, but some packets at least.
QUEUE_SECONDS, QUEUE_LEAST = 0.25, 64 << 10


class Link:
    """What happens to packets between a host and the middle of the network, each way."""

    def __init__(self):
        self.delay = self.jitter = self.loss = self.duplicate = self.reorder = 0.0  # seconds; shares of 1
        self.rate = None  # bits per second
        self.is_up = True
        self.free = {"out": 0.0, "in": 0.0}  # when the wire has sent what it has
        # Packets that something has happened to.
        self.met = {"down": 0, "lost": 0, "queued": 0, "overflowed": 0, "delayed": 0, "reordered": 0, "duplicated": 0}

    def pass_through(self, way, size, now, chance):
        """When a packet that comes now leaves; nothing if it is lost, twice if it is duplicated."""
        if not self.is_up:
            self.met["down"] += 1
            return []
        if chance.random() < self.loss:
            self.met["lost"] += 1
            return []
        leaves = now
        if self.rate:
            waiting = max(0.0, self.free[way] - now)
            if waiting * self.rate / 8 > max(QUEUE_LEAST, self.rate / 8 * QUEUE_SECONDS):
                self.met["overflowed"] += 1
                return []
            leaves = self.free[way] = now + waiting + size * 8 / self.rate
            self.met["queued"] += waiting > 0
        # A packet that is reordered overtakes those that wait out the delay.
        overtakes = chance.random() < self.reorder
        delay = 0.0 if overtakes else self.delay + chance.uniform(-self.jitter, self.jitter)
        self.met["reordered"] += overtakes
        self.met["delayed"] += delay > 0
        times = [leaves + max(0.0, delay)]
        if chance.random() < self.duplicate:
            times.append(times[0])
            self.met["duplicated"] += 1
        return times


class Host:
    """A network namespace with an address."""

    def __init__(self, namespace, address):
        self.namespace, self.address, self.link = namespace, address, Link()

    def command(self, words):
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, words, **options):
        return subprocess.run(self.command(words), **options)

    def start(self, words, **options):
        return subprocess.Popen(self.command(words), **options)


class Network:
    def __init__(self, names, seed=1, prefix=None, mtu=1500):
        """A larger `mtu` lets the relay, which is one thread of Python, carry more bits per second."""
        self.mtu = mtu
        self.chance = random.Random(seed)
        prefix = prefix or f"tr{os.getpid() % 100000}"
        self.hosts = {name: Host(f"{prefix}-{name}", f"10.77.0.{number}") for number, name in enumerate(names, 1)}
        self.devices = {}
        self.counts = {"carried": 0, "dropped": 0, "bytes": 0}
        self.stopping, self.stopped = os.pipe(), threading.Event()

    def host(self, name):
        return self.hosts[name]

    def address(self, name):
        return self.hosts[name].address

    def link(self, name, **settings):
        """Changes a host's link from now on: delay, jitter (s), loss, duplicate, reorder (shares), rate (bit/s), is_up."""
        link = self.hosts[name].link
        for key, value in settings.items():
            assert hasattr(link, key), key
            setattr(link, key, value)

    def met(self):
        """Packets of all links that something has happened to, by what."""
        links = [host.link.met for host in self.hosts.values()]
        return {what: sum(each[what] for each in links) for what in links[0]}

    def __enter__(self):
        for number, host in enumerate(self.hosts.values()):
            ip("netns", "add", host.namespace)
            device = f"{host.namespace[:8]}t{number}"
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
            self.devices[host.address] = (descriptor, host)
            ip("link", "set", device, "netns", host.namespace)
            for words in (["addr", "add", f"{host.address}/24", "dev", device], ["link", "set", device, "mtu", str(self.mtu), "up"],
                          ["link", "set", "lo", "up"]):
                ip("-n", host.namespace, *words)
        self.thread = threading.Thread(target=self.relay, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_fault):
        os.write(self.stopping[1], b"x")
        self.thread.join()
        for descriptor, host in self.devices.values():
            os.close(descriptor)
            # What still runs in it would keep it alive.
            for pid in subprocess.run(["ip", "netns", "pids", host.namespace], capture_output=True, text=True).stdout.split():
                subprocess.run(["kill", "-9", pid], check=False)
            ip("netns", "del", host.namespace)

    def relay(self):
        senders = {descriptor: host for descriptor, host in self.devices.values()}
        poll = select.epoll()
        for descriptor in (*senders, self.stopping[0]):
            poll.register(descriptor, select.EPOLLIN)
        waiting, number = [], 0
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else -1
            for descriptor, _events in poll.poll(timeout):
                if descriptor == self.stopping[0]:
                    return
                for _ in range(64):
                    try:
                        packet = os.read(descriptor, self.mtu + 64)
                    except BlockingIOError:
                        break
                    # Version 4 alone (RFC 791): the destination is bytes 16 to 19.
                    receiver = self.devices.get(".".join(map(str, packet[16:20]))) if len(packet) >= 20 and packet[0] >> 4 == 4 else None
                    if receiver is None:
                        continue
                    now = time.monotonic()
                    for leaves in senders[descriptor].link.pass_through("out", len(packet), now, self.chance):
                        number += 1
                        heapq.heappush(waiting, (leaves, number, receiver, packet, False))
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                leaves, _number, receiver, packet, is_through = heapq.heappop(waiting)
                if not is_through:
                    # The second link is entered when the first is left, and not before: others' packets go first meanwhile.
                    for arrives in receiver[1].link.pass_through("in", len(packet), leaves, self.chance):
                        number += 1
                        heapq.heappush(waiting, (arrives, number, receiver, packet, True))
                    continue
                descriptor = receiver[0]
                try:
                    os.write(descriptor, packet)
                    self.counts["carried"] += 1
                    self.counts["bytes"] += len(packet)
                except (BlockingIOError, OSError):
                    self.counts["dropped"] += 1


def ip(*words):
    result = subprocess.run(["ip", *words], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"ip {' '.join(words)}: {result.stderr.strip()} (network namespaces need root and /dev/net/tun)")
