extension EventField {
    // MARK: Who and what for

    package static let reason = EventField("reason", .text, "why, and what to do about it, in words")
    package static let from = EventField(
        "from", .text, "the cloud or stage that it came from; an address where that is unknown")
    package static let to = EventField("to", .text, "the stage that it goes to")
    package static let receivers = EventField("receivers", .list, "the clouds that it goes to")
    package static let of = EventField("of", .text, "the stage whose key it is")
    package static let with = EventField("with", .text, "the stage whose clock it is")
    package static let hub = EventField("hub", .text, "the stage that is dialled")
    package static let peer = EventField("peer", .text, "the stage or address at the other end")
    package static let aggregate = EventField("aggregate", .text, "the stage that makes the round's sum")
    package static let cohort = EventField("cohort", .list, "clouds, in the order of their names")
    package static let missing = EventField("missing", .list, "clouds that did not come")
    package static let heldBy = EventField(
        "held_by", .list,
        "clouds by whose word the round is over these alone; empty where those without a word are left")
    package static let leftOut = EventField("left_out", .list, "clouds that are there and are not in the sum")
    package static let waitingFor = EventField("waiting_for", .list, "clouds or stages that have not come yet")
    package static let transfer = EventField("transfer", .text, "the transfer's name")
    package static let kind = EventField("kind", .text, "the message's kind")
    package static let what = EventField("what", .text, "which part of the masks")
    package static let card = EventField("card", .text, "the card, by its fingerprint or the digest of its signing key")
    package static let key = EventField("key", .text, "the id of the key of sums; empty under `clear`")
    package static let digest = EventField("digest", .text, "the BLAKE2b-256 digest of what the event is about")
    package static let opening = EventField("opening", .text, "the digest of the round's opening")
    package static let adapter = EventField(
        "adapter", .text, "the digest of the adapter; absent where none is released")
    package static let cards = EventField("cards", .list, "stages and their cards' fingerprints")
    package static let suite = EventField("suite", .text, "paillier, secagg or clear")
    package static let keyMode = EventField("keys", .text, "who holds the key of sums")
    package static let process = EventField("pid", .number, "the process")

    // MARK: Rounds

    package static let purpose = EventField("purpose", .text, "statistics, sensitivity, update or evaluation")
    package static let method = EventField(
        "method", .text, "how an update comes about: the clouds' steps, and publish's with their sum; empty else")
    package static let split = EventField("split", .text, "the held-out part that an evaluation is over; empty else")
    package static let term = EventField("term", .number, "how often aggregate has been appointed anew")
    package static let base = EventField("base", .number, "the round that a late update was trained for")
    package static let bases = EventField("bases", .list, "clouds whose update was late, each with the round it is of")
    package static let staleness = EventField(
        "staleness", .number, "updates that were released since the adapter that it was trained from")
    package static let discount = EventField("discount", .real, "the part of its weight that it counts for")
    package static let oldest = EventField("oldest", .number, "updates that may be released before it counts no more")
    package static let root = EventField("root", .text, "the Merkle root over the contributions")
    package static let isFinal = EventField("final", .flag, "whether it is the run's last")
    package static let folder = EventField("folder", .text, "where the release was written")
    package static let attempt = EventField("attempt", .number, "which attempt at this step has failed")
    package static let attempts = EventField("attempts", .number, "how many attempts a step has, where there is an end")
    package static let pauseSeconds = EventField(
        "pause_seconds", .real, "until it is tried again, or until who was missing comes", unit: "seconds")
    package static let stepsDone = EventField("steps_done", .number, "steps of the run's plan that have been released")
    package static let planSteps = EventField("steps", .number, "steps: of the run's plan, or of this training")
    package static let precision = EventField(
        "precision", .text, "the numbers that the base model is computed in: f32 or bf16")
    package static let device = EventField("device", .text, "what it is computed on: cpu, or cuda:N")
    package static let rounds = EventField("rounds", .number, "rounds that were released")
    package static let letGo = EventField("let_go", .number, "contributions that were held for it")

    // MARK: How much

    package static let values = EventField("values", .number, "values of the round's vector")
    package static let sent = EventField("sent", .number, "values of it that are sent")
    package static let residualNorm = EventField(
        "residual_norm", .real, "the norm of what compression leaves for the next update; 0 where nothing is kept")
    package static let bits = EventField("bits", .number, "bits of a quantised value")
    package static let encrypted = EventField("encrypted", .number, "values of it that are encrypted")
    package static let fraction = EventField("fraction", .real, "the part of the values that is encrypted")
    package static let sensitivityEncrypted = EventField(
        "sensitivity_encrypted", .real, "the part of all sensitivity that the encrypted values have")
    package static let noise = EventField("noise", .real, "the noise's scale, as the opening gives it")
    package static let noiseDeviation = EventField(
        "noise_deviation", .real, "its standard deviation on a value in clear")
    package static let clipped = EventField("clipped", .number, "values that lay beyond the range")
    package static let ciphertexts = EventField("ciphertexts", .number, "ciphertexts")
    package static let bytes = EventField("bytes", .number, "the payload's length", unit: "bytes")
    package static let wireBytes = EventField(
        "wire_bytes", .number, "sent for it, envelopes and repetitions included, before CURVE", unit: "bytes")
    package static let evidenceBytes = EventField(
        "evidence_bytes", .number, "what aggregate showed for it, or what was sent for the masks", unit: "bytes")
    package static let adapterBytes = EventField(
        "adapter_bytes", .number, "what each cloud is sent of the new adapter", unit: "bytes")
    package static let offers = EventField("offers", .number, "how often it was offered")
    package static let dropped = EventField("dropped", .number, "messages that went unread since the last such event")
    package static let omitted = EventField(
        "omitted", .number, "events of this kind that were held back since the last")
    package static let times = EventField(
        "times", .number, "how often that stage's connections have ended since this start")

