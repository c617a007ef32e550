package import Publication
internal import Federation
package import StageKit

extension StageProgram where StageConfiguration == PublishConfiguration, Prepared == KeyChoice {
    package static var publish: Self {
        StageProgram(
            .publish, configuration: PublishConfiguration.self, prepare: { try KeyChoice($0) }, rehearse: { _, _ in },
            make: { try PublishStage($0, keys: $1) })
    }
}
