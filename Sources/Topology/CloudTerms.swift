internal import Configuration

extension Topology {
    /// An iperf3 server of a cloud, which the other clouds' operators may measure against.
    package struct ProbeServer: Hashable, Sendable {
        package let host: String
        package let port: Int

        /// `probe: HOST:PORT`; what is wrong with it is noted.
        init?(in cloud: Section) {
            guard
                let text = cloud.optionalString(
                    "probe",
                    about:
                        "HOST:PORT of this cloud's iperf3 server: `tributary probe --active` may measure against it")
            else { return nil }
            guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
                (1...65_535).contains(port)
            else {
                cloud.refuse("probe", "expected HOST:PORT, such as 10.0.0.5:5201")
                return nil
            }
            var host = String(text[..<colon])
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            if let refusal = NetworkAddress.refusalToDial(host) {
                cloud.refuse("probe", refusal)
                return nil
            }
            self.host = host
            self.port = port
        }
    }

    /// What a cloud's work costs, in the federation's currency.
    package struct Prices: Hashable, Sendable {
        /// Of one core, and of one accelerator, for an hour.
        package let cpuHour: Double
        package let gpuHour: Double
        /// Of 10^9 bytes that leave the cloud.
        package let egressGigabyte: Double

        package init(cpuHour: Double = 0, gpuHour: Double = 0, egressGigabyte: Double = 0) {
            self.cpuHour = cpuHour
            self.gpuHour = gpuHour
            self.egressGigabyte = egressGigabyte
        }

        init(_ file: Section) {
            cpuHour = file.double("cpu-hour", in: 0...1e6, default: 0, about: "of one core for an hour")
            gpuHour = file.double("gpu-hour", in: 0...1e6, default: 0, about: "of one accelerator for an hour")
            egressGigabyte = file.double(
                "egress-gb", in: 0...1e6, default: 0, about: "of a gigabyte (10^9 bytes) that leaves the cloud")
        }

        package func cost(cpuSeconds: Double = 0, gpuSeconds: Double = 0, egressBytes: Double = 0) -> Double {
            cpuHour * cpuSeconds / 3600 + gpuHour * gpuSeconds / 3600 + egressGigabyte * egressBytes / 1e9
        }
    }
}
