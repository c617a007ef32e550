import Foundation
import Glibc
import PowerCut
import StageKit
import Synchronization
import Testing

/// A journal that is synced is worth as much as the folders that it lies in.
@Suite("A stage's folders and a loss of power", .serialized)
struct StateDurabilityTests {
    private let folder: PowerCutFolder
    private let image: DurableImage
    /// Three folders above the stage's own are made with it.
    private let parts = ["srv", "state", "north", "encrypt"]

    init() throws {
        folder = try PowerCutFolder()
        image = DurableImage(of: try folder.made("live"))
    }

    private func path(_ count: Int, in root: String) -> String {
        ([root] + parts.prefix(count)).joined(separator: "/")
    }

    /// A stage's start and its first transaction.
    private func begin(_ root: String, note: String = "there") throws {
        let lock = try StateLock(path(parts.count, in: root))
        defer { lock.release() }
        let journal = try Journal(directory: path(parts.count, in: root))
        try journal.write { try $0.setFact("note", Array(note.utf8)) }
        try journal.close()
    }

    /// What its journal has after a loss of power; nil where there is none.
    private func noteAfterLoss(_ name: String) throws -> String? {
        let left = "\(folder.path)/\(name)"
        try image.restore(to: left)
        let directory = path(parts.count, in: left)
        guard FileManager.default.fileExists(atPath: "\(directory)/journal.sqlite") else { return nil }
        let journal = try Journal(directory: directory)
        return try journal.read { try $0.fact("note").map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test("What a stage has journaled is there after it, with the folders that it has made for it")
    func made() throws {
        defer { image.close() }
        try begin(image.root)
        #expect(try noteAfterLoss("after") == "there")
    }

    /// As a process leaves them that is killed between the making of a folder and its sync.
    @Test(
        "so it is where the one before was killed while it made them, whichever was the last", arguments: 1...4)
    func killed(count: Int) throws {
        defer { image.close() }
        if count > 1 { try StateFolder.make(path(count - 1, in: image.root), parents: 0o700) }
        #expect(mkdir(path(count, in: image.root), 0o700) == 0)
        try begin(image.root)
        #expect(try noteAfterLoss("after") == "there")
    }

    /// The control: by their own syncs alone the journal and its folder would be gone.
    @Test("Folders that nobody has synced take the journal with them")
    func unsynced() throws {
        defer { image.close() }
        for count in 1...parts.count { #expect(mkdir(path(count, in: image.root), 0o700) == 0) }
        let journal = try Journal(directory: path(parts.count, in: image.root))
        try journal.write { try $0.setFact("note", Array("there".utf8)) }
        #expect(try noteAfterLoss("after") == nil)
        // A start looks after all that it finds.
        try begin(image.root)
        #expect(try noteAfterLoss("later") == "there")
    }

    @Test("Whenever power goes while a stage starts, it starts in what is left, and then keeps what it journals")
    func steps() throws {
        defer { image.close() }
        let steps = Steps()
        image.afterEachSync { steps.keep(image, in: folder) }
        try begin(image.root)
        image.afterEachSync(nil)
        let kept = steps.all
        // The four folders at least.
        #expect(kept.count >= parts.count && steps.faults.isEmpty, "\(steps.faults)")
        for (number, left) in kept.enumerated() {
            #expect(throws: Never.self, "step \(number)") { try begin(left, note: "again") }
            let journal = try Journal(directory: path(parts.count, in: left))
            #expect(try journal.read { try $0.fact("note") } == Array("again".utf8), "step \(number)")
        }
    }

    @Test(
        "A folder that is there may lie in one that this user cannot read, and none is made where it cannot write",
        .enabled(if: geteuid() == 0, "only root can be another user for a while"))
    func closedAbove() async throws {
        image.close()
        try StateFolder.make("\(image.root)/above/own", parents: 0o700)
        for open in [folder.path, image.root] { #expect(chmod(open, 0o755) == 0) }
        #expect(chmod("\(image.root)/above", 0o711) == 0)
        #expect(chown("\(image.root)/above/own", 65_534, 65_534) == 0)
        // A process of its own, which is another user's from then on.
        let end = await #expect(processExitsWith: .success) { [above = "\(image.root)/above" as String] in
            #expect(seteuid(65_534) == 0)
            #expect(opendir(above) == nil)
            try StateFolder.make("\(above)/own", parents: 0o700)
            try StateFolder.make("\(above)/own/new", parents: 0o700)
            #expect(throws: StateFolder.Fault.self) { try StateFolder.make("\(above)/other", parents: 0o700) }
        }
        #expect(end != nil)
    }
}

/// The images of a disk, one for each step.
private final class Steps: Sendable {
    private let state = Mutex((paths: [String](), faults: [String]()))

    var all: [String] { state.withLock { $0.paths } }
    var faults: [String] { state.withLock { $0.faults } }

    func keep(_ image: DurableImage, in folder: PowerCutFolder) {
        state.withLock { state in
            let path = "\(folder.path)/step-\(state.paths.count)"
            do {
                try image.restore(to: path)
                state.paths.append(path)
            } catch { state.faults.append("\(error)") }
        }
    }
}
