import Federation
import Foundation
import Glibc
import Keys
import MessagePack
import SeededRandom
import Sodium
import StageKit
import Testing
import Topology
import ZeroMQ

extension PipelineSuite {
    /// A slice of Tests/Network/hostile.py: peers that mean harm, against a real aggregate.
    @Suite("Hostile peers")
    struct HostilePeerTests {
        private func closes(_ stand: Stand, _ opening: Signed<Opening>) async throws {
            var expected = [UInt64](repeating: 0, count: 64)
            for (index, cloud) in ["west", "east"].enumerated() {
                let values = Stand.values(UInt32(index))
                for place in expected.indices { expected[place] += UInt64(values[place]) }
                let payload = try stand.seal(values, for: opening)
                let offer = try stand.offer(payload, for: opening, of: cloud)
                try stand.send(offer, payload, from: cloud)
                #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
            }
            let sum = try await stand.sum(of: opening)
            #expect(sum.parts == ["east", "west"])
            #expect(sum.values == expected)
            stand.release(opening)
        }

        @Test("Mutated frames by a key that counts are refused one by one, and rounds close while they come")
        func mutated() async throws {
            let stand = try await Stand()
            try await closes(stand, try await stand.open(1, quorum: 2, seconds: 3))
            let plan = try PostPlan(
                topology: stand.run.topology, keys: stand.run.keys, stage: try stand.cloud("north").stage)
            let aggregate = stand.run.topology.aggregate
            let count = 100_000
            let signing = try stand.cloud("north").signing
            let sending = Task.detached { try MutatedFrames.send(count, by: plan, signing: signing, to: aggregate) }
            for round: UInt32 in 2...3 { try await closes(stand, try await stand.open(round, quorum: 2, seconds: 4)) }
            #expect(try await sending.value >= count)
            try await closes(stand, try await stand.open(4, quorum: 2, seconds: 4))
            #expect(stand.isAlive)
            #expect(
                stand.run.book.all.contains {
                    $0.stage == aggregate && $0.name == "message_refused" && $0.fields["from"] == "north/encrypt"
                })
        }

        /// What mutations begin with. A mutation of what is refused for its first byte says nothing of what comes after it.
        @Test(
            "Before they are mutated the documents are sound: they are decoded, and refused for whose they are, their run and their round"
        )
        func sound() async throws {
            let stand = try await Stand()
            let aggregate = stand.run.topology.aggregate
            let opening = try await stand.open(2, quorum: 2)
            let plan = try PostPlan(
                topology: stand.run.topology, keys: stand.run.keys, stage: try stand.cloud("north").stage)
            let carried = try FuzzSeed.all().filter { $0.kind != nil }
            #expect(carried.count >= 14, "seeds of opening, release, abandonment, offer and receipt")
            try MutatedFrames.sendSound(carried, by: plan, signing: try stand.cloud("north").signing, to: aggregate)
            let payload = try stand.seal(Stand.values(1), for: opening)
            try stand.send(try stand.offer(payload, for: opening, of: "north", round: 1), payload, from: "north")
            _ = try await stand.run.event("offer_refused", of: aggregate) {
                $0.fields["reason"] == "round 1 is over, round 2 is open"
            }
            // A receipt of what was never sent is no fault; the others are each refused once.
            let refused = carried.count { $0.kind != .receipt }
            func reasons() -> [String] {
                stand.run.book.all.filter { $0.stage == aggregate && $0.name == "message_refused" }.compactMap {
                    $0.fields["reason"]
                }
            }
            for _ in 0..<200 where reasons().count < refused { try await Task.sleep(for: .milliseconds(50)) }
            let (role, run) = (
                reasons().count { $0.contains("only office/publish announces") },
                reasons().count { $0.contains("in run trial-7") }
            )
            #expect(role == carried.count { ![.offer, .receipt].contains($0.kind) }, "\(reasons())")
            #expect(run == carried.count { $0.kind == .offer }, "\(reasons())")
            #expect(stand.isAlive)
        }

