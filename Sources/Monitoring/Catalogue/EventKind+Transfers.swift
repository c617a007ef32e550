package import Federation

/// What became of a transfer: one event for each kind of transfer and end.
extension EventKind {
    /// Its receiver has it, durably.
    package static func receipted(_ kind: TransferKind) -> EventKind { ends[kind]?.receipted ?? .transferRefused }
    /// Its receiver, or the stage that was to use it, refuses it for good.
    package static func refused(_ kind: TransferKind) -> EventKind { ends[kind]?.refused ?? .transferRefused }
    /// Refused, but its round is over: nobody is harmed.
    package static func notNeeded(_ kind: TransferKind) -> EventKind { ends[kind]?.notNeeded ?? .transferRefused }

    private struct Ends {
        let receipted: EventKind
        let refused: EventKind
        let notNeeded: EventKind
    }

    /// What a cloud sends matters to whoever reads its log; what aggregate hands on is detail.
    private static let sentByClouds: Set<TransferKind> = [
        .contribution, .share, .advertisement, .shares, .consent, .disclosure,
    ]

    private static let ends: [TransferKind: Ends] = Dictionary(
        uniqueKeysWithValues: TransferKind.allCases.map { kind in
            let name = kind.rawValue
            return (
                kind,
                Ends(
                    receipted: EventKind(
                        "\(name)_receipted", sentByClouds.contains(kind) ? .info : .debug,
                        "The receiver has the \(name), durably.", [.to, .wireBytes, .offers, .reason],
                        meters: [.adds(.sentBytes, .wireBytes)]),
                    refused: EventKind(
                        "\(name)_refused", .error, "The \(name) is refused for good: told at both ends.",
                        [.from, .to, .wireBytes, .offers, .reason]),
                    notNeeded: EventKind(
                        "\(name)_not_needed", .info, "Refused because its round is over.",
                        [.wireBytes, .offers, .reason]))
            )
        })

    /// Those of kinds that have an event of that name of their own are left out.
    static let ofTransfers: [EventKind] = {
        let own = Set((ofStages + ofLinks + ofTraining + ofEncryption + ofRounds).map(\.name))
        return TransferKind.allCases.flatMap { kind in
            [receipted(kind), refused(kind), notNeeded(kind)].filter { !own.contains($0.name) }
        }
    }()
}
