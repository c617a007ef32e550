import JSONText
import Safetensors

/// An adapter as Hugging Face PEFT keeps it: a folder with `adapter_config.json` and `adapter_model.safetensors`.
package enum PEFTFolder {
    package static let configName = "adapter_config.json"
    package static let weightsName = "adapter_model.safetensors"
    package static let maximumConfigBytes = 1 << 20

    /// The folder's files by name. The same adapter gives the same bytes.
    package static func encode(_ adapter: LowRankAdapter) throws -> [String: [UInt8]] {
        let configuration = adapter.configuration
        let metadata = [
            "format": "pt",
            seedKey: String(configuration.seed),
            trainsKey: configuration.trains.rawValue,
        ]
        return [
            configName: try PEFTConfiguration.json(configuration).encoded(),
            weightsName: try SafetensorsWriter.encode(adapter.tensors, metadata: metadata),
        ]
    }

    /// Writes the two files into an existing directory; a file already there is replaced in one step.
    package static func write(_ adapter: LowRankAdapter, to directory: String) throws {
        for (name, bytes) in try encode(adapter).sorted(by: { $0.key < $1.key }) {
            try DurableFile.replace("\(directory)/\(name)", with: bytes)
        }
    }

    package static func read(_ directory: String, base: BaseModelShape) throws -> LowRankAdapter {
        let config = try DurableFile.read("\(directory)/\(configName)", limit: maximumConfigBytes)
        return try decode(config, SafetensorsFile(path: "\(directory)/\(weightsName)"), base)
    }

    /// Reads the two files' bytes. An adapter that Tributary did not write names no seed and counts as trained in A and B.
    package static func decode(config: [UInt8], weights: [UInt8], base: BaseModelShape) throws -> LowRankAdapter {
        let file: SafetensorsFile
        do throws(SafetensorsError) {
            file = try SafetensorsFile(bytes: weights)
        } catch {
            throw AdapterError.weights(error.description)
        }
        return try decode(config, file, base)
    }

    private static func decode(
        _ config: [UInt8], _ file: SafetensorsFile, _ base: BaseModelShape
    ) throws -> LowRankAdapter {
        let (seed, trains) = try provenance(file.metadata)
        let configuration = try PEFTConfiguration.decode(config, seed: seed ?? 0, trains: trains)
        let adapter = try values(of: file, configuration, base)
        if seed != nil, trains == .b {
            for (module, a) in zip(adapter.modules, adapter.a) where try configuration.initialA(module) != a {
                throw AdapterError.weights(
                    "\(module.nameA) is not what seed \(configuration.seed) makes, yet it is said to be")
            }
        }
        return adapter
    }

    private static let seedKey = "tributary.seed"
    private static let trainsKey = "tributary.trains"

    private static func provenance(
        _ metadata: [String: String]
    ) throws(AdapterError) -> (seed: UInt64?, trains: AdapterConfiguration.Trains) {
        guard let seedText = metadata[seedKey], let trainsText = metadata[trainsKey] else {
            guard metadata[seedKey] == nil, metadata[trainsKey] == nil else {
                throw .weights("the metadata must name both \(seedKey) and \(trainsKey), or neither")
            }
            return (nil, .both)
        }
        guard let seed = UInt64(seedText), let trains = AdapterConfiguration.Trains(rawValue: trainsText),
            trains != .full
        else {
            throw .weights("the metadata's \(seedKey) or \(trainsKey) has a value that is not known here")
        }
        // R is folded in and cannot be told from B any more.
        return (seed, trains == .core ? .both : trains)
    }

    private static func values(
        of file: SafetensorsFile, _ configuration: AdapterConfiguration, _ base: BaseModelShape
    ) throws(AdapterError) -> LowRankAdapter {
        let modules = configuration.modules(of: base)
        let expected = Set(modules.flatMap { [$0.nameA, $0.nameB] })
        if let extra = file.tensors.keys.filter({ !expected.contains($0) }).min() {
            throw .weights("tensor \"\(extra.prefix(160))\" belongs to no projection that adapter_config.json names")
        }
        var a: [[Float]] = []
        var b: [[Float]] = []
        for module in modules {
            a.append(try floats(file, module.nameA, module.shapeA))
            b.append(try floats(file, module.nameB, module.shapeB))
        }
        return LowRankAdapter(configuration: configuration, base: base, a: a, b: b)
    }

    private static func floats(_ file: SafetensorsFile, _ name: String, _ shape: [Int]) throws(AdapterError) -> [Float]
    {
        let values: [Float]
        do throws(SafetensorsError) {
            let entry = try file.entry(name)
            guard entry.shape == shape else {
                throw SafetensorsError.tensor(name: name, "expected shape \(shape), found \(entry.shape)")
            }
            values = try file.floats(name)
        } catch {
            throw .weights(error.description)
        }
        guard values.allSatisfy(\.isFinite) else { throw .weights("\(name) has a value that is not finite") }
        return values
    }
}