        @Test("Hundreds of connections that say nothing leave room for those that have a key")
        func halfOpen() async throws {
            let stand = try await Stand()
            try await closes(stand, try await stand.open(1, quorum: 2, seconds: 3))
            let whole = try PostPlan(
                topology: stand.run.topology, keys: stand.run.keys, stage: try stand.cloud("north").stage)
            let dial = try #require(whole.dials.first { $0.hub == stand.run.topology.aggregate })
            var crowd: [Int32] = []
            defer { for each in crowd { close(each) } }
            for endpoint in [dial.work, dial.news] {
                let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
                for _ in 0..<300 { crowd.append(try Self.dial(port)) }
            }
            // Somebody new comes in, and who was there goes on.
            let late = try ScriptedStage(
                try stand.cloud("north").stage, in: stand.run,
                plan: PostPlan(
                    stage: whole.stage, hub: nil, dials: [dial], curvePublic: whole.curvePublic,
                    curveSecret: whole.curveSecret))
            defer { late.post.stop() }
            _ = try await late.message("aggregate's beat") { $0.kind == .beat }
            try await closes(stand, try await stand.open(2, quorum: 2, seconds: 4))
            #expect(stand.isAlive)
        }

        @Test("The same again, an older epoch and another run have no effect, and their originals have")
        func replays() async throws {
            let stand = try await Stand()
            let (run, aggregate) = (stand.run, stand.run.topology.aggregate)
            let first = try await stand.open(1)
            var sent: [(cloud: String, offer: Signed<Offer>, payload: [UInt8])] = []
            for (index, cloud) in ["north", "west", "east"].enumerated() {
                let payload = try stand.seal(Stand.values(UInt32(index)), for: first)
                let offer = try stand.offer(payload, for: first, of: cloud)
                sent.append((cloud, offer, payload))
                try stand.send(offer, payload, from: cloud)
                #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
            }
            _ = try await stand.sum(of: first)
            stand.release(first)
            let second = try await stand.open(2)
            // Recorded: the contributions of the first round, in the second; under an epoch that is long over; twenty times.
            for epoch in [UInt64](repeating: 1, count: 20) + [0] {
                for each in sent {
                    let cloud = try stand.cloud(each.cloud)
                    cloud.post.push(
                        WireMessage(
                            .offer, from: cloud.stage, epoch: epoch, document: each.offer.bytes,
                            signature: each.offer.signature.bytes, bulk: each.payload), to: aggregate)
                }
            }
            // An opening of before, and one of another run under publish's own signature.
            stand.announce(first, sequence: 3)
            var elsewhere = try decodeDocument(second.bytes)
            if case .map(let pairs) = elsewhere {
                elsewhere = .map(pairs.map { $0.0 == "run" ? ($0.0, .text("elsewhere")) : ($0.0, $0.1) })
            }
            let foreign = Signed(try Opening(elsewhere), by: stand.publish.signing)
            stand.announce(foreign, sequence: 4)
            _ = try await run.event("message_refused", of: aggregate) {
                $0.fields["reason"]?.contains("it belongs to run elsewhere") ?? false
            }
            for cloud in ["north", "west", "east"] {
                let payload = try stand.seal(Stand.values(9), for: second)
                let offer = try stand.offer(payload, for: second, of: cloud)
                try stand.send(offer, payload, from: cloud)
                #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
            }
            #expect(try await stand.sum(of: second).values == Stand.values(9).map { 3 * UInt64($0) })
            let counted = run.book.all.filter { $0.name == "contribution_counted" }
            #expect(counted.map(\.round).filter { $0 == 1 }.count == 3)
            #expect(counted.map(\.round).filter { $0 == 2 }.count == 3)
            #expect(stand.isAlive)
        }

        private static func dial(_ port: UInt16) throws -> Int32 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard descriptor >= 0, result == 0 else {
                throw FederationRun.Failure(description: "connect to \(port): \(errno)")
            }
            return descriptor
        }
    }
}

/// A sound document, and what carries it, if a message does.
private struct FuzzSeed: Sendable {
    let kind: MessageKind?
    let bytes: [UInt8]

    /// The seeds of the decoders' fuzzer, after their first two bytes, which choose the decoder (Tests/Fuzzing/Harness.swift).
    static func all() throws -> [FuzzSeed] {
        let folder = "\(FederationRun.repository)/Tests/Fuzzing/seeds"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))).dropFirst(2)
            // `opening-0` is of a sum, by a share of its key.
            let kind = name.split(separator: "-").first.flatMap { MessageKind(rawValue: String($0)) }
            let isCarried =
                [.opening, .release, .abandonment, .offer, .receipt].contains(kind) && name != "opening-0"
            return FuzzSeed(kind: isCarried ? kind : nil, bytes: Array(bytes.prefix(4096)))
        }
    }
}

