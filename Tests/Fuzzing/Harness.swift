import Configuration
import Encryption
import Federation
import Glibc
import JSONText
import Keys
import MessagePack
import Monitoring
import Publication
import Shipping
import Sodium
import Synchronization
import View

/// A release build's traps say nothing.
private func stop(_ reason: String) -> Never {
    let line = Array("fuzz-decoders: \(reason)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    abort()
}

/// The first two bytes of an input choose a decoder, the rest is what the decoder is given.
private func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1, let start, let index = Harness.places[UInt16(start[0]) << 8 | UInt16(start[1])] else { return -1 }
    Harness.counts.withLock { $0[index] += 1 }
    do {
        try Harness.entries[index].take(Array(UnsafeBufferPointer(start: start + 2, count: count - 2)))
    } catch {
        guard Harness.isExpected(error), !"\(error)".isEmpty else { stop("an error that is none of ours: \(error)") }
    }
    return 0
}

/// libFuzzer's driver, which reads the command line and calls `input` until told otherwise (FuzzerInterface of LLVM's compiler-rt).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ input: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer's own ways to change an input (FuzzerInterface).
@_silgen_name("LLVMFuzzerMutate")
private func changed(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int) -> Int

/// What libFuzzer calls for its next input. The bytes that choose the decoder stay. One input in four is made of a seed of each decoder in
/// turn: coverage alone hardly ever comes back to those that are slow or soon explored.
@_cdecl("LLVMFuzzerCustomMutator")
func fuzzMutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ random: CUnsignedInt) -> Int {
    var count = count
    if random.isMultiple(of: 4), let seed = Harness.nextSeed(), seed.count <= most {
        for (index, byte) in seed.enumerated() { data[index] = byte }
        count = seed.count
    }
    guard count > 2 else { return changed(data, count, most) }
    return 2 + changed(data + 2, count - 2, most - 2)
}

/// `main`, by the name that SwiftPM gives it. With FUZZ_SEEDS=FOLDER in the environment it writes a valid input of every
/// kind there; otherwise it fuzzes.
@_cdecl("fuzz_decoders_main")
func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    if let folder = getenv("FUZZ_SEEDS") {
        Harness.writeSeeds(to: String(cString: folder))
        return 0
    }
    atexit { Harness.printCounts() }
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments) { fuzzOneInput($0, $1) }
}

enum Harness {
    static let entries: [DocumentDecoders.Entry] = {
        do {
            let layer = try DocumentDecoders.all + EncryptionDecoders.all.get() + [card]
            if getenv("FUZZ_ENCRYPTION") != nil { return layer }
            return try layer + JSONDecoders.all
                + MonitoringDecoders.all.get() + ShippingDecoders.all + ViewDecoders.all.get()
                + ConfigurationDecoders.all + TopologyDecoders.all + PublicationDecoders.all.get()
                + LaunchingDecoders.all.get()
        } catch {
            stop("the fixtures cannot be made: \(error)")
        }
    }()

    /// The place of each decoder, by the bytes that choose it: of its name alone, so that a corpus outlives decoders that come and go.
    static let places: [UInt16: Int] = {
        var places: [UInt16: Int] = [:]
        for (index, entry) in entries.enumerated() {
            let other = places.updateValue(index, forKey: key(of: entry.name))
            if let other {
                stop("\(entry.name) and \(entries[other].name) are chosen by the same bytes: give one another name")
            }
        }
        return places
    }()

    /// FNV-1a of 32 bits, folded (draft-eastlake-fnv).
    private static func key(of name: String) -> UInt16 {
        let hash = name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return UInt16(truncatingIfNeeded: hash >> 16 ^ hash)
    }

    private static let card: DocumentDecoders.Entry = (
        "public-card",
        [
            Array(
                PublicCard(
                    stage: Samples.publish, curve: [UInt8](repeating: 1, count: 32),
                    verifying: Samples.key.verifyingKey
                ).text.utf8)
        ],
        { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let card = PublicCard(text: text) else { return }
            precondition(card.text == text, "a public card reads otherwise than it was written")
        }
    )

    /// Inputs that each decoder was given.
    static let counts = Mutex([Int](repeating: 0, count: 256))

    /// With the bytes that choose their decoders: the first seed of each decoder, then the second of those that have one, and so on.
    private static let seeds: [[UInt8]] = {
        let most = entries.map(\.seeds.count).max() ?? 0
        return (0..<most).flatMap { number in
            entries.compactMap { number < $0.seeds.count ? input($0.seeds[number], for: $0) : nil }
        }
    }()
    private static let turn = Atomic<Int>(0)

    static func nextSeed() -> [UInt8]? {
        guard !seeds.isEmpty else { return nil }
        return seeds[turn.wrappingAdd(1, ordering: .relaxed).oldValue % seeds.count]
    }

    private static func input(_ bytes: [UInt8], for entry: DocumentDecoders.Entry) -> [UInt8] {
        let key = key(of: entry.name)
        return [UInt8(key >> 8), UInt8(truncatingIfNeeded: key)] + bytes
    }

    static func printCounts() {
        let counts = counts.withLock { $0 }
        for (index, entry) in entries.enumerated() { print("decoder \(entry.name) \(counts[index])") }
    }

    static func isExpected(_ error: any Error) -> Bool {
        switch error {
        case is FederationError, is MessagePackError, is EncryptionError, is ThresholdError, is MaskingError,
            is SodiumError, is RecordFault, is JSONError, is EventLine.Fault, is AuditFault, is SpoolFault,
            is ForwardHandshake.Fault, is SinkAddress.Fault, is SinkFault, is RoundTrace.Absent, is ConfigurationError,
            is PublicationError, is DecodingError:
            true
        default: false
        }
    }

    static func writeSeeds(to folder: String) {
        // Stops where two decoders would be chosen by the same bytes.
        _ = places
        for entry in entries {
            for (number, seed) in entry.seeds.enumerated() {
                do { try entry.take(seed) } catch {
                    stop("seed \(number) of \(entry.name) is refused: \(error)")
                }
                let path = "\(folder)/\(entry.name)-\(number)"
                guard let file = fopen(path, "w") else { stop("cannot write \(path)") }
                let bytes = input(seed, for: entry)
                fwrite(bytes, 1, bytes.count, file)
                fclose(file)
            }
        }
        print("\(entries.count) decoders")
    }
}
