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

/// A stage's main, or the launcher.
func executable(_ name: String, folder: String, runs dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
        path: "Sources/\(folder)", swiftSettings: strict)
}

/// What a stage does, apart from its process: tests run it without sockets.
func stage(_ folder: String, uses dependencies: [Target.Dependency]) -> Target {
    .target(
        name: "\(folder)Logic", dependencies: dependencies, path: "Sources/Stages/\(folder)", swiftSettings: strict)
}

/// `Reference/` holds the programs in other languages that a suite compares with; SwiftPM need not look at them.
func tests(
    _ name: String, uses dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "tributary",
    products: [
        // Loaded at run time by local-train, so that nothing else carries libtorch (docs/architecture.md, "The engine").
        .library(name: "TributaryTorch", type: .dynamic, targets: ["CTorch"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // C
        system("CZeroMQ", apt: "libzmq3-dev"),
        system("CMessagePack", apt: "libmsgpack-dev"),
        system("CSodium", apt: "libsodium-dev"),
        system("CGMP", apt: "libgmp-dev"),
        system("CZlib", apt: "zlib1g-dev"),
        .target(name: "CLinux"),
        .target(name: "CBlake2"),
        .target(name: "CMontgomery"),
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
                    // Beside it where it is installed, and where it was built.
                    "-L\(engine)/lib", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/engine", "-Xlinker", "-rpath",
                    "-Xlinker", "\(engine)/lib",
                    "-Xlinker", "--allow-shlib-undefined",
                ]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
            ]),

        // Wrappers
        library("ZeroMQ", uses: ["CZeroMQ"]),
        library("MessagePack", uses: ["CMessagePack"]),
        library("Sodium", uses: ["CSodium", "CBlake2"]),
        library("BigInteger", uses: ["CGMP", "CMontgomery", "CSodium"]),
        library("Torch", uses: ["CTorchInterface"]),
        library("Gzip", uses: ["CZlib"]),

        // Protocol
        library("Federation", uses: ["MessagePack", "Sodium"]),

        // Runtime
        library("JSONText"),
        library("Monitoring", uses: ["Federation", "JSONText", "MessagePack", "Sodium"]),
        library("Shipping", uses: ["CLinux", "Federation", "Monitoring", "Sodium"]),
        library("Configuration", uses: [.product(name: "Yams", package: "Yams")]),
        library("Keys", uses: ["Federation", "Sodium"]),
        library("Topology", uses: ["Configuration", "Federation", "Monitoring", "Sodium"]),
        library("View", uses: ["Federation", "JSONText", "Launching", "Monitoring", "Topology"]),
        library(
            "Web",
            uses: ["JSONText", "Monitoring", "Sodium", "View", .product(name: "FlyingFox", package: "FlyingFox")]),
        library(
            "StageKit",
            uses: [
                "Configuration", "Federation", "Keys", "Launching", "MessagePack", "Monitoring", "Topology", "ZeroMQ",
                "Sodium", "CLinux", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // What the launcher and its commands say to each other, and stages to it
        library("Launching"),
        library("Deployment", uses: ["Federation", "Monitoring", "Sodium", "Topology"]),

        // Domain
        library("Safetensors", uses: ["JSONText"]),
        library("Tokenization", uses: ["JSONText", "Safetensors"]),
        library("Adapter", uses: ["Federation", "JSONText", "Safetensors", "Sodium"]),
        library("Corpus", uses: ["Configuration", "Federation", "Gzip", "Sodium", "Tokenization"]),
        library(
            "FineTuning",
            uses: ["Adapter", "Federation", "JSONText", "Privacy", "Safetensors", "Sodium", "Tokenization", "Torch"]),
        library("Planning", uses: ["Federation"]),
        library("Privacy", uses: ["Federation"]),
        library("Encryption", uses: ["Federation", "BigInteger", "Privacy", "Sodium"]),
        library("Aggregation", uses: ["Federation", "Encryption", "Safetensors", "Sodium"]),
        library(
            "Publication",
            uses: [
                "Adapter", "Configuration", "Encryption", "Federation", "JSONText", "Planning", "Privacy",
                "Safetensors",
                "Sodium",
            ]),

        // What the stages do; the executables below are their mains
        stage(
            "Ingest",
            uses: [
                "Configuration", "Corpus", "Federation", "Keys", "Monitoring", "Planning", "Sodium", "StageKit",
                "Tokenization", "Topology",
            ]),
        stage(
            "LocalTrain",
            uses: [
                "Adapter", "Configuration", "Encryption", "Federation", "FineTuning", "Keys", "Monitoring", "Sodium",
                "StageKit", "Tokenization", "Topology", "Torch",
            ]),
        stage(
            "Encrypt",
            uses: [
                "Aggregation", "Configuration", "Encryption", "Federation", "Keys", "Monitoring", "Privacy", "Sodium",
                "StageKit", "Topology",
            ]),
        stage(
            "Aggregate",
            uses: [
                "Aggregation", "Configuration", "Encryption", "Federation", "Keys", "Monitoring", "Sodium", "StageKit",
                "Topology",
            ]),
        stage(
            "Publish",
            uses: [
                "Adapter", "Aggregation", "Configuration", "Corpus", "Encryption", "Federation", "FineTuning", "Keys",
                "Monitoring", "Planning", "Privacy", "Publication", "Safetensors", "Sodium", "StageKit", "Topology",
            ]),

        // Executables
        executable("tributary-ingest", folder: "ingest", runs: ["IngestLogic", "StageKit"]),
        executable("tributary-local-train", folder: "local-train", runs: ["LocalTrainLogic", "StageKit"]),
        executable("tributary-encrypt", folder: "encrypt", runs: ["EncryptLogic", "StageKit"]),
        executable("tributary-aggregate", folder: "aggregate", runs: ["AggregateLogic", "StageKit"]),
        executable("tributary-publish", folder: "publish", runs: ["PublishLogic", "StageKit"]),
        executable(
            "tributary", folder: "tributary",
            runs: [
                "AggregateLogic", "Aggregation", "BigInteger", "CLinux", "Configuration", "Corpus", "Deployment",
                "EncryptLogic", "Encryption", "Federation", "IngestLogic", "JSONText", "Keys", "Launching",
                "LocalTrainLogic",
                "Monitoring", "Planning",
                "Publication", "PublishLogic", "Safetensors", "Shipping", "Sodium", "StageKit", "Topology", "View",
                "Web",
                "ZeroMQ",
            ]),
        executable(
            "tributary-lab", folder: "lab",
            runs: [
                "Adapter", "Configuration", "Corpus", "Encryption", "Federation", "FineTuning", "Gzip", "Publication",
                "Sodium", "StageKit", "Tokenization", "Topology",
            ]),

        // Tests
        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: strict),
        .target(
            name: "Collectors", dependencies: ["JSONText", "Monitoring"], path: "Tests/Collectors", exclude: ["Peers"],
            swiftSettings: strict),
        .target(name: "SampleTopology", path: "Tests/SampleTopology", swiftSettings: strict),
        // Keys of a JSON file beside those that its page lists
        .target(name: "DocumentedKeys", path: "Tests/DocumentedKeys", swiftSettings: strict),
        // A file system that a test may fill
        .target(name: "SmallDisk", path: "Tests/SmallDisk", swiftSettings: strict),
        // What a loss of power leaves
        .target(
            name: "CSyncWatch", dependencies: ["CSodium"], path: "Tests/CSyncWatch",
            linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "PowerCut", dependencies: ["CSyncWatch"], path: "Tests/PowerCut", swiftSettings: strict),
        // Calls made in another process's name
        .target(name: "CTracee", path: "Tests/CTracee"),
        tests("ZeroMQTests", uses: ["Sodium", "ZeroMQ"]),
        tests("MessagePackTests", uses: ["MessagePack"]),
        tests("SodiumTests", uses: ["Sodium"]),
        tests(
            "FederationTests", uses: ["Federation", "MessagePack", "SeededRandom", "Sodium"],
            resources: [.copy("Vectors")]),
        tests("ConfigurationTests", uses: ["Configuration", "SeededRandom"]),
        tests("KeysTests", uses: ["Keys", "Federation", "PowerCut", "Sodium"]),
        tests("LaunchingTests", uses: ["Launching", "SeededRandom"]),
        tests(
            "TopologyTests",
            uses: [
                "Topology", "Configuration", "Federation", "Keys", "Monitoring", "SampleTopology", "SeededRandom",
                "SmallDisk", "Sodium", "ZeroMQ",
            ]),
        tests(
            "StageKitTests",
            uses: [
                "StageKit", "Federation", "Keys", "MessagePack", "Monitoring", "PowerCut", "SmallDisk", "Sodium",
                "Topology", "ZeroMQ",
            ]),
        tests("JSONTextTests", uses: ["JSONText", "SeededRandom"]),
        tests(
            "MonitoringTests", uses: ["Federation", "JSONText", "MessagePack", "Monitoring", "SeededRandom", "Sodium"]),
        tests(
            "ShippingTests",
            uses: ["Collectors", "Federation", "JSONText", "Monitoring", "SeededRandom", "Shipping", "Sodium"]),
        tests(
            "ViewTests",
            uses: ["Federation", "JSONText", "Launching", "Monitoring", "SeededRandom", "Sodium", "Topology", "View"]),
        tests(
            "WebTests", uses: ["Federation", "JSONText", "Launching", "Monitoring", "Sodium", "View", "Web"],
            exclude: ["Reference"]),
        tests("SafetensorsTests", uses: ["JSONText", "Safetensors"]),
        tests(
            "DeploymentTests", uses: ["Deployment", "Configuration", "Federation", "SampleTopology", "Topology"],
            exclude: ["Reference"]),
        tests(
            "SchemaTests",
            uses: [
                "AggregateLogic", "Configuration", "Corpus", "EncryptLogic", "IngestLogic", "LocalTrainLogic",
                "Publication", "PublishLogic", "StageKit", "Topology",
            ], exclude: ["Reference"]),
        tests("TokenizationTests", uses: ["Tokenization", "Safetensors"], exclude: ["Reference"]),
        tests("AdapterTests", uses: ["Adapter", "Federation", "JSONText", "Safetensors", "Sodium"]),
        tests("CorpusTests", uses: ["Corpus", "Configuration", "Federation", "Gzip", "Sodium", "Tokenization"]),
        tests(
            "FineTuningTests",
            uses: [
                "FineTuning", "Adapter", "Encryption", "Federation", "Safetensors", "Sodium", "Tokenization", "Torch",
            ],
            exclude: ["Reference"]),
        tests(
            "EncryptionTests", uses: ["Encryption", "BigInteger", "Federation", "Privacy", "SeededRandom", "Sodium"],
            exclude: ["Reference"],
            resources: [.copy("Vectors")]
        ),
        tests(
            "AggregationTests", uses: ["Aggregation", "Encryption", "Federation", "MessagePack", "PowerCut", "Sodium"]),
        tests("PlanningTests", uses: ["Federation", "Planning"]),
        tests(
            "PrivacyTests", uses: ["Privacy", "Federation", "SeededRandom", "Sodium"], exclude: ["Reference"],
            resources: [.copy("Vectors")]),
        tests(
            "PublicationTests",
            uses: [
                "Publication", "Adapter", "Configuration", "DocumentedKeys", "Federation", "JSONText", "Planning",
                "PowerCut", "Privacy", "SeededRandom", "Sodium",
            ]),
        tests(
            "SimulationTests",
            uses: [
                "AggregateLogic", "BigInteger", "CSyncWatch", "Configuration", "Corpus", "EncryptLogic", "Encryption",
                "Federation", "IngestLogic", "Keys", "LocalTrainLogic",
                "MessagePack", "Monitoring", "PowerCut", "Publication", "PublishLogic", "SeededRandom", "Sodium",
                "StageKit", "Tokenization", "Topology",
            ]),
        tests(
            "PipelineTests",
            uses: [
                "Adapter", "Aggregation", "BigInteger", "CTracee", "Collectors", "Configuration", "Corpus",
                "DocumentedKeys", "Encryption", "Federation", "FineTuning", "JSONText", "Keys", "MessagePack",
                "Monitoring", "Privacy", "Publication", "Safetensors", "SeededRandom", "Sodium", "StageKit",
                "Tokenization", "Topology", "ZeroMQ",
            ], exclude: ["Reference"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17,
    cxxLanguageStandard: .cxx20
)
