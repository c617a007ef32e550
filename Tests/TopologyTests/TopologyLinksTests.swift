import Configuration
import Federation
import FoundationEssentials
import Glibc
import Testing
import Topology

@Suite("Who finds whom")
struct TopologyLinksTests {
    @Test("aggregate takes work of the data clouds' encrypt stages alone")
    func aggregatePeers() throws {
        let topology = try Sample.load()
        #expect(
            topology.allowedPeers(ofHub: topology.aggregate).map(\.description) == [
                "north/encrypt", "south/encrypt", "west/encrypt",
            ])
    }

    @Test("publish hears aggregate and every stage of every cloud")
    func publishPeers() throws {
        let topology = try Sample.load()
        let others = topology.stages.map(\.name).filter { $0 != topology.publish }
        #expect(Set(topology.allowedPeers(ofHub: topology.publish)) == Set(others))
        #expect(others.count == 10)
    }

    @Test("hubs inside a cloud take that cloud's own stages alone")
    func insidePeers() throws {
        let topology = try Sample.load()
        #expect(topology.allowedPeers(ofHub: try StageName("north/local-train")).map(\.description) == ["north/ingest"])
        #expect(
            topology.allowedPeers(ofHub: try StageName("north/encrypt")).map(\.description) == [
                "north/ingest", "north/local-train",
            ])
        #expect(topology.allowedPeers(ofHub: try StageName("north/ingest")) == [])
    }

    @Test("each stage dials what lies downstream of it, and publish for its news")
    func dials() throws {
        let topology = try Sample.load()
        #expect(
            topology.dials(of: try StageName("south/ingest")).map(\.description) == [
                "south/local-train", "south/encrypt", "release/publish",
            ])
        #expect(topology.dials(of: topology.aggregate) == [topology.publish])
        #expect(topology.dials(of: topology.publish) == [])
    }

    @Test(
        "what opens a sum has links of its own, and the drawing shows who holds what opens it",
        arguments: [
            ("suite: paillier\nkeys: threshold\nthreshold: 2", "evidence", "shares"),
            ("suite: paillier\nkeys: clouds", "evidence", "shares"), ("suite: secagg", "masking", "disclosures"),
            ("suite: paillier\nkeys: publisher", nil, nil), ("suite: clear\nallow-clear: true", nil, nil),
        ] as [(String, String?, String?)])
    func openingLinks(terms: String, shown: String?, help: String?) throws {
        let topology = try Sample.load(Sample.spoiled("suite: paillier\nkeys: publisher", terms))
        let links = try topology.links(from: StageName("south/encrypt"))
        #expect(links.map(\.to) == [topology.aggregate, topology.publish])
        #expect(links.map(\.cargo.rawValue) == ["contribution", help ?? "requests"])
        #expect(links.map(\.answer?.rawValue) == [shown, nil])
        // One operator with the whole key is the only one who has it drawn.
        let holdsKey = topology.suite == .paillier && topology.keys == .publisher
        #expect(topology.drawing.contains("holds the paillier key") == holdsKey)
        #expect(topology.picture.contains("holds the key of sums") == holdsKey)
        for name in ["evidence", "shares", "masking", "disclosures"] {
            let isThere = name == shown || name == help
            #expect(topology.drawing.contains("══\(name)══▶") == isThere, "\(name)")
            #expect(topology.picture.contains(">\(name)<") == isThere, "\(name)")
        }
    }

    @Test("a tcp hub binds one address and is dialled at another; IPv6 is bracketed")
    func remoteHubs() throws {
        let hub = try #require(try Sample.load().hub(of: StageName("release/publish")))
        #expect(hub.isRemote)
        #expect(hub.bind.work == "tcp://0.0.0.0:7101")
        #expect(hub.dial.news == "tcp://publish.example:7102")
        let six = try Sample.load(Sample.spoiled("bind: 10.0.0.1", "bind: \"::1\""))
        #expect(six.hub(of: six.aggregate)?.dial.work == "tcp://[::1]:7101")
    }

    @Test("hubs inside a cloud are ipc, in a folder that fits a socket's path and differs by cloud and state")
    func localHubs() throws {
        let topology = try Sample.load()
        let north = try CloudName("north")
        let hub = try #require(topology.hub(of: .encrypt, in: north))
        #expect(!hub.isRemote && hub.bind == hub.dial)
        #expect(hub.bind.work == "ipc://\(topology.socketFolder(of: north))/encrypt.work")
        #expect(hub.bind.work.utf8.count - "ipc://".utf8.count <= 107)
        #expect(topology.socketFolder(of: north) != topology.socketFolder(of: try CloudName("south")))
        let elsewhere = try Topology.load(text: Sample.text, file: "/t.yaml", state: "/other")
        #expect(elsewhere.socketFolder(of: north) != topology.socketFolder(of: north))
        #expect(topology.hub(of: .ingest, in: north) == nil)
    }

    @Test("the socket folder is made 0700, and one that others can enter is refused")
    func socketFolder() throws {
        let parent = "/tmp/tributary-topology-\(getpid())"
        let folder = "\(parent)/abc"
        defer {
            rmdir(folder)
            rmdir(parent)
        }
        try SocketFolder.make(folder)
        try SocketFolder.make(folder)
        #expect(chmod(folder, 0o755) == 0)
        #expect(throws: SocketFolder.Refused.self) { try SocketFolder.make(folder) }
        rmdir(folder)
        #expect(symlink("/tmp", folder) == 0)
        #expect(throws: SocketFolder.Refused.self) { try SocketFolder.make(folder) }
        unlink(folder)
    }

    @Test("the drawing names every cloud, owner and address; the picture is whole XML without a source outside itself")
    func drawing() throws {
        let topology = try Sample.load()
        for cloud in topology.clouds {
            #expect(topology.drawing.contains(" \(cloud.name) "))
            #expect(topology.drawing.contains(cloud.owner))
            #expect(topology.picture.contains(">\(cloud.owner)<"))
        }
        #expect(topology.drawing.contains("publish.example (binds 0.0.0.0), work 7101, news 7102"))
        #expect(topology.drawing.contains(topology.trust))
        #expect(!topology.picture.contains("href"))
        let nasty = try Sample.load(Sample.spoiled("North Hospital", "\"A & <b>\""))
        #expect(nasty.picture.contains("A &amp; &lt;b&gt;"))
    }

    @Test(
        "the topologies of the repository are sound, every one, whether or not the tables that they name are there",
        arguments: [("one-machine", 3), ("three-clouds", 3), ("real-three", 3), ("real-regions", 5)])
    func shipped(name: String, clouds: Int) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let topology = try Topology.load("/\(root)/topology/\(name).yaml", state: "/s")
        #expect(topology.dataClouds.count == clouds)
        #expect(topology.warnings.allSatisfy { $0.message.contains("127.0.0.1") })
        let files = try FileManager.default.contentsOfDirectory(atPath: "/\(root)/topology")
        #expect(files.count { $0.hasSuffix(".yaml") } == 4, "a topology that is not among these arguments: \(files)")
    }
}
