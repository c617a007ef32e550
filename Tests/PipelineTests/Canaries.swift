import Encryption
import Federation
import Foundation
import Keys
import Sodium
import StageKit
import Tokenization
import Topology

/// What must stay in its cloud, in every form in which it could leave.
enum Canaries {
    static let patient = "734512908867"
    static let reading = "71.30294853"

    /// Gives one patient of the cloud north a number, and one reading a value, that occur nowhere else.
    static func plant(in tables: String) throws {
        let script = """
            cd '\(tables)/north' && gzip -d *.gz && sed -i 's/,10001,/,\(patient),/' *.csv \
            && sed -i '0,/,[0-9]*,[0-9]*,BPM/s//,\(reading),\(reading),BPM/' CHARTEVENTS.csv && grep -q '\(reading)' CHARTEVENTS.csv
            """
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        try shell.run()
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else {
            throw FederationRun.Failure(description: "the canaries were not planted")
        }
    }

    /// The forms of an update: what a careless stage might send in the place of ciphertexts.
    static let updateForms = ["f32", "weighted f32", "bf16", "quantised u32", "quantised u16", "packed"]

    /// Records, token ids and update slices of every cloud.
    static func needles(_ clear: ObservedRound.Clear, of run: FederationRun) throws -> [Needle] {
        var needles = [
            Needle(what: "patient id", bytes: Array(patient.utf8)),
            Needle(what: "reading as text", bytes: Array(reading.utf8)),
        ]
        if let value = Double(reading) { needles += bothOrders("reading as f64", [value.bitPattern]) }
        for cloud in clear.deltas.keys.sorted() {
            needles += try update(of: cloud, clear)
            needles += try records(of: cloud, run)
            needles += try tokens(of: cloud, run)
        }
        return needles
    }

    private static func update(of cloud: CloudName, _ clear: ObservedRound.Clear) throws -> [Needle] {
        guard let delta = clear.deltas[cloud], let quantised = clear.quantised[cloud] else { return [] }
        let weight = Float(clear.opening.foldedWeight(of: cloud))
        let width = 16
        let limbs = try packed(quantised, clear.opening)
        var needles: [Needle] = []
        // Windows of values that are not all alike: a run of zeros is nobody's secret.
        let windows = stride(from: 0, to: delta.count - width, by: width)
            .filter { start in Set(quantised[start..<(start + width)]).count > width / 2 }
        guard windows.count > 3 else {
            throw FederationRun.Failure(description: "\(cloud) trained nothing that could be told")
        }
        for start in [windows[1], windows[windows.count / 2], windows[windows.count - 2]] {
            let values = Array(delta[start..<(start + width)])
            let codes = Array(quantised[start..<(start + width)])
            needles += bothOrders("f32", values.map(\.bitPattern))
            needles += bothOrders("weighted f32", values.map { ($0 * weight).bitPattern })
            needles += bothOrders("bf16", values.map { UInt16($0.bitPattern >> 16) })
            needles += bothOrders("quantised u32", codes)
            needles += bothOrders("quantised u16", codes.map { UInt16($0) })
        }
        for start in [limbs.count / 3, limbs.count / 2] {
            needles += bothOrders("packed", Array(limbs[start..<(start + 4)]))
            needles.append(
                Needle(what: "packed", bytes: bothOrders("", Array(limbs[start..<(start + 4)].reversed()))[1].bytes))
        }
        return needles
    }

    /// A plaintext as it would stand before encryption.
    private static func packed(_ values: [UInt32], _ opening: Opening) throws -> [UInt64] {
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        let perPlaintext = slots.values(plaintextBits: 3071)
        var limbs = [UInt64](repeating: 0, count: 48)
        limbs.withUnsafeMutableBufferPointer { limbs in
            Array(values.prefix(perPlaintext)).withUnsafeBufferPointer { values in
                if let base = limbs.baseAddress {
                    base.withMemoryRebound(to: UInt.self, capacity: 48) { slots.pack(values, into: $0, count: 48) }
                }
            }
        }
        return limbs
    }

    private static func records(of cloud: CloudName, _ run: FederationRun) throws -> [Needle] {
        let folder = run.topology.stateFolder(of: StageName(cloud: cloud, kind: .ingest))
        let text = String(decoding: try run.read("\(folder)/records-train.txt"), as: UTF8.self)
        return text.split(separator: "\n").prefix(4).map { line in
            // The end of a record: beginnings are alike.
            Needle(what: "record", bytes: Array(line.utf8.suffix(60)))
        }
    }

    private static func tokens(of cloud: CloudName, _ run: FederationRun) throws -> [Needle] {
        let journal = try run.journal(of: StageName(cloud: cloud, kind: .localTrain))
        defer { try? journal.close() }
        let shards = try journal.read { try $0.held(.shard) }.map { try TokenShard(bytes: $0.payload.read()) }
        guard let shard = shards.first(where: { $0.split == .train }), shard.count > 3 else {
            throw FederationRun.Failure(description: "\(cloud) has no shard to look for")
        }
        return (0..<3).flatMap { index -> [Needle] in
            let ids = shard.tokens[shard.range(of: index)].suffix(12)
            return bothOrders("token ids i32", ids.map { UInt32(bitPattern: $0) })
                + bothOrders("token ids u16", ids.map { UInt16($0) })
                + bothOrders("token ids i64", ids.map { UInt64($0) })
        }
    }

    /// The secrets of keys, as bytes and as they are written.
    static func keyNeedles(_ run: FederationRun) throws -> [Needle] {
        var needles: [Needle] = []
        func add(_ what: String, _ bytes: [UInt8]) {
            needles.append(Needle(what: what, bytes: bytes))
            needles.append(Needle(what: what, bytes: Array(Hex.encode(bytes).utf8)))
        }
        for stage in run.stages {
            add("CURVE secret of \(stage)", try run.keys.curveSecret(of: stage).withUnsafeBytes { Array($0) })
            add("signing seed of \(stage)", try run.keys.signingKey(of: stage).withSecretBytes { Array($0.prefix(32)) })
        }
        for cloud in run.topology.dataClouds {
            add("rounding secret of \(cloud)", try run.keys.roundingSecret(of: cloud).withUnsafeBytes { Array($0) })
        }
        for cloud in run.topology.cloudsOpen ? run.topology.dataClouds : [] {
            let encoded = try run.share(of: cloud).encoded().withUnsafeBytes { Array($0) }
            let value = Array(encoded.suffix(try run.sharedKey().bits / 4))
            add("share of \(cloud)", value)
            needles.append(Needle(what: "share of \(cloud)", bytes: value.reversed()))
        }
        return needles
    }

    /// Numbers as bytes, least significant first and most significant first.
    private static func bothOrders<Number: FixedWidthInteger>(_ what: String, _ numbers: [Number]) -> [Needle] {
        [numbers.map(\.littleEndian), numbers.map(\.bigEndian)].map { ordered in
            Needle(what: what, bytes: ordered.withUnsafeBytes { Array($0) })
        }
    }
}
