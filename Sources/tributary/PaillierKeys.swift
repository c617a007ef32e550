internal import Keys
internal import Topology

enum PaillierKeys {
    static func complete(in store: KeyStore, for topology: Topology) throws -> Bool { false }
}
