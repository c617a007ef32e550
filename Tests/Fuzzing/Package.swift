// swift-tools-version: 6.1
import PackageDescription

// The encryption layer alone, with a libFuzzer entry in place of `main`. `scripts/fuzz` lays this manifest beside links to
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
    targets: [
        .systemLibrary(name: "CMessagePack"),
        .systemLibrary(name: "CSodium"),
        .systemLibrary(name: "CGMP"),
        .target(name: "CBlake2"),
        .target(name: "CMontgomery"),
        library("MessagePack", uses: ["CMessagePack"]),
        library("Sodium", uses: ["CSodium", "CBlake2"]),
        library("BigInteger", uses: ["CGMP", "CMontgomery"]),
        library("Federation", uses: ["MessagePack", "Sodium"]),
        library("Keys", uses: ["Federation", "Sodium"]),
        library("Encryption", uses: ["Federation", "BigInteger", "Sodium"]),
        // Links to Harness.swift, and to the entries and samples that the quick tests use too.
        .executableTarget(
            name: "fuzz-decoders",
            dependencies: ["MessagePack", "Sodium", "BigInteger", "Federation", "Keys", "Encryption"],
            path: "Harness",
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
