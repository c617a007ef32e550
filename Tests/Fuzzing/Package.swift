// swift-tools-version: 6.1
import PackageDescription

// What reads a stranger's bytes, with a libFuzzer entry in place of `main`. `scripts/fuzz` lays this manifest beside links to
// Sources and Tests in a folder of its own, and builds it with sanitizers: nothing here is part of a normal build.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, uses dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "fuzzing",
    dependencies: [.package(url: "https://github.com/jpsim/Yams", from: "6.2.2")],
    targets: [
        .systemLibrary(name: "CMessagePack"),
        .systemLibrary(name: "CSodium"),
        .systemLibrary(name: "CGMP"),
        .target(name: "CBlake2"),
        .target(name: "CMontgomery"),
        library("MessagePack", uses: ["CMessagePack"]),
        library("Sodium", uses: ["CSodium", "CBlake2"]),
        library("BigInteger", uses: ["CGMP", "CMontgomery", "CSodium"]),
        library("Federation", uses: ["MessagePack", "Sodium"]),
        .target(name: "CLinux"),
        library("JSONText", uses: []),
        library("Safetensors", uses: ["JSONText"]),
        library("Launching", uses: []),
        library("Keys", uses: ["Federation", "Sodium"]),
        library("Monitoring", uses: ["Federation", "JSONText", "MessagePack", "Sodium"]),
        library("Shipping", uses: ["CLinux", "Federation", "Monitoring", "Sodium"]),
        library("Configuration", uses: [.product(name: "Yams", package: "Yams")]),
        library("Topology", uses: ["Configuration", "Federation", "Monitoring", "Sodium"]),
        library("View", uses: ["Federation", "JSONText", "Launching", "Monitoring", "Topology"]),
        library("Adapter", uses: ["Federation", "JSONText", "Safetensors", "Sodium"]),
        library("Privacy", uses: ["Federation"]),
        library("Encryption", uses: ["Federation", "BigInteger", "Privacy", "Sodium"]),
        library("Planning", uses: ["Federation"]),
        library(
            "Publication",
            uses: [
                "Adapter", "Configuration", "Encryption", "Federation", "JSONText", "Planning", "Privacy",
                "Safetensors",
                "Sodium",
            ]),
        .target(name: "SeededRandom", path: "SeededRandom", swiftSettings: strict),
        // Links to Harness.swift, and to the entries and samples that the quick tests use too.
        .executableTarget(
            name: "fuzz-decoders",
            dependencies: [
                "MessagePack", "Sodium", "BigInteger", "Federation", "Keys", "Encryption", "JSONText", "Launching",
                "Monitoring", "Shipping", "Configuration", "Topology", "View", "Publication", "SeededRandom",
            ],
            path: "Harness",
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
