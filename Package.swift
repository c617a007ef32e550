// swift-tools-version: 6.1
import PackageDescription

// The target list reads as the diagram in docs/architecture.md: C modules, wrappers, protocol, runtime, domain, stages.

/// The engine's libtorch, unpacked into the checkout by `make engine`. A constant path on purpose: SwiftPM caches the
/// manifest's answer, so a manifest must not look at what exists.
let engine = "\(Context.packageDirectory)/.engine/torch"

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A Debian C library, reached through a module map; `apt` names the package that brings its header.
func system(_ name: String, apt package: String) -> Target {
    .systemLibrary(name: name, providers: [.apt([package])])
}

func library(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A stage or the launcher: a thin executable over a library of the domain.
func executable(_ name: String, folder: String, runs dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
        path: "Sources/\(folder)", swiftSettings: strict)
}

func tests(_ name: String, uses dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "tributary",
    products: [
        // Loaded at run time by local-train, so that nothing else carries libtorch (docs/architecture.md, "The engine").
        .library(name: "TributaryTorch", type: .dynamic, targets: ["CTorch"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C
        system("CZeroMQ", apt: "libzmq3-dev"),
        system("CMessagePack", apt: "libmsgpack-dev"),
        system("CSodium", apt: "libsodium-dev"),
        system("CGMP", apt: "libgmp-dev"),
        system("CZlib", apt: "zlib1g-dev"),
        .target(name: "CLinux"),
        .target(name: "CTorchInterface"),
        .target(
            name: "CTorch", dependencies: ["CTorchInterface"],
            cxxSettings: [
                .unsafeFlags([
                    "-isystem", "\(engine)/include", "-isystem", "\(engine)/include/torch/csrc/api/include",
                    "-fvisibility=hidden", "-DAT_PER_OPERATOR_HEADERS",
                ])
            ],
            linkerSettings: [
                .unsafeFlags([
                    "-L\(engine)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(engine)/lib",
                    "-Xlinker", "--allow-shlib-undefined",
                ]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
            ]),

        // Wrappers
        library("ZeroMQ", uses: ["CZeroMQ"]),
        library("MessagePack", uses: ["CMessagePack"]),
        library("Sodium", uses: ["CSodium"]),
        library("BigInteger", uses: ["CGMP"]),
        library("Torch", uses: ["CTorchInterface"]),
        library("Gzip", uses: ["CZlib"]),

        // Protocol
        library("Federation", uses: ["MessagePack", "Sodium"]),

        // Runtime
        library("Topology", uses: ["Federation", .product(name: "Yams", package: "Yams")]),
        library(
            "StageKit",
            uses: [
                "Federation", "Topology", "ZeroMQ", "Sodium", "CLinux",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // Domain
        library("Corpus", uses: ["Federation", "Gzip", .product(name: "Yams", package: "Yams")]),
        library("FineTuning", uses: ["Federation", "Torch", "Sodium"]),
        library("Encryption", uses: ["Federation", "BigInteger", "Sodium"]),
        library("Aggregation", uses: ["Federation", "Encryption"]),
        library("Publication", uses: ["Federation", "Encryption", "FineTuning", "Sodium"]),

        // Executables
        executable("tributary-ingest", folder: "ingest", runs: ["Corpus", "StageKit"]),
        executable("tributary-local-train", folder: "local-train", runs: ["FineTuning", "Corpus", "StageKit"]),
        executable("tributary-encrypt", folder: "encrypt", runs: ["Encryption", "StageKit"]),
        executable("tributary-aggregate", folder: "aggregate", runs: ["Aggregation", "StageKit"]),
        executable("tributary-publish", folder: "publish", runs: ["Publication", "StageKit"]),
        executable(
            "tributary", folder: "tributary",
            runs: ["Topology", "StageKit", "Publication", "Encryption", "Corpus", "ZeroMQ", "Sodium", "CLinux"]),
        executable(
            "tributary-lab", folder: "lab", runs: ["Corpus", "FineTuning", "Encryption"]),

        // Tests
        tests("ZeroMQTests", uses: ["ZeroMQ"]),
        tests("MessagePackTests", uses: ["MessagePack"]),
        tests("SodiumTests", uses: ["Sodium"]),
        tests("FederationTests", uses: ["Federation"]),
        tests("TopologyTests", uses: ["Topology"]),
        tests("StageKitTests", uses: ["StageKit"]),
        tests("CorpusTests", uses: ["Corpus"]),
        tests("FineTuningTests", uses: ["FineTuning", "Torch"]),
        tests("EncryptionTests", uses: ["Encryption", "BigInteger"], resources: [.copy("Vectors")]),
        tests("AggregationTests", uses: ["Aggregation"]),
        tests("PublicationTests", uses: ["Publication"]),
        tests("PipelineTests", uses: ["Federation", "Topology", "StageKit", "Encryption", "FineTuning", "Publication"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17,
    cxxLanguageStandard: .cxx20
)
