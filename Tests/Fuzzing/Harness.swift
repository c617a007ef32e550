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

/// The first byte of an input chooses a decoder, the rest is what the decoder is given.
private func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 0, let start else { return -1 }
    let entries = Harness.entries
    guard Int(start[0]) < entries.count else { return -1 }
    Harness.counts.withLock { $0[Int(start[0])] += 1 }
    do {
        try entries[Int(start[0])].take(Array(UnsafeBufferPointer(start: start + 1, count: count - 1)))
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
        // An input of the corpus chooses its decoder by place: what is new goes to the end.
        do {
            return try DocumentDecoders.all + EncryptionDecoders.all.get() + [card] + JSONDecoders.all
                + MonitoringDecoders.all.get() + ShippingDecoders.all + ViewDecoders.all.get()
                + ConfigurationDecoders.all + TopologyDecoders.all + PublicationDecoders.all.get()
                + LaunchingDecoders.all.get()
        } catch {
            stop("the fixtures cannot be made: \(error)")
        }
    }()

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
        for (index, entry) in entries.enumerated() {
            for (number, seed) in entry.seeds.enumerated() {
                do { try entry.take(seed) } catch {
                    stop("seed \(number) of \(entry.name) is refused: \(error)")
                }
                let path = "\(folder)/\(entry.name)-\(number)"
                guard let file = fopen(path, "w") else { stop("cannot write \(path)") }
                let bytes = [UInt8(index)] + seed
                fwrite(bytes, 1, bytes.count, file)
                fclose(file)
            }
        }
        print("\(entries.count) decoders")
    }
}