    // MARK: How long

    package static let seconds = EventField("seconds", .real, "how long it took, or has taken", unit: "seconds")
    package static let cpuSeconds = EventField(
        "cpu_seconds", .real, "processor time of the stage's present process", unit: "seconds")
    package static let trainedSeconds = EventField(
        "trained_seconds", .real, "how long it has trained, by the clock",
        unit: "seconds")
    package static let linkBytes = EventField(
        "link_bytes", .list, "stages of other clouds, each with the bytes sent to it and received from it, before CURVE"
    )
    package static let ahead = EventField(
        "ahead_seconds", .real, "how far that clock is ahead; below zero where it is behind", unit: "seconds")
    package static let secondsLeft = EventField("seconds_left", .real, "an estimate of what is left", unit: "seconds")
    package static let quantiseSeconds = EventField(
        "quantise_seconds", .real, "quantising and packing", unit: "seconds")
    package static let sealSeconds = EventField("seal_seconds", .real, "sealing", unit: "seconds")
    package static let addSeconds = EventField("add_seconds", .real, "checking and adding", unit: "seconds")
    package static let gatherSeconds = EventField(
        "gather_seconds", .real, "from the round's opening here to its close", unit: "seconds")
    package static let checkSeconds = EventField("check_seconds", .real, "checking the sum", unit: "seconds")
    package static let openSeconds = EventField(
        "open_seconds", .real, "opening the sum, or this cloud's share of it", unit: "seconds")
    package static let waitedSeconds = EventField("waited_seconds", .real, "how long was waited", unit: "seconds")

    // MARK: Planning

    package static let predictedSeconds = EventField(
        "predicted_seconds", .real, "what was expected, from the opening to the release", unit: "seconds")
    package static let unplannedSeconds = EventField(
        "unplanned_seconds", .real, "expected, had every cloud the same steps, with all bits and for the whole cohort",
        unit: "seconds")
    package static let actualSeconds = EventField(
        "actual_seconds", .real, "from the opening to the release", unit: "seconds")
    package static let predictionError = EventField(
        "prediction_error", .real, "predicted over actual, less 1: above 0 where it was over sooner")
    package static let paces = EventField("paces", .list, "clouds and their local steps")
    package static let quorum = EventField("quorum", .number, "clouds that the round may close with")
    package static let deadlineSeconds = EventField(
        "deadline_seconds", .real, "from the opening to the deadline", unit: "seconds")

    // MARK: Links

    package static let goodput = EventField(
        "goodput_bytes_per_second", .real, "bytes of use, as their receiver measures them; smoothed",
        unit: "bytes_per_second")
    package static let samples = EventField("samples", .number, "stretches of transfers that are new in it")
    package static let roundTrip = EventField(
        "round_trip_seconds", .real, "TCP's least round-trip time of the last minutes; absent within a host",
        unit: "seconds")
    package static let jitter = EventField(
        "jitter_seconds", .real, "interarrival jitter of the hub's beats; absent where it sends none", unit: "seconds")

    // MARK: Data and training

    package static let stays = EventField("stays", .number, "stays read")
    package static let mapping = EventField("mapping", .text, "the mapping file's name")
    package static let shards = EventField("shards", .number, "shards made")
    package static let partition = EventField(
        "partition", .number, "which sharing out of the cloud's training records among its workers it is, from 1")
    package static let partitioning = EventField("partitioning", .text, "fixed, proportional or monitored")
    package static let parts = EventField("parts", .list, "workers, each with its training records")
    package static let slowness = EventField(
        "slowness", .real,
        "by the speeds that were seen, how many times as long as with these parts a round took with those before; absent where none were asked"
    )
    package static let shardSplit = EventField("split", .text, "train, validation or test")
    package static let examples = EventField("examples", .number, "examples")
    package static let tokens = EventField("tokens", .number, "tokens")
    package static let tokensPerSecond = EventField("tokens_per_second", .real, "tokens trained on in a second")
    package static let step = EventField("step", .number, "steps done in this training")
    package static let loss = EventField("loss", .real, "the mean training loss of the newest step")
    package static let firstLoss = EventField("first_loss", .real, "the first step's training loss")
    package static let lastLoss = EventField("last_loss", .real, "the last step's training loss")
    package static let deltaNorm = EventField("delta_norm", .real, "the update's norm before clipping")
    package static let clipNorm = EventField("clip_norm", .real, "the norm that it is clipped to")
    package static let receivedAdapterLoss = EventField(
        "received_adapter_loss", .real, "of the adapter that an update started from, on this cloud's validation split")

    // MARK: What an evaluation releases

    package static let figures: [EventField] = {
        let figures = [
            EventField("auroc", .real, "area under the ROC curve over all clouds' held-out patients"),
            EventField("auroc_binning_bound", .real, "how far binning can have moved it"),
            EventField("auprc", .real, "area under the precision-recall curve"),
            EventField("log_loss", .real, "mean log loss"),
            EventField("patients", .real, "patients scored"),
            EventField("withheld", .real, "1: fewer than ten patients of one outcome, so no figure is released"),
        ]
        let tests = figures.map { EventField("test_\($0.name)", $0.kind, "\($0.text); on the test split") }
        return figures + tests
    }()

    package static func figure(_ name: String) -> EventField? { figures.first { $0.name == name } }

    // MARK: Rights

    package static let landlock = EventField("landlock", .number, "Landlock's version; 0 for none")
    package static let ports = EventField("ports", .flag, "whether ports are closed but for the stage's own")
    package static let seccomp = EventField("seccomp", .flag, "whether system calls are filtered")
}
