import BigInteger
import Encryption
import Foundation
import Testing

/// The reference implementation, python-paillier (`phe` on PyPI), in a virtual environment of the user's.
@Suite("Agreement with python-paillier")
struct PythonPaillierTests {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    /// Runs a program of Python with arguments and returns the lines that it prints.
    private func run(_ program: String, _ arguments: [String]) throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(PythonPaillierTests.python))
        process.arguments = ["-c", program] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try #require(try output.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(
        "Each decrypts what the other encrypts, and sums of both",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a python3 that has phe (pip install phe)"))
    func bothDirections() throws {
        let key = try PaillierPrivateKey.generate(size: .insecure(bits: 1024))
        let (p, q) = try TestKeys.primes(of: key)
        let n = p * q
        let square = n * n
        #expect(n == key.publicKey.n.value)

        let slots = try SlotLayout(bits: 8, cohort: 3)
        let scheme = PaillierScheme(key: key.publicKey, layout: try layout(count: 100), slots: slots)
        let values = (0..<100).map { UInt32($0 + 1) }
        let ours = Integer(bigEndian: try scheme.seal(values, threads: 1))
        var plaintext: Integer = 1
        for (slot, value) in values.enumerated() { plaintext += Integer(UInt(value)) << ((slot + 1) * slots.width) }

        let program = """
            import sys
            from phe import paillier
            p, q, theirs, message = (int(text, 16) for text in sys.argv[1:])
            public = paillier.PaillierPublicKey(p * q)
            private = paillier.PaillierPrivateKey(public, p, q)
            own = public.raw_encrypt(message)
            print("%x" % private.raw_decrypt(theirs))
            print("%x" % own)
            print("%x" % private.raw_decrypt(own * theirs % (p * q) ** 2))
            """
        let message: Integer = 123_456_789
        let lines = try run(program, [p, q, ours, message].map(\.hexadecimal))
        try #require(lines.count == 3)
        #expect(lines[0] == plaintext.hexadecimal)
        #expect(lines[2] == (plaintext + message).hexadecimal)

        let theirs = try #require(Integer(lines[1], radix: 16))
        let decryption = try #require(PaillierDecryption(p: p, q: q))
        #expect(decryption.plaintext(of: theirs) == message)
        #expect(decryption.plaintext(of: (theirs * ours).modulo(square)) == plaintext + message)
    }
}
