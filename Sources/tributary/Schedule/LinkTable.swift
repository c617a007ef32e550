internal import Configuration
internal import Federation
internal import Planning

/// What is known of clouds and links, in a file, for `tributary schedule`.
struct LinkTable {
    struct Cloud {
        let figures: CloudFigures
        let cores: Double
        let gpus: Double
    }

    let clouds: [Cloud]
    /// Of a contribution at the most bits that may be chosen.
    let contribution: Double
    let release: Double
    let aggregate: Double
    let open: Double

    private static let rates = 0.001...1e6

    static func read(_ file: Section, bits: Int) -> LinkTable {
        _ = file.int("version", in: 1...1, about: "of this format: 1")
        let contribution = Double(file.byteSize("contribution", about: "bytes of a contribution at the config's bits"))
        let release = Double(file.byteSize("release", default: 0, about: "bytes of an adapter as clouds fetch it"))
        func seconds(_ section: Section, _ key: String, _ about: String) -> Double {
            section.duration(key, default: .zero, about: about) / .seconds(1)
        }
        let aggregate = seconds(file, "aggregate", "from the last contribution to the sum at publish")
        let open = seconds(file, "open", "from the sum to the release")
        let clouds = file.entries("clouds", keys: .pattern("^[a-z][a-z0-9-]{0,31}$", sample: "a"), about: "by name") {
            text, value in
            let name: CloudName
            do { name = try CloudName(text) } catch {
                value.problems.note("\(error)", at: value.keyPlace)
                throw Refused()
            }
            return try value.section { cloud in
                let latency = seconds(cloud, "latency", "one way")
                func rate(_ key: String, _ about: String) -> LinkRate {
                    LinkRate(
                        bytesPerSecond: cloud.double(key, in: rates, about: about) * 1e6 / 8, latency: latency)
                }
                return Cloud(
                    figures: CloudFigures(
                        cloud: name,
                        weight: cloud.double("weight", in: 0.001...1e9, default: 1, about: "what it counts"),
                        secondsPerStep: cloud.duration("step", about: "a local step") / .seconds(1),
                        fixedSeconds: seconds(cloud, "other", "what it does besides, whatever is asked"),
                        sealSecondsPerBit: seconds(cloud, "seal", "sealing, at the config's bits")
                            / Double(max(bits, 1)),
                        up: rate("up", "from it, Mbit/s"), down: rate("down", "to it, Mbit/s")),
                    cores: cloud.double("cores", in: 0...1e5, default: 1, about: "that are paid for"),
                    gpus: cloud.double("gpus", in: 0...1e5, default: 0, about: "that are paid for"))
            }
        }.map(\.value)
        if clouds.isEmpty { file.refuse("clouds", "there are none") }
        return LinkTable(
            clouds: clouds, contribution: contribution, release: release, aggregate: aggregate, open: open)
    }
}