/// Frames made of sound ones and spoiled, from a fixed seed.
private struct MutatedFrames {
    private var random: SeededGenerator
    private let seeds: [FuzzSeed]
    private let carried: [FuzzSeed]
    private let signing: SigningKey

    private init(seed: UInt64, signing: SigningKey) throws {
        random = SeededGenerator(seed: seed)
        seeds = try FuzzSeed.all()
        carried = seeds.filter { $0.kind != nil }
        self.signing = signing
    }

    private static func dial(_ plan: PostPlan, _ hub: StageName, _ body: (borrowing Socket) throws -> Void) throws {
        let context = try Context()
        let push = try Socket(.push, in: context)
        try push.set(.lingerMilliseconds(5_000))
        guard let dial = plan.dials.first(where: { $0.hub == hub }), let server = dial.serverKey else {
            throw FederationRun.Failure(description: "\(plan.stage) does not dial \(hub)")
        }
        try plan.curveSecret.withUnsafeBytes {
            try push.dialCurve(server: server, publicKey: plan.curvePublic, secret: $0)
        }
        try push.connect(dial.work)
        try body(push)
    }

    private static func send(_ message: [[UInt8]], by push: borrowing Socket) throws {
        while try !push.send(message) {
            var items = [PollItem(push, forInput: false, forOutput: true)]
            try poll(&items, milliseconds: 1000)
        }
    }

    /// Sends until so many frames are on their way; answers how many.
    static func send(_ count: Int, by plan: PostPlan, signing: SigningKey, to hub: StageName) throws -> Int {
        var frames = try MutatedFrames(seed: 11, signing: signing)
        var sent = 0
        try dial(plan, hub) { push in
            while sent < count {
                let message = frames.message(from: plan.stage)
                try send(message, by: push)
                sent += message.count
            }
        }
        return sent
    }

    /// Sends each of these once, as it is.
    static func sendSound(_ seeds: [FuzzSeed], by plan: PostPlan, signing: SigningKey, to hub: StageName) throws {
        try dial(plan, hub) { push in
            for seed in seeds {
                guard let kind = seed.kind else { continue }
                try send(sound(seed.bytes, as: kind, from: plan.stage, epoch: 1, signing).frames, by: push)
            }
        }
    }

    private static func sound(
        _ document: [UInt8], as kind: MessageKind, from stage: StageName, epoch: UInt64, _ signing: SigningKey
    ) -> WireMessage {
        let signature = signing.signature(of: Array("tributary 1 \(kind.rawValue)\n".utf8) + document)
        return WireMessage(kind, from: stage, epoch: epoch, document: document, signature: signature.bytes)
    }

    private mutating func message(from stage: StageName) -> [[UInt8]] {
        // Half of them as the kind that they are.
        let from = next() % 2 == 0 ? carried : seeds
        let seed = from[Int(next() % UInt64(from.count))]
        let kind = seed.kind ?? MessageKind.allCases[Int(next() % UInt64(MessageKind.allCases.count))]
        var frames = Self.sound(seed.bytes, as: kind, from: stage, epoch: next() % 3, signing).frames
        let place = Int(next() % 4)
        switch next() % 8 {
        case 0: frames.removeLast(place + 1 < 4 ? place + 1 : 1)
        case 1: frames[0] = [UInt8](repeating: 0x91, count: 1 << (next() % 13))
        case 2: frames += [[UInt8]](repeating: [0xc1], count: 1 + place * 20)
        case 3: frames[1] = [0xdd, 0xff, 0xff, 0xff, 0xff]
        default: spoil(&frames[place])
        }
        return frames
    }

    private mutating func spoil(_ frame: inout [UInt8]) {
        for _ in 0..<(1 + next() % 4) {
            guard !frame.isEmpty else { return frame.append(UInt8(truncatingIfNeeded: next())) }
            let place = Int(next() % UInt64(frame.count))
            switch next() % 4 {
            case 0: frame[place] ^= 1 << UInt8(next() % 8)
            case 1: frame.removeSubrange(place...)
            case 2: frame.insert(UInt8(truncatingIfNeeded: next()), at: place)
            default: frame[place] = [0xc1, 0xdf, 0xdd, 0xff, 0x00, 0xc0][Int(next() % 6)]
            }
        }
    }

    private mutating func next() -> UInt64 { random.next() }
}
