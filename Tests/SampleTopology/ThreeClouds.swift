/// The text of a topology of three clouds with data, a coordinator and a releaser, on which tests change what they are about.
package enum ThreeClouds {
    /// - Parameters:
    ///   - config: a file that is there, for every stage.
    ///   - head: lines between the run and the clouds.
    ///   - trainer: further keys of south's local-train.
    ///   - aggregate: further keys, and so of publish.
    package static func text(
        config: String, head: String = "", trainer: String = "", aggregate: String, publish: String
    ) -> String {
        func cloud(_ name: String, _ owner: String, trainer: String = "") -> String {
            """
              \(name):
                owner: \(owner)
                stages:
                  ingest: {config: \(config)}
                  local-train: {config: \(config)\(keys(trainer))}
                  encrypt: {config: \(config)}

            """
        }
        return """
            version: 1
            federation: trial
            run: first
            \(head)clouds:
            \(cloud("north", "North Hospital"))\(cloud("south", "South Clinic", trainer: trainer))\
            \(cloud("west", "West Practices"))\
              coordinator:
                owner: Trial Office
                stages:
                  aggregate: {config: \(config)\(keys(aggregate))}
              release:
                owner: Release Board
                stages:
                  publish: {config: \(config)\(keys(publish))}

            """
    }

    private static func keys(_ more: String) -> String { more.isEmpty ? "" : ", \(more)" }
}
