/// Why libtorch could not be loaded, or what an operator refused.
package enum TorchError: Error, Equatable, CustomStringConvertible {
    /// No plug-in in any of the places where it may lie.
    case missing(searched: [String])
    /// The plug-in is there, but the dynamic loader refused it (say, libtorch itself is gone).
    case unloadable(path: String, reason: String)
    /// The plug-in was built for another version of the interface.
    case otherVersion(path: String, expected: UInt32)
    /// Another device than the CPU was asked of an engine that is built for the CPU alone.
    case withoutCUDA(version: String)
    /// No such device here, or none that may be opened.
    case noDevice(Device, found: Int)
    /// An operator failed; `reason` is libtorch's own text.
    case failed(operation: String, reason: String)

    package var description: String {
        switch self {
        case .missing(let searched):
            "the training engine libTributaryTorch.so was not found (searched \(searched.joined(separator: ", "))); "
                + "run `make engine`, then build again"
        case .unloadable(let path, let reason):
            "the training engine \(path) does not load: \(reason); run `make engine`, then build again"
        case .otherVersion(let path, let expected):
            "the training engine \(path) is not of this build (interface \(expected) expected); build again"
        case .withoutCUDA(let version):
            "the training engine here, libtorch \(version), is built for the CPU alone: take `device: cpu`, or put libtorch's CUDA "
                + "build with its libraries into .engine and build again (docs/operating.md, \"local-train\")"
        case .noDevice(let device, let found):
            "libtorch finds \(found) CUDA devices here, and no \(device): take `device: cpu` or another number, look whether nvidia-smi "
                + "lists it, and start this stage with --unconfined, as a confined one cannot open /dev/nvidia*"
        case .failed(let operation, let reason): "libtorch, \(operation): \(reason)"
        }
    }
}
