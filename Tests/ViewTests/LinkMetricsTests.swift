import Federation
import Monitoring
import Testing
import View

@Suite("What links measure")
struct LinkMetricsTests {
    @Test("bytes are those that left or those that came, whichever are more; round trips are the dialler's")
    func readings() throws {
        let (encrypt, aggregate) = (try StageName("north/encrypt"), try StageName("coordinator/aggregate"))
        let meters = (Meters(), Meters())
        meters.0.add(1000, to: .linkBytes, ["coordinator/aggregate", "sent"])
        meters.0.set(.roundTrip, ["coordinator/aggregate"], to: 0.025)
        meters.0.set(.peerUp, ["coordinator/aggregate"], to: 1)
        meters.0.add(70, to: .linkBytes, ["followers", "sent"])
        meters.1.add(1200, to: .linkBytes, ["north/encrypt", "received"])
        meters.1.add(300, to: .linkBytes, ["all", "sent"])
        var metrics = LinkMetrics()
        for (meters, stage) in [(meters.0, encrypt), (meters.1, aggregate)] {
            var exposition = Exposition()
            exposition.add(meters.readings(), labels: [("run", "demo"), ("cloud", "x"), ("stage", "y")])
            metrics.take(exposition.text, of: stage)
        }
        let pair = FederationView.Pair(from: encrypt, to: aggregate)
        #expect(
            metrics.readings == [
                pair: FederationView.LinkReading(bytes: 1200, roundTripSeconds: 0.025, bytesPerSecond: nil, isUp: true)
            ])
        var view = FederationView(try Story().plan)
        view.take(
            FederationView.LinkReading(bytes: 1, roundTripSeconds: nil, bytesPerSecond: nil, isUp: true), of: pair)
        #expect(view.readings.count == 1)
        let stranger = FederationView.Pair(from: encrypt, to: try StageName("nowhere/aggregate"))
        view.take(
            FederationView.LinkReading(bytes: 1, roundTripSeconds: nil, bytesPerSecond: nil, isUp: true), of: stranger)
        #expect(view.readings.count == 1)
    }

    @Test("lines that are no metrics, or name nobody, are passed over")
    func nonsense() throws {
        var metrics = LinkMetrics()
        for line in [
            "tributary_link_bytes_total{", "tributary_link_bytes_total{}", "tributary_peer_up{peer=\"x\"} 1",
            "tributary_link_bytes_total{peer=\"a/encrypt\",direction=\"sent\"} NaN", "tributary_peer_up}{ 1",
            "tributary_link_bytes_total{peer=\"a/encrypt} 5", "\u{0}", "# HELP x",
        ] {
            metrics.take(line, of: try StageName("north/encrypt"))
        }
        #expect(metrics.readings.isEmpty)
        metrics.take(
            "tributary_link_bytes_total{peer=\"a/encrypt\",direction=\"sent\"} 5", of: try StageName("north/encrypt"))
        #expect(metrics.readings.count == 1)
    }
}
