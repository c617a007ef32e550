internal import CTorchInterface
internal import Glibc

/// libtorch, reached through libTributaryTorch.so. Loaded when first asked for, so that a process that never trains never
/// carries it; once loaded it stays until the process ends.
package final class TorchLibrary: Sendable {
    // The table is constant memory of a library that is never unloaded: any thread may read it at any time.
    nonisolated(unsafe) let api: UnsafePointer<tributary_torch_api>
    /// Where every tensor lies that is made with this.
    package let device: Device

    private init(api: UnsafePointer<tributary_torch_api>, device: Device) {
        self.api = api
        self.device = device
    }

    private static let loaded = Result<TorchLibrary, TorchError> { () throws(TorchError) in try load() }

    /// The library, for tensors on one device; every call for the CPU gives the same one, or the same error.
    package static func shared(on device: Device = .cpu) throws(TorchError) -> TorchLibrary {
        let loaded = try loaded.get()
        guard case .cuda(let index) = device else { return loaded }
        let count = Int(loaded.api.pointee.cuda_devices())
        guard count >= 0 else { throw .withoutCUDA(version: loaded.version) }
        guard index < count else { throw .noDevice(device, found: count) }
        return TorchLibrary(api: loaded.api, device: device)
    }

    /// libtorch's own version, such as 2.13.0.
    package var version: String { api.pointee.version().map { String(cString: $0) } ?? "unknown" }

    /// How many threads one operator may use, for the whole process.
    package var threads: Int { Int(api.pointee.threads()) }

    package func setThreads(_ count: Int) throws(TorchError) {
        try check(api.pointee.set_threads(Int32(clamping: count)), "set_num_threads")
    }

    /// Seeds libtorch's generator. Nothing here draws from it: see `SeededGenerator` in FineTuning.
    package func seed(_ seed: UInt64) throws(TorchError) { try check(api.pointee.seed(seed), "manual_seed") }

    /// Runs `body` without recording operators for a later `backward`.
    package func withoutGradients<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        let before = api.pointee.set_gradient_mode(false)
        defer { _ = api.pointee.set_gradient_mode(before) }
        return try body()
    }

    func failure(_ operation: StaticString) -> TorchError {
        let reason = api.pointee.last_error().map { String(cString: $0) } ?? "no reason given"
        return .failed(operation: "\(operation)", reason: reason)
    }

    func check(_ status: Int32, _ operation: StaticString) throws(TorchError) {
        if status != 0 { throw failure(operation) }
    }
}

extension TorchLibrary {
    private static let file = "libTributaryTorch.so"

    private static func load() throws(TorchError) -> TorchLibrary {
        let places = places()
        guard let path = places.first(where: { access($0, F_OK) == 0 }) else { throw .missing(searched: places) }
        // RTLD_LOCAL: libtorch's many symbols stay out of the process's global scope.
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw .unloadable(path: path, reason: loaderMessage())
        }
        guard let symbol = dlsym(library, "tributary_torch") else {
            throw .unloadable(path: path, reason: loaderMessage())
        }
        let entry = unsafeBitCast(symbol, to: (@convention(c) (UInt32) -> UnsafePointer<tributary_torch_api>?).self)
        guard let api = entry(UInt32(TRIBUTARY_TORCH_ABI)) else {
            throw .otherVersion(path: path, expected: UInt32(TRIBUTARY_TORCH_ABI))
        }
        return TorchLibrary(api: api, device: .cpu)
    }

    /// The library's file, where it is there: for whoever must open the way to it beforehand.
    package static var files: [String] { places().filter { access($0, F_OK) == 0 } }

    /// Beside the executable (a build folder), then where `make install` puts it.
    private static func places() -> [String] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = buffer.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return [file] }
        let folder = String(decoding: path[..<slash], as: UTF8.self)
        return ["\(folder)/\(file)", "\(folder)/../lib/tributary/\(file)"]
    }

    private static func loaderMessage() -> String { dlerror().map { String(cString: $0) } ?? "no reason given" }
}
