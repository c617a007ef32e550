import Foundation
import Publication
import Sodium
import Testing

struct MinisignTests {
    static let minisign = "/usr/bin/minisign"
    private let message = Array("{\"run\": \"demo\"}\n".utf8)

    @Test("A key and a signature read back from their files and verify")
    func roundTrips() throws {
        let signing = try Fixtures.key()
        let key = Minisign.PublicKey(signing.verifyingKey)
        #expect(try Minisign.PublicKey(file: key.file) == key)
        let made = try Minisign.SignatureFile.make(for: message, key: signing, trustedComment: "run demo round 1")
        let read = try Minisign.SignatureFile(file: made.file)
        #expect(read == made)
        #expect(throws: Never.self) { try read.require(message, signedBy: key) }
    }

    @Test("Another message, key or trusted comment does not verify")
    func refusesOthers() throws {
        let signing = try Fixtures.key()
        let key = Minisign.PublicKey(signing.verifyingKey)
        let made = try Minisign.SignatureFile.make(for: message, key: signing, trustedComment: "run demo round 1")
        #expect(throws: Never.self) { try made.require(message, signedBy: key) }
        #expect(throws: PublicationError.self) { try made.require(message + [0], signedBy: key) }
        let other = Minisign.PublicKey(try Fixtures.key(2).verifyingKey)
        #expect(throws: PublicationError.self) { try made.require(message, signedBy: other) }
        let changed = try Minisign.SignatureFile(
            file: made.file.replacingOccurrences(of: "round 1", with: "round 2"))
        #expect(throws: PublicationError.minisign("the trusted comment was changed after it was signed")) {
            try changed.require(message, signedBy: key)
        }
    }

    @Test("Files that are not in the format are refused")
    func refusesSpoiledFiles() throws {
        let signing = try Fixtures.key()
        let key = Minisign.PublicKey(signing.verifyingKey).file
        let signature = try Minisign.SignatureFile.make(for: message, key: signing, trustedComment: "x").file
        #expect(throws: Never.self) { try Minisign.PublicKey(file: key) }
        #expect(throws: Never.self) { try Minisign.SignatureFile(file: signature) }
        for spoiled in [
            "", "x\ny\n", key + "more\n", key.replacingOccurrences(of: "RW", with: "RX"), String(key.dropLast(3)),
        ] {
            #expect(throws: PublicationError.self) { try Minisign.PublicKey(file: spoiled) }
        }
        let lines = signature.split(separator: "\n").map(String.init)
        for spoiled in [
            "", lines.dropLast().joined(separator: "\n"), signature + "\n\n",
            signature.replacingOccurrences(of: "trusted comment: x", with: "comment: x"),
            signature.replacingOccurrences(of: "\nRU", with: "\nRW"),  // `Ed`: signed without hashing first
            String(signature.dropLast(4)), signature + String(repeating: " ", count: 5000),
        ] {
            #expect(throws: PublicationError.self) { try Minisign.SignatureFile(file: spoiled) }
        }
    }

    @Test(
        "The stock minisign accepts our signature and refuses a changed file",
        .enabled(if: FileManager.default.isExecutableFile(atPath: minisign), "install the Debian package minisign"))
    func agreesWithMinisign() throws {
        let signing = try Fixtures.key()
        try Fixtures.withDirectory { directory in
            try Fixtures.write(message, "\(directory)/manifest.json")
            let signature = try Minisign.SignatureFile.make(
                for: message, key: signing, trustedComment: "tributary run demo round 1")
            try Fixtures.write(Array(signature.file.utf8), "\(directory)/manifest.json.minisig")
            let key = Minisign.PublicKey(signing.verifyingKey)
            try Fixtures.write(Array(key.file.utf8), "\(directory)/tributary.pub")
            let arguments = ["-Vm", "manifest.json", "-p", "tributary.pub"]
            let good = try Fixtures.run(MinisignTests.minisign, arguments, in: directory)
            #expect(good.status == 0)
            #expect(good.output.contains("Trusted comment: tributary run demo round 1"))
            let inline = try Fixtures.run(
                MinisignTests.minisign, ["-Vm", "manifest.json", "-P", key.text], in: directory)
            #expect(inline.status == 0)

            try Fixtures.write(message + [0x20], "\(directory)/manifest.json")
            #expect(try Fixtures.run(MinisignTests.minisign, arguments, in: directory).status != 0)
        }
    }

    @Test(
        "We accept a signature that the stock minisign made",
        .enabled(if: FileManager.default.isExecutableFile(atPath: minisign), "install the Debian package minisign"))
    func readsMinisign() throws {
        try Fixtures.withDirectory { directory in
            try Fixtures.write(message, "\(directory)/manifest.json")
            let made = try Fixtures.run(
                MinisignTests.minisign, ["-GW", "-p", "k.pub", "-s", "k.sec"], in: directory)
            try #require(made.status == 0, "\(made.output)")
            let signed = try Fixtures.run(
                MinisignTests.minisign, ["-SHm", "manifest.json", "-s", "k.sec", "-t", "a comment"], in: directory)
            try #require(signed.status == 0, "\(signed.output)")
            let key = try Minisign.PublicKey(
                file: String(decoding: Fixtures.read("\(directory)/k.pub"), as: UTF8.self))
            let signature = try Minisign.SignatureFile(
                file: String(decoding: Fixtures.read("\(directory)/manifest.json.minisig"), as: UTF8.self))
            #expect(signature.trustedComment == "a comment")
            #expect(throws: Never.self) { try signature.require(message, signedBy: key) }
        }
    }
}
