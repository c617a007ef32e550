import Deployment
import Federation
import Foundation
import Testing

@Suite("Limits on memory and threads")
struct ResourceTests {
    /// A topology in which south's encrypt may have three gigabytes.
    private static let stated = Federations.wide.replacing(
        "owner: South Clinic\n    stages:\n      ingest: {config: \(Federations.config)}",
        with: "owner: South Clinic\n    stages:\n      ingest: {config: \(Federations.config), memory: 3GiB}")
    private static let kinds = Dictionary(
        uniqueKeysWithValues: StageKind.allCases.map { ($0, StageService.memory(of: $0)) })

    @Test("a stage has what its kind gets, or what the topology says for it alone")
    func memory() throws {
        #expect(Self.stated != Federations.wide)
        for service in try Federations.services() { #expect(service.memory == Self.kinds[service.stage.kind]) }
        for service in try Federations.services(Self.stated) {
            let isStated = service.stage.description == "south/ingest"
            #expect(service.memory == (isStated ? 3 << 30 : Self.kinds[service.stage.kind]), "\(service.stage)")
        }
    }

    @Test("every unit, service and container has the limits, and swap is not among what it may use")
    func formats() throws {
        let services = try Federations.services(Self.stated, of: ["south"])
        let cloud = services[0].stage.cloud
        let compose = try ComposeFile(services, of: cloud, name: .standard, image: "tributary").files()[0].text
        let manifests = try KubernetesManifests(
            services, name: .standard, image: "tributary", contents: [Federations.config: "a: b\n"]
        ).files().map(\.text).joined()
        let units = try SystemdUnits(services, of: cloud, name: .standard).files()
        #expect(services.count == 3)
        for service in services {
            let unit = try Federations.text(units, "south-\(service.stage.kind).service").split(separator: "\n")
            #expect(unit.contains("MemoryMax=\(service.memory)"))
            #expect(unit.contains("MemorySwapMax=0"))
            #expect(unit.contains("TasksMax=\(StageService.tasks)"))
            let limits = "mem_limit: \(service.memory)\n    memswap_limit: \(service.memory)\n"
            #expect(compose.contains(limits))
            let asked = "requests:\n              memory: \"\(service.memory)\"\n"
            #expect(
                manifests.contains(asked + "            limits:\n              memory: \"\(service.memory)\"\n"))
        }
        #expect(compose.components(separatedBy: "pids_limit: \(StageService.tasks)\n").count == 4)
    }
}
